//! Images without an engine: their configuration, and the archive that engines load.
//!
//! Built here and loaded, rather than imported by the engine: an import has a separate layer for each image, and Docker
//! 20.10 refuses `STOPSIGNAL` there. An image built here has the same id on every engine.

use super::recipe::{Recipe, digest, hex};
use crate::failure::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tar::{Builder, Header};

/// The label that distinguishes stand-ins from real images.
const STAND_IN: &str = "devarch.stand-in";
const NAME: &str = "devarch.stand-in.name";

/// The label with the hash of the recipe.
pub(crate) const RECIPE: &str = "devarch.stand-in.recipe";

/// An image's configuration, as engines load it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Configuration {
    architecture: String,
    os: String,
    created: String,
    config: Map<String, Value>,
    rootfs: Rootfs,
    history: Vec<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rootfs {
    #[serde(rename = "type")]
    kind: String,
    diff_ids: Vec<String>,
}

/// Facts about the building machine in a stand-in's configuration.
pub(crate) struct Maker<'a> {
    pub(crate) architecture: &'a str,
    pub(crate) created: &'a str,
}

impl Configuration {
    /// The configuration of a stand-in of these layers, the lowest first.
    pub(crate) fn new(recipe: &Recipe, layers: &[PathBuf], maker: &Maker<'_>) -> Result<Self> {
        let image = recipe.directory.join("image.json");
        let text = fs::read_to_string(&image).context(format!("cannot read {}", image.display()))?;
        let mut config: Map<String, Value> = serde_json::from_str(&text)
            .context(format!("{} is no image's configuration", image.display()))?;
        let name = recipe.image.clone().unwrap_or_default();
        let mut labels = Map::new();
        labels.insert(STAND_IN.to_owned(), "true".into());
        labels.insert(NAME.to_owned(), name.clone().into());
        labels.insert(RECIPE.to_owned(), recipe.hash.clone().into());
        if let Some(Value::Object(own)) = config.remove("Labels") {
            labels.extend(own);
        }
        config.insert("Labels".to_owned(), labels.into());
        let step = json!({"created": maker.created, "created_by": format!("stand-in for {name}")});
        let diff_ids: Result<Vec<String>> = layers.iter().map(|layer| diff_id(layer)).collect();
        Ok(Self {
            architecture: maker.architecture.to_owned(),
            os: "linux".to_owned(),
            created: maker.created.to_owned(),
            config,
            rootfs: Rootfs { kind: "layers".to_owned(), diff_ids: diff_ids? },
            history: vec![step; layers.len()],
        })
    }

    fn name(&self) -> &str {
        self.config
            .get("Labels")
            .and_then(|labels| labels.get(NAME))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

fn diff_id(layer: &Path) -> Result<String> {
    let unreadable = || format!("cannot read {}", layer.display());
    let mut hash = HashWriter(Sha256::new());
    io::copy(&mut File::open(layer).context(unreadable())?, &mut hash).context(unreadable())?;
    Ok(format!("sha256:{}", hex(&hash.0.finalize())))
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.update(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An image in the cache: its configuration and its layers, the lowest first.
pub(crate) struct CachedImage {
    pub(crate) configuration: PathBuf,
    pub(crate) layers: Vec<PathBuf>,
}

/// Writes one archive of all these images, as `POST /images/load` accepts it. A shared layer is included once.
pub(crate) fn write(images: &[CachedImage], out: impl Write) -> Result<()> {
    let mut archive = Builder::new(out);
    let mut written = BTreeSet::new();
    let mut manifest = Vec::new();
    for image in images {
        manifest.push(append(&mut archive, image, &mut written)?);
    }
    add(&mut archive, "manifest.json", &Value::from(manifest).to_string().into_bytes())?;
    archive.into_inner().and_then(|mut out| out.flush()).context("cannot end the archive")
}

fn append<W: Write>(
    archive: &mut Builder<W>,
    image: &CachedImage,
    written: &mut BTreeSet<String>,
) -> Result<Value> {
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let content = fs::read(&image.configuration).context(unreadable(&image.configuration))?;
    let configuration: Configuration =
        serde_json::from_slice(&content).context(unreadable(&image.configuration))?;
    let name = format!("{}.json", digest(&content));
    add(archive, &name, &content)?;
    let mut layers = Vec::new();
    for (path, diff_id) in image.layers.iter().zip(&configuration.rootfs.diff_ids) {
        let layer = format!("{}/layer.tar", diff_id.trim_start_matches("sha256:"));
        if written.insert(layer.clone()) {
            let file = File::open(path).context(unreadable(path))?;
            let size = file.metadata().context(unreadable(path))?.len();
            archive.append_data(&mut header(size), &layer, file).context(unreadable(path))?;
        }
        layers.push(layer);
    }
    Ok(json!({"Config": name, "RepoTags": [full_name(configuration.name())], "Layers": layers}))
}

fn add<W: Write>(archive: &mut Builder<W>, name: &str, content: &[u8]) -> Result<()> {
    let length = u64::try_from(content.len()).context("a file is too long")?;
    archive.append_data(&mut header(length), name, content).context(format!("cannot write {name}"))
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// The fully qualified name: Podman would resolve a short one to `localhost/`.
fn full_name(name: &str) -> String {
    if name.contains('/') { format!("docker.io/{name}") } else { format!("docker.io/library/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(directory: &Path) -> Recipe {
        fs::write(directory.join("image.json"), r#"{"Cmd": ["sh"], "Labels": {"own": "yes"}}"#).unwrap();
        Recipe {
            id: "web".to_owned(),
            image: Some("web:1".to_owned()),
            parent: None,
            packages: Vec::new(),
            directory: directory.to_owned(),
            hash: "0123".to_owned(),
        }
    }

    #[test]
    fn an_archive_has_each_layer_once_and_full_names() {
        let directory = tempfile::tempdir().unwrap();
        let layer = directory.path().join("a.tar");
        fs::write(&layer, "layer").unwrap();
        let maker = Maker { architecture: "amd64", created: "2026-01-01T00:00:00Z" };
        let made =
            Configuration::new(&recipe(directory.path()), std::slice::from_ref(&layer), &maker).unwrap();
        assert_eq!(
            made.config["Labels"],
            json!({
                "devarch.stand-in": "true",
                "devarch.stand-in.name": "web:1",
                "devarch.stand-in.recipe": "0123",
                "own": "yes",
            })
        );
        let path = directory.path().join("a.json");
        fs::write(&path, serde_json::to_vec(&made).unwrap()).unwrap();
        let image = || CachedImage { configuration: path.clone(), layers: vec![layer.clone()] };
        let mut out = Vec::new();
        write(&[image(), image()], &mut out).unwrap();
        let mut archive = tar::Archive::new(out.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        let layer = format!("{}/layer.tar", digest(b"layer"));
        assert_eq!(names.iter().filter(|name| **name == layer).count(), 1);
        assert_eq!(names.last().map(String::as_str), Some("manifest.json"));
        assert_eq!(full_name("web:1"), "docker.io/library/web:1");
        assert_eq!(full_name("example/web:1"), "docker.io/example/web:1");
    }
}
