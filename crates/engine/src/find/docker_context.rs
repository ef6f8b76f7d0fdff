//! Docker's contexts, as its command line stores them under `~/.docker` (docker/cli, `cli/context/store/doc.go`).

use devarch_files::{FileKind, read_named};
use serde::Deserialize;
use std::{collections::BTreeMap, fs, path::Path};

/// The context Docker would use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerContext {
    /// Its name.
    pub name: String,
    /// Its engine's address; `None` if there is no such context.
    pub address: Option<String>,
    /// Named by `DOCKER_CONTEXT`, not only by Docker's configuration.
    pub named: bool,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    endpoints: BTreeMap<String, MetaEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetaEndpoint {
    host: Option<String>,
}

/// The context named by `DOCKER_CONTEXT`, else by `config.json`; `None` for the default one, or if no file names
/// another.
pub(super) fn current(config_dir: &Path, named: Option<&str>) -> Option<DockerContext> {
    let name = match named {
        Some(name) => name.to_owned(),
        None => read::<Config>(&config_dir.join("config.json"))?.current_context?,
    };
    if name.is_empty() || name == "default" {
        return None;
    }
    Some(DockerContext { address: address(config_dir, &name), name, named: named.is_some() })
}

fn address(config_dir: &Path, name: &str) -> Option<String> {
    let contexts = fs::read_dir(config_dir.join("contexts/meta")).ok()?;
    let meta = contexts
        .filter_map(|entry| read::<Meta>(&entry.ok()?.path().join("meta.json")))
        .find(|meta| meta.name == name)?;
    meta.endpoints.into_iter().find(|(kind, _)| kind == "docker")?.1.host
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&read_named(path, FileKind::Settings).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker_dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("contexts/meta/0123abcd");
        fs::create_dir_all(&meta).unwrap();
        fs::write(dir.path().join("config.json"), r#"{"currentContext":"desk"}"#).unwrap();
        fs::write(
            meta.join("meta.json"),
            r#"{"Name":"desk","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///d.sock","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        dir
    }

    #[test]
    fn the_current_context_is_read_from_dockers_own_files() {
        let dir = docker_dir();
        let context = current(dir.path(), None).unwrap();
        assert_eq!((context.name.as_str(), context.address.as_deref()), ("desk", Some("unix:///d.sock")));
        assert!(!context.named && current(dir.path(), Some("desk")).unwrap().named);
    }

    #[test]
    fn the_default_context_is_ignored_and_a_missing_one_is_reported() {
        let dir = docker_dir();
        assert_eq!(current(dir.path(), Some("default")), None);
        assert_eq!(current(Path::new("/nonexistent"), None), None);
        let gone = current(dir.path(), Some("gone")).unwrap();
        assert_eq!((gone.name.as_str(), gone.address), ("gone", None));
    }
}
