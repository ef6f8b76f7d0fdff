//! Images on an engine: checks, pulls, loads and removes them.

use super::{
    Cache,
    archive::{self, CachedImage},
    build, short_name, unobtainable,
};
use crate::{
    engine::EngineName,
    failure::{Context as _, Failure, Result},
    http::{Answer, Client, Content, chunks},
    repository::Repository,
    terminal::{note, print_line},
};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    cell::OnceCell,
    env, thread,
    time::{Duration, Instant},
};
use tokio::net::{TcpStream, lookup_host};

/// The registry of Docker Hub's images.
const REGISTRY: &str = "registry-1.docker.io:443";

/// How long it may take to reach it.
const REACHED_WITHIN: Duration = Duration::from_secs(4);

/// How long pulling, building or loading may take.
const TRANSFER: Duration = Duration::from_mins(20);

/// The base of the example, which is built from its Dockerfile.
const EXAMPLE: &str = "devarch-example/";

/// The images of one engine.
pub(crate) struct Images<'a> {
    engine: EngineName,
    client: Client,
    repository: &'a Repository,
    cache: &'a Cache,
    reachable: OnceCell<bool>,
}

/// The image an engine has under a name.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Present,
    Absent,
    /// A stand-in of an older recipe, by its id.
    Outdated(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    id: String,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<Map<String, Value>>,
}

impl Image {
    /// A real image is always the present one.
    fn state(self, hash: Option<&str>) -> State {
        let labels = self.config.and_then(|config| config.labels).unwrap_or_default();
        match labels.get(archive::RECIPE).and_then(Value::as_str) {
            Some(made) if Some(made) != hash => {
                State::Outdated(self.id.trim_start_matches("sha256:").to_owned())
            }
            _ => State::Present,
        }
    }
}

impl<'a> Images<'a> {
    /// The images of an engine that runs.
    pub(crate) fn on(engine: EngineName, repository: &'a Repository, cache: &'a Cache) -> Result<Self> {
        let client = engine.connect(repository)?.within(TRANSFER);
        Ok(Self { engine, client, repository, cache, reachable: OnceCell::new() })
    }

    fn named(&self, images: &[String]) -> Vec<String> {
        if images.is_empty() { self.cache.recipes.images() } else { images.to_vec() }
    }

    /// Pulls or builds what is missing.
    pub(crate) fn ensure(&self, images: &[String]) -> Result<()> {
        let (begun, images) = (Instant::now(), self.named(images));
        let (mut stand_ins, mut replaced) = (Vec::new(), Vec::new());
        for image in &images {
            let name = short_name(image);
            match self.state(name)? {
                State::Present => continue,
                State::Absent => {}
                State::Outdated(id) => replaced.push(id),
            }
            if self.get_real(name)? {
                print_line(format!("{}: {image} pulled", self.engine));
            } else if self.cache.recipes.for_image(name).is_some() {
                stand_ins.push(name.to_owned());
            } else {
                return Err(unobtainable(image, self.engine));
            }
        }
        if !stand_ins.is_empty() {
            build::build(&stand_ins, self.repository, self.cache)?;
            self.load(&stand_ins)?;
        }
        for id in replaced {
            // Containers may still use the old ones; then they are kept.
            let _ = self.client.delete(&format!("/images/{id}"));
        }
        let seconds = begun.elapsed().as_secs_f64();
        print_line(format!("{}: {} images ready ({seconds:.1} s)", self.engine, images.len()));
        Ok(())
    }

    /// Prints the missing ones.
    pub(crate) fn list_missing(&self, images: &[String]) -> Result<()> {
        self.missing(images)?.iter().for_each(print_line);
        Ok(())
    }

