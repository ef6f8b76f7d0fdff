//! Which credentials are sent to an engine with a pull, from the files of Docker and Podman and from credential
//! helpers. Each case is a process, because a process has one environment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use devarch_engine::{Candidate, Way, connect};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// Precedes the header in the output of the process.
const OUTPUT_PREFIX: &str = "given: ";

/// The process: pulls `PULL` from a stub engine that claims to be `SERVER`, and prints the header it received.
#[tokio::test]
#[ignore = "run by the others, each in an environment of its own"]
async fn pull() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let given = Arc::new(Mutex::new(None));
    let heard = given.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Some(header) = answer(stream).await {
                *heard.lock().unwrap() = Some(header);
            }
        }
    });
    let way = Way::Dial(format!("unix://{}", socket.display()));
    let engine = connect(&[Candidate { way, because: "test".to_owned(), only: None }]).await.unwrap();
    let pulled = engine.pull_image(&std::env::var("PULL").unwrap(), None, &|_| {}).await;
    println!("{OUTPUT_PREFIX}{}", given.lock().unwrap().take().unwrap_or_default());
    println!("{}", pulled.unwrap_err());
}

/// The credentials of a call that is a pull.
async fn answer(mut stream: UnixStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let server = std::env::var("SERVER").unwrap();
    let answer = match head.split(' ').nth(1)? {
        "/_ping" => format!("HTTP/1.1 200 OK\r\n{server}\r\nContent-Length: 2\r\n\r\nOK"),
        "/info" => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}".to_owned(),
        _ => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"error\":\"manifest unknown\"}\n".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    let header = head.lines().find(|line| line.to_lowercase().starts_with("x-registry-auth:"));
    header.map(|line| line.split_once(": ").unwrap().1.to_owned())
}

/// A user with files, and `docker-credential-fake` on the path.
struct User {
    home: TempDir,
}

const DOCKER: &str = "Server: Docker/29.0.1 (linux)";
const PODMAN: &str = "Server: Libpod/5.4.0 (linux)\r\nLibpod-Api-Version: 5.4.0";

impl User {
    fn new(files: &[(&str, Value)]) -> Self {
        let user = Self { home: tempfile::tempdir().unwrap() };
        for (name, content) in files {
            user.write(name, &content.to_string());
        }
        let helper = "#!/bin/sh\nread -r server\ncase $server in\n*broken*) echo no keychain here; exit 1 ;;\nesac\n\
                      echo \"{\\\"Username\\\":\\\"helped\\\",\\\"Secret\\\":\\\"for $server\\\"}\"\n";
        let helper = user.write("bin/docker-credential-fake", helper);
        fs::set_permissions(helper, fs::Permissions::from_mode(0o755)).unwrap();
        user
    }

    fn write(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// The output of the process, with variables whose values are paths in the home.
    fn output(&self, server: &str, image: &str, variables: &[(&str, &str)]) -> String {
        #[expect(clippy::disallowed_methods, reason = "a process has one environment")]
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["pull", "--exact", "--ignored", "--nocapture"]).env_clear();
        process.env("PATH", format!("{}:/usr/bin:/bin", self.path().join("bin").display()));
        process.env("HOME", self.path()).env("SERVER", server).env("PULL", image);
        for (name, path) in variables {
            process.env(name, self.path().join(path));
        }
        String::from_utf8(process.output().unwrap().stdout).unwrap()
    }

    /// User and password that were sent with a pull.
    fn credentials_for(
        &self,
        server: &str,
        image: &str,
        variables: &[(&str, &str)],
    ) -> Option<(String, String)> {
        let output = self.output(server, image, variables);
        let (_, given) = output.split_once(OUTPUT_PREFIX).unwrap();
        let header = given.lines().next().filter(|header| !header.is_empty())?;
        let words: Value = serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap();
        let word = |name: &str| words[name].as_str().unwrap().to_owned();
        Some((word("username"), word("password")))
    }
}

