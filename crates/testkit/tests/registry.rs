//! Pulls from a registry that requires a password.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};
use devarch_core::engine::EngineKind;
use devarch_engine::{BuildRequest, Candidate, Way, connect};
use devarch_testkit::{fixture::IMAGE, outside, real, scope};
use serde_json::json;
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};

/// In standard base64 it has characters that are not URL-safe.
const PASSWORD: &str = "p@ss~word?>>>";
/// Of the user `me` (`htpasswd -nbB`).
const HTPASSWD: &str = "me:$2y$05$XcBVa5qTOO58Wn8VYXEGtesR2VuNQWPSbtGvF617Jfr.z1nUnSB5W\n";

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a registry, an engine's service, a process with another environment"
)]
fn command(program: impl AsRef<Path>) -> Command {
    Command::new(program.as_ref())
}

fn start(command: &mut Command) -> Running {
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

struct Registry {
    dir: TempDir,
    port: u16,
    _process: Running,
}

impl Registry {
    async fn start(program: &Path) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), scope::free_port());
        let place = dir.path().display();
        let config = json!({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": format!("{place}/data")}},
            "http": {"addr": format!("127.0.0.1:{port}")},
            "auth": {"htpasswd": {"realm": "test", "path": format!("{place}/htpasswd")}},
        });
        fs::write(dir.path().join("htpasswd"), HTPASSWD).unwrap();
        fs::write(dir.path().join("config.yml"), config.to_string()).unwrap();
        let process = start(command(program).arg("serve").arg(dir.path().join("config.yml")));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert!(outside::until(async || TcpStream::connect(address).await.is_ok()).await, "no registry");
        Self { dir, port, _process: process }
    }

    fn image(&self) -> String {
        format!("127.0.0.1:{}/team/private:1", self.port)
    }

    /// The image of all tests, as one of the registry's that the engine has no longer.
    async fn fill(&self, endpoint: &str) {
        let words = json!({"username": "me", "password": PASSWORD}).to_string();
        let header = format!("X-Registry-Auth: {}", URL_SAFE.encode(words));
        let repository = format!("127.0.0.1%3A{}%2Fteam%2Fprivate", self.port);
        outside::call(endpoint, "POST", &format!("/images/{IMAGE}/tag?repo={repository}&tag=1")).await;
        let name = format!("127.0.0.1:{}/team/private", self.port);
        let pushed = outside::text(endpoint, "POST", &format!("/images/{name}/push?tag=1"), &header).await;
        assert!(!pushed.contains("error"), "{pushed}");
        outside::call(endpoint, "DELETE", &format!("/images/{}", self.image())).await;
    }

    /// A file as `docker login` and `podman login` write it.
    fn login(&self, password: &str) -> PathBuf {
        let auth = STANDARD.encode(format!("me:{password}"));
        let file = self.dir.path().join("config.json");
        let key = format!("127.0.0.1:{}", self.port);
        fs::write(&file, json!({"auths": {key: {"auth": auth}}}).to_string()).unwrap();
        file
    }

    /// The result of a pull in a process whose user has these files.
    fn pull(&self, endpoint: &str) -> String {
        self.process(endpoint, &[])
    }

    /// How a build from the image ends.
    fn build(&self, endpoint: &str) -> String {
        self.process(endpoint, &[("BUILD", "yes")])
    }

    fn process(&self, endpoint: &str, variables: &[(&str, &str)]) -> String {
        let mut process = command(env::current_exe().unwrap());
        process.args(["pull", "--exact", "--ignored", "--nocapture"]).env_clear();
        process.env("ENDPOINT", endpoint).env("PULL", self.image()).env("DOCKER_CONFIG", self.dir.path());
        process.envs(variables.iter().copied());
        String::from_utf8(process.output().unwrap().stdout).unwrap()
    }
}

/// The process.
#[tokio::test]
#[ignore = "run by the others, each in an environment of its own"]
async fn pull() {
    let way = Way::Dial(env::var("ENDPOINT").unwrap());
    let engine = connect(&[Candidate { way, because: "test".to_owned(), only: None }]).await.unwrap();
    let image = env::var("PULL").unwrap();
    if env::var_os("BUILD").is_some() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), format!("FROM {image}\nLABEL built=yes\n")).unwrap();
        let built =
            engine.build_image(&BuildRequest::new(dir.path(), format!("{image}-built")), &|_| {}).await;
        println!("built {built:?}");
        return;
    }
    match engine.pull_image(&image, None, &|_| {}).await {
        Ok(image) => println!("pulled {}", image.id),
        Err(error) => println!("refused {:?} {error}", error.kind),
    }
}

async fn a_password_is_required(registry: &Registry, endpoint: &str) {
    registry.fill(endpoint).await;
    let refused = registry.pull(endpoint);
    assert!(refused.contains("refused Unauthorized"), "{refused}");
    registry.login("wrong");
    let refused = registry.pull(endpoint);
    assert!(refused.contains("refused Unauthorized"), "{refused}");
    registry.login(PASSWORD);
    let pulled = registry.pull(endpoint);
    outside::call(endpoint, "DELETE", &format!("/images/{}", registry.image())).await;
    let built = registry.build(endpoint);
    for image in [format!("{}-built", registry.image()), registry.image()] {
        outside::call(endpoint, "DELETE", &format!("/images/{image}")).await;
    }
    assert!(built.contains("built Ok("), "{built}");
    assert!(pulled.contains("pulled sha256:"), "{pulled}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_gets_the_users_password_on_docker() {
    let (Some(program), Some(docker)) = (real::registry(), real::engine(EngineKind::Docker).await) else {
        return;
    };
    let registry = Registry::start(&program).await;
    a_password_is_required(&registry, &docker.engine.info().endpoint).await;
}

/// A separate service, configured to use plain HTTP for this registry; it shares the images of the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_gets_the_users_password_on_podman() {
    let (Some(program), Some(_podman)) = (real::registry(), real::engine(EngineKind::Podman).await) else {
        return;
    };
    let registry = Registry::start(&program).await;
    let conf = registry.dir.path().join("registries.conf");
    fs::write(&conf, "[[registry]]\nlocation = \"127.0.0.1\"\ninsecure = true\n").unwrap();
    let socket = registry.dir.path().join("podman.sock");
    let mut service = command("podman");
    service.args(["system", "service", "--time=0"]).arg(format!("unix://{}", socket.display()));
    service.env("CONTAINERS_REGISTRIES_CONF", &conf);
    if let Some(conf) = env::var_os("DEVARCH_TEST_CONTAINERS_CONF") {
        service.env("CONTAINERS_CONF", conf);
    }
    let _service = start(&mut service);
    assert!(outside::until(async || UnixStream::connect(&socket).await.is_ok()).await, "no Podman");
    a_password_is_required(&registry, &format!("unix://{}", socket.display())).await;
}
