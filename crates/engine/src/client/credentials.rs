//! Credentials of registries, from Docker's and Podman's own files.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use devarch_core::engine::EngineKind;
use docker_credential::{CredentialRetrievalError as Missing, DockerCredential};
use serde_json::json;

/// What was found for a registry.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// The value of `X-Registry-Auth`.
    pub(super) header: Option<String>,
    /// Why there is none although the user configured some: a credential helper that fails.
    pub(super) trouble: Option<String>,
}

/// Name of Docker Hub in credential files.
const HUB: &str = "https://index.docker.io/v1/";

/// Looks where the engine's own command line looks first, then where the other one does. Blocking work (files,
/// helper programs) is done aside.
pub(super) async fn find(kind: EngineKind, registry: Option<&str>) -> Credentials {
    let server = match registry {
        None | Some("docker.io" | "index.docker.io") => HUB.to_owned(),
        Some(registry) => registry.to_owned(),
    };
    let looked_up = tokio::task::spawn_blocking(move || look_up(kind, &server)).await;
    looked_up.unwrap_or_default()
}

fn look_up(kind: EngineKind, server: &str) -> Credentials {
    let in_dockers = || docker_credential::get_credential(server);
    // Podman's file names Docker Hub plainly.
    let plain = if server == HUB { "docker.io" } else { server };
    let in_podmans = || docker_credential::get_podman_credential(plain);
    let found = match kind {
        EngineKind::Docker => in_dockers().or_else(|first| in_podmans().map_err(|_| first)),
        EngineKind::Podman => in_podmans().or_else(|first| in_dockers().map_err(|_| first)),
    };
    match found {
        Ok(credential) => Credentials { header: Some(header(&credential, server)), trouble: None },
        Err(missing) => Credentials { header: None, trouble: trouble(&missing) },
    }
}

fn trouble(missing: &Missing) -> Option<String> {
    match missing {
        Missing::NoCredentialConfigured | Missing::ConfigNotFound | Missing::ConfigReadError => None,
        other => Some(other.to_string()),
    }
}

/// URL-safe, as both engines want it (Docker's API, "Authentication"): of the standard alphabet Docker makes nothing
/// and pulls anonymously.
fn header(credential: &DockerCredential, server: &str) -> String {
    let words = match credential {
        DockerCredential::IdentityToken(token) => {
            json!({"identitytoken": token, "serveraddress": server})
        }
        DockerCredential::UsernamePassword(user, password) => {
            json!({"username": user, "password": password, "serveraddress": server})
        }
    };
    URL_SAFE.encode(words.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_url_safe() {
        let credential = DockerCredential::UsernamePassword("me".to_owned(), "p@ss~word?>>>???".to_owned());
        let header = header(&credential, "r.example");
        assert!(!header.contains(['+', '/']), "{header}");
        let words: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap();
        assert_eq!(words["password"], "p@ss~word?>>>???");
    }
}