fn entry(user: &str, password: &str) -> Value {
    json!({"auth": base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))})
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
fn credentials(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

#[test]
fn credentials_from_docker_login_are_used() {
    let config =
        json!({"auths": {"https://index.docker.io/v1/": entry("me", "p:w"), "r.example": entry("you", "x")}});
    let user = User::new(&[(".docker/config.json", config.clone()), ("other/config.json", json!({}))]);
    assert_eq!(user.credentials_for(DOCKER, "redis:7", &[]), credentials("me", "p:w"));
    assert_eq!(user.credentials_for(DOCKER, "r.example/a:1", &[]), credentials("you", "x"));
    assert_eq!(user.credentials_for(DOCKER, "s.example/a:1", &[]), None);
    assert_eq!(user.credentials_for(DOCKER, "redis:7", &[("DOCKER_CONFIG", "other")]), None);
    assert_eq!(user.credentials_for(PODMAN, "docker.io/library/redis:7", &[]), credentials("me", "p:w"));
}

#[test]
fn credential_helpers_are_used() {
    let config = json!({
        "auths": {"r.example": {}, "own.example": entry("me", "mine")},
        "credHelpers": {"h.example": "fake"},
        "credsStore": "fake",
    });
    let user = User::new(&[(".docker/config.json", config)]);
    assert_eq!(user.credentials_for(DOCKER, "h.example/a:1", &[]), credentials("helped", "for h.example"));
    assert_eq!(user.credentials_for(DOCKER, "r.example/a:1", &[]), credentials("helped", "for r.example"));
    assert_eq!(
        user.credentials_for(DOCKER, "redis:7", &[]),
        credentials("helped", "for https://index.docker.io/v1/")
    );
    assert_eq!(user.credentials_for(DOCKER, "own.example/a:1", &[]), credentials("me", "mine"));
}

#[test]
fn a_failing_helper_is_reported_with_the_pull() {
    let user = User::new(&[(".docker/config.json", json!({"credHelpers": {"broken.example": "fake"}}))]);
    let output = user.output(DOCKER, "broken.example/a:1", &[]);
    assert!(
        output.contains("credentials are not available") && output.contains("no keychain here"),
        "{output}"
    );
    let user = User::new(&[(".docker/config.json", json!({"credsStore": "not-installed"}))]);
    let output = user.output(DOCKER, "r.example/a:1", &[]);
    assert!(output.contains("credentials are not available"), "{output}");
}

#[test]
fn credentials_from_podman_login_are_used_wherever_they_are_stored() {
    let auth = |user: &str| json!({"auths": {"r.example": entry(user, "x")}});
    let user = User::new(&[
        ("run/containers/auth.json", auth("runtime")),
        (".config/containers/auth.json", auth("config")),
        ("named.json", auth("named")),
        ("empty/containers/auth.json", json!({"auths": {"other.example": entry("no", "no")}})),
        (".docker/config.json", auth("docker")),
    ]);
    let image = "r.example/a:1";
    assert_eq!(
        user.credentials_for(PODMAN, image, &[("XDG_RUNTIME_DIR", "run")]),
        credentials("runtime", "x")
    );
    assert_eq!(
        user.credentials_for(PODMAN, image, &[("XDG_RUNTIME_DIR", "empty")]),
        credentials("config", "x")
    );
    let named = [("XDG_RUNTIME_DIR", "run"), ("REGISTRY_AUTH_FILE", "named.json")];
    assert_eq!(user.credentials_for(PODMAN, image, &named), credentials("named", "x"));
    assert_eq!(user.credentials_for(DOCKER, image, &named), credentials("docker", "x"));
}

#[test]
fn a_part_of_a_registry_has_its_own_credentials_with_podman() {
    let auths = json!({"auths": {"quay.io": entry("all", "x"), "quay.io/team": entry("team", "x"), "q.io/a": entry("a", "x")}});
    let user = User::new(&[("named.json", auths)]);
    let named = [("REGISTRY_AUTH_FILE", "named.json")];
    assert_eq!(user.credentials_for(PODMAN, "quay.io/team/app:1", &named), credentials("team", "x"));
    assert_eq!(user.credentials_for(PODMAN, "quay.io/others/app:1", &named), credentials("all", "x"));
    assert_eq!(user.credentials_for(PODMAN, "q.io/b/app:1", &named), None);
}
