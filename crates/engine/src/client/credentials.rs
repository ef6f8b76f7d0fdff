//! Registry credentials from Docker's and Podman's own files.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use devarch_core::{engine::EngineKind, image_ref::ImageRef};
use devarch_files::{FileKind, read_named};
use docker_credential::{CredentialRetrievalError as Missing, DockerCredential, get_credential_from_reader};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, env, path::PathBuf};

/// The credentials for an image's registry.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// The value of `X-Registry-Auth`.
    pub(super) header: Option<String>,
    /// Why configured credentials are unavailable: a credential helper that failed.
    pub(super) problem: Option<String>,
}

/// Name of Docker Hub in Docker's file, and for its helpers.
const HUB: &str = "https://index.docker.io/v1/";

/// Looks where the engine's own command line looks first, then where the other one does. Blocking work (files,
/// credential helpers) runs on another thread.
pub(super) async fn find(kind: EngineKind, reference: &str, registry: Option<&str>) -> Credentials {
    let names = Names::from_reference(reference, registry);
    let looked_up = tokio::task::spawn_blocking(move || look_up(&files(kind), &names)).await;
    looked_up.unwrap_or_default()
}

/// The value of `X-Registry-Config`, for a build that starts from images of these registries: all that were found, each
/// under its registry's name.
pub(super) async fn find_all(kind: EngineKind, references: Vec<String>) -> Option<String> {
    let mut found = Map::new();
    for reference in references {
        let registry = super::image::registry(&reference).map(str::to_owned);
        let names = Names::from_reference(&reference, registry.as_deref());
        let server = names.server.clone();
        let credential = tokio::task::spawn_blocking(move || first(&files(kind), &names).ok()).await;
        if let Ok(Some(credential)) = credential {
            found.insert(server.clone(), auth_config(&credential, &server));
        }
    }
    (!found.is_empty()).then(|| URL_SAFE.encode(Value::from(found).to_string()))
}

/// A file of credentials. Both kinds have the same form.
#[derive(Debug, Clone, PartialEq, Eq)]
enum File {
    /// Docker's, with one entry for a registry.
    Docker(PathBuf),
    /// Podman's, where a part of a registry may have its own (containers-auth.json(5)).
    Podman(PathBuf),
}

/// Docker's is `config.json` in `$DOCKER_CONFIG`, else `~/.docker`. Podman's is `$REGISTRY_AUTH_FILE`, else
/// `containers/auth.json` in the runtime directory, else in the user's configuration.
fn files(kind: EngineKind) -> Vec<File> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    let in_home = |name: &str| home.as_ref().map(|home| home.join(name));
    let docker = variable("DOCKER_CONFIG").or_else(|| in_home(".docker"));
    let docker = docker.map(|dir| File::Docker(dir.join("config.json")));
    let named = variable("REGISTRY_AUTH_FILE");
    let uid = rustix::process::getuid();
    let runtime = match variable("XDG_RUNTIME_DIR") {
        Some(dir) => dir.join("containers/auth.json"),
        None => PathBuf::from(format!("/run/containers/{uid}/auth.json")),
    };
    let config = variable("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
    let usual = config.map(|dir| dir.join("containers/auth.json"));
    let podman = match named {
        Some(file) => vec![file],
        None => [Some(runtime), usual].into_iter().flatten().collect(),
    };
    let podman = podman.into_iter().map(File::Podman);
    match kind {
        EngineKind::Docker => docker.into_iter().chain(podman).collect(),
        EngineKind::Podman => podman.chain(docker).collect(),
    }
}

/// The names under which an image's registry may be stored.
#[derive(Debug)]
struct Names {
    /// To Docker and to helpers.
    server: String,
    /// To Podman, the closest to the image first: `quay.io/team/app`, `quay.io/team`, `quay.io`.
    parts: Vec<String>,
}