    /// Those that the engine lacks, or has of an older recipe.
    pub(crate) fn missing(&self, images: &[String]) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for image in self.named(images) {
            if self.state(short_name(&image))? != State::Present {
                missing.push(image);
            }
        }
        Ok(missing)
    }

    /// Removes images. One that is in use is reported.
    pub(crate) fn remove(&self, images: &[String]) -> Result<()> {
        for image in images {
            let answer = self.client.delete(&format!("/images/{}", short_name(image)))?;
            match answer.status {
                StatusCode::OK => print_line(format!("{}: {image} removed", self.engine)),
                StatusCode::NOT_FOUND => print_line(format!("{}: {image} not found", self.engine)),
                _ => note(format!("{} did not remove {image}: {}", self.engine, answer.text().trim())),
            }
        }
        Ok(())
    }

    fn state(&self, name: &str) -> Result<State> {
        let answer = self.client.get(&format!("/images/{name}/json"))?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(State::Absent);
        }
        let hash = self.cache.recipes.for_image(name).map(|recipe| recipe.hash.as_str());
        Ok(answer.json::<Image>()?.state(hash))
    }

    /// Whether the image could be pulled from the registry.
    fn get_real(&self, name: &str) -> Result<bool> {
        if !*self.reachable.get_or_init(registry_answers) {
            return Ok(false);
        }
        let failure = if name.starts_with(EXAMPLE) { self.build_example(name)? } else { self.pull(name)? };
        if let Some(failure) = &failure {
            note(format!("the registry answers but {name} cannot be had: {failure}"));
        }
        Ok(failure.is_none())
    }

    fn pull(&self, name: &str) -> Result<Option<String>> {
        note(format!("pulling {name}"));
        Ok(error_of(&self.client.post(&format!("/images/create?fromImage={name}"), Content::Nothing)?))
    }

    fn build_example(&self, name: &str) -> Result<Option<String>> {
        note(format!("building {name}"));
        let directory = self.repository.path("examples/shop/base");
        let (writer, reader) = chunks();
        let packing = thread::spawn(move || {
            let mut archive = tar::Builder::new(writer);
            archive.append_dir_all(".", directory)?;
            archive.finish()
        });
        let answer = self.client.post(&format!("/build?t={name}&forcerm=true"), Content::Tar(reader))?;
        let packed = packing.join().map_err(|_| Failure::new("packing the example panicked"))?;
        packed.context("cannot pack the example")?;
        Ok(error_of(&answer))
    }

    /// All in one archive, so that a layer they share travels once.
    fn load(&self, names: &[String]) -> Result<()> {
        let images: Result<Vec<CachedImage>> = names.iter().map(|name| self.cached(name)).collect();
        let (images, (writer, reader)) = (images?, chunks());
        let packing = thread::spawn(move || {
            archive::write(&images, std::io::BufWriter::with_capacity(1 << 18, writer))
        });
        let answer = self.client.post("/images/load?quiet=1", Content::Tar(reader));
        packing.join().map_err(|_| Failure::new("packing the stand-ins panicked"))??;
        let failed = |why| {
            Failure::new(format!("{} did not load the stand-ins: {why}", self.engine))
                .help("is the disk full?")
        };
        if let Some(why) = error_of(&answer?) {
            return Err(failed(why));
        }
        for name in names {
            if self.state(name)? != State::Present {
                return Err(failed(format!("{name} is missing afterwards")));
            }
            print_line(format!("{}: {name} stand-in loaded", self.engine));
        }
        Ok(())
    }

    fn cached(&self, name: &str) -> Result<CachedImage> {
        let recipe = self.cache.recipes.require(name)?;
        Ok(CachedImage {
            configuration: self.cache.configuration(recipe),
            layers: self.cache.layers(recipe)?,
        })
    }
}

/// Why a call failed: by its status, or with a line in what the engine streams.
fn error_of(answer: &Answer) -> Option<String> {
    let text = answer.text();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    let error = lines.filter_map(|line| Some(line.get("error")?.as_str()?.to_owned())).next_back();
    error.or_else(|| (!answer.status.is_success()).then(|| format!("{}: {}", answer.status, text.trim())))
}

fn registry_answers() -> bool {
    if env::var("DEVARCH_IMAGES").as_deref() == Ok("stand-ins") {
        return false;
    }
    let connecting = async {
        for address in lookup_host(REGISTRY).await.ok()? {
            if TcpStream::connect(address).await.is_ok() {
                return Some(());
            }
        }
        None
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let limited = async { tokio::time::timeout(REACHED_WITHIN, connecting).await };
    runtime.is_ok_and(|runtime| runtime.block_on(limited).is_ok_and(|reached| reached.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Bytes;

    fn answer(status: StatusCode, body: &'static str) -> Answer {
        Answer { status, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_failure_is_detected_by_the_status_or_in_the_stream() {
        assert_eq!(error_of(&answer(StatusCode::OK, "{\"stream\":\"fine\"}\n")), None);
        let streamed = "{\"stream\":\"one\"}\r\n{\"error\":\"no space\",\"errorDetail\":{}}\r\n";
        assert_eq!(error_of(&answer(StatusCode::OK, streamed)).as_deref(), Some("no space"));
        let refused = error_of(&answer(StatusCode::NOT_FOUND, "{\"message\":\"none\"}")).unwrap();
        assert!(refused.contains("404") && refused.contains("none"));
    }

    #[test]
    fn a_stand_in_is_outdated_by_its_recipe_and_a_real_image_never() {
        let image = |labels: &str| -> Image {
            serde_json::from_str(&format!("{{\"Id\":\"sha256:ab\",\"Config\":{{\"Labels\":{labels}}}}}"))
                .unwrap()
        };
        let stand_in = r#"{"devarch.stand-in.recipe": "1"}"#;
        assert_eq!(image(stand_in).state(Some("1")), State::Present);
        assert_eq!(image(stand_in).state(Some("2")), State::Outdated("ab".to_owned()));
        assert_eq!(image("null").state(Some("2")), State::Present);
    }
}