impl Names {
    fn from_reference(reference: &str, registry: Option<&str>) -> Self {
        let (server, host) = match registry {
            None | Some("docker.io" | "index.docker.io") => (HUB, "docker.io"),
            Some(registry) => (registry, registry),
        };
        let path = ImageRef::parse(reference).map_or(reference, |image| image.path);
        let path = if registry.is_none() && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let whole = format!("{host}/{path}");
        let cuts = whole.match_indices('/').map(|(at, _)| whole[..at].to_owned());
        let mut parts: Vec<String> = cuts.collect();
        parts.push(whole.clone());
        parts.reverse();
        Self { server: server.to_owned(), parts }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Value>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

fn look_up(files: &[File], names: &Names) -> Credentials {
    match first(files, names) {
        Ok(credential) => Credentials { header: Some(header(&credential, &names.server)), problem: None },
        Err(problem) => Credentials { header: None, problem },
    }
}

/// From the first file that has some; otherwise the first trouble there was.
fn first(files: &[File], names: &Names) -> Result<DockerCredential, Option<String>> {
    let mut problem = None;
    for file in files {
        match read(file, names) {
            Ok(credential) => return Ok(credential),
            Err(missing) => problem = problem.or_else(|| self::problem(&missing)),
        }
    }
    Err(problem)
}

/// From one file: a helper for this registry, its entry, the helper for all.
fn read(file: &File, names: &Names) -> Result<DockerCredential, Missing> {
    let (path, wanted, server) = match file {
        File::Docker(path) => (path, std::slice::from_ref(&names.server), names.server.as_str()),
        File::Podman(path) => (path, names.parts.as_slice(), names.parts.last().map_or("", String::as_str)),
    };
    let text = read_named(path, FileKind::Settings).map_err(|_| Missing::ConfigNotFound)?;
    let config: Config = serde_json::from_slice(&text).map_err(|_| Missing::ConfigReadError)?;
    let entry = wanted.iter().find_map(|wanted| {
        let found = config.auths.iter().find(|(key, _)| plain(key) == plain(wanted));
        found.map(|(_, entry)| entry)
    });
    let helper = config.cred_helpers.iter().find(|(key, _)| plain(key) == plain(server));
    // Only the matching entry: otherwise names would be matched by their registry alone.
    let one = json!({
        "auths": entry.map(|entry| json!({server: entry})),
        "credsStore": config.creds_store,
        "credHelpers": helper.map(|(_, helper)| json!({server: helper})),
    });
    get_credential_from_reader(one.to_string().as_bytes(), server)
}

/// A registry's normalized name: Docker's file stores some as addresses of their API.
fn plain(name: &str) -> &str {
    let name = name.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let name = name.strip_suffix("/v1").or_else(|| name.strip_suffix("/v2")).unwrap_or(name);
    if name == "index.docker.io" { "docker.io" } else { name }
}

fn problem(missing: &Missing) -> Option<String> {
    match missing {
        Missing::NoCredentialConfigured | Missing::ConfigNotFound | Missing::ConfigReadError => None,
        other => Some(other.to_string()),
    }
}

/// URL-safe, as both engines require (Docker's API, "Authentication"): Docker ignores the standard alphabet and pulls
/// anonymously.
fn header(credential: &DockerCredential, server: &str) -> String {
    URL_SAFE.encode(auth_config(credential, server).to_string())
}

fn auth_config(credential: &DockerCredential, server: &str) -> Value {
    match credential {
        DockerCredential::IdentityToken(token) => {
            json!({"identitytoken": token, "serveraddress": server})
        }
        DockerCredential::UsernamePassword(user, password) => {
            json!({"username": user, "password": password, "serveraddress": server})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_registry_may_have_its_own_name() {
        let parts =
            |reference: &str, registry: Option<&str>| Names::from_reference(reference, registry).parts;
        assert_eq!(parts("quay.io/a/b:1", Some("quay.io")), ["quay.io/a/b", "quay.io/a", "quay.io"]);
        let digest = "0".repeat(64);
        let port = parts(&format!("box:5000/b@sha256:{digest}"), Some("box:5000"));
        assert_eq!(port, ["box:5000/b", "box:5000"]);
        assert_eq!(parts("redis:7", None), ["docker.io/library/redis", "docker.io/library", "docker.io"]);
    }

    #[test]
    fn a_registry_is_recognized_by_the_address_of_its_api() {
        for name in ["https://index.docker.io/v1/", "docker.io", "index.docker.io"] {
            assert_eq!(plain(name), "docker.io");
        }
        assert_eq!(plain("https://box:5000/v2/"), "box:5000");
    }

    #[test]
    fn the_header_is_url_safe() {
        let credential = DockerCredential::UsernamePassword("me".to_owned(), "p@ss~word?>>>???".to_owned());
        let header = header(&credential, "r.example");
        assert!(!header.contains(['+', '/']), "{header}");
        let auth_config: serde_json::Value =
            serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap();
        assert_eq!(auth_config["password"], "p@ss~word?>>>???");
    }
}
