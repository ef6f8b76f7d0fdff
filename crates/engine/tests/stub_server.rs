//! Behaviour that no real engine shows on demand: truncated responses, old versions, remote engines, registries.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use devarch_core::{
    content::ContentDigest,
    engine::{EngineKind, Locality},
    id::{ContainerId, NetworkId},
    name::{ContainerName, PhysicalVolume},
    observed::RunState,
    unit::Millis,
};
use devarch_engine::{
    Candidate, ConnectOptions, Contents, Engine, EngineError, EngineErrorKind as Kind, ExecRequest, Way,
    connect, connect_with,
};
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
};

/// No file has a large content.
struct Nothing;

#[async_trait]
impl Contents for Nothing {
    async fn part(&self, _: &ContentDigest, _: u32) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

macro_rules! ok {
    ($body:expr) => {
        Some(concat!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", $body))
    };
}

/// The response to `METHOD PATH`; `None` closes the connection, [`NO_RESPONSE`] keeps it open.
type Respond = fn(&str) -> Option<&'static str>;

/// A response that never arrives.
const NO_RESPONSE: &str = "";
/// A response whose rest never arrives.
const PARTIAL_RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":\"Pulling\"}\n";

/// A stub engine on a socket in a temporary directory.
struct StubServer {
    dir: TempDir,
}

impl StubServer {
    fn new(answer: Respond) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("sock")).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer));
            }
        });
        Self { dir }
    }

    async fn connect(&self) -> Result<Arc<dyn Engine>, EngineError> {
        dial(self.address()).await
    }

    /// With a short timeout.
    async fn connect_with_short_timeout(&self) -> Result<Arc<dyn Engine>, EngineError> {
        let options = ConnectOptions { timeout: Duration::from_millis(100) };
        connect_with(&[candidate(self.address())], options).await
    }

    fn address(&self) -> String {
        let socket: PathBuf = self.dir.path().join("sock");
        format!("unix://{}", socket.display())
    }
}

async fn dial(address: String) -> Result<Arc<dyn Engine>, EngineError> {
    connect(&[candidate(address)]).await
}

fn candidate(address: String) -> Candidate {
    Candidate { way: Way::Dial(address), because: "test".to_owned(), only: None }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: Respond) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let asked = head.split(" HTTP/").next().unwrap_or_default();
    if let Some(answer) = answer(asked) {
        let _ = stream.write_all(answer.as_bytes()).await;
        if answer == NO_RESPONSE || answer == PARTIAL_RESPONSE {
            let _ = stream.read_u8().await;
        }
    }
}

const DOCKER: &str =
    "HTTP/1.1 200 OK\r\nServer: Docker/29.0.1 (linux)\r\nApi-Version: 1.52\r\nContent-Length: 2\r\n\r\nOK";
const PODMAN: &str = "HTTP/1.1 200 OK\r\nServer: Libpod/5.4.0 (linux)\r\nLibpod-Api-Version: 5.4.0\r\nContent-Length: 2\r\n\r\nOK";

#[tokio::test]
async fn a_call_that_is_cut_off_is_uncertain() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        "GET /info" => ok!("{}"),
        _ => None,
    });
    let docker = engine.connect().await.unwrap();
    let id = ContainerId::new("1");
    assert_eq!(docker.containers().await.unwrap_err().kind, Kind::Uncertain);
    assert_eq!(docker.start(&id).await.unwrap_err().kind, Kind::Uncertain);
    assert_eq!(docker.stop(&id, None).await.unwrap_err().kind, Kind::Uncertain);
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_is_uncertain() {
    for ping in [DOCKER, PODMAN] {
        let engine = StubServer::new(match ping {
            DOCKER => |asked| if asked == "GET /_ping" { Some(DOCKER) } else { hang(asked) },
            _ => |asked| if asked == "GET /_ping" { Some(PODMAN) } else { hang(asked) },
        });
        let hasty = engine.connect_with_short_timeout().await.unwrap();
        let id = ContainerId::new("1");
        let volume = PhysicalVolume::from_stored("v".to_owned());
        let name = ContainerName::from_stored("n".to_owned());
        let outcomes = [
            hasty.containers().await.map(drop),
            hasty.inspect(&id).await.map(drop),
            hasty.create_volume(&volume, &BTreeMap::new()).await,
            hasty.put_files(&id, &BTreeMap::new(), &Nothing).await,
            hasty.start(&id).await,
            hasty.stop(&id, Some(Millis(0))).await,
            hasty.rename(&id, &name).await,
            hasty.remove_container(&id).await,
            hasty.exec(&id, &ExecRequest::default()).await.map(drop),
        ];
        for outcome in outcomes {
            assert_eq!(outcome.unwrap_err().kind, Kind::Uncertain);
        }
    }
}

fn hang(asked: &str) -> Option<&'static str> {
    if asked == "GET /info" { ok!("{}") } else { Some(NO_RESPONSE) }
}

#[tokio::test]
async fn a_response_that_is_cut_off_is_uncertain() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        "GET /info" => ok!("{}"),
        "POST /volumes/create" => Some("HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{\"Name\":\"v"),
        _ => ok!("[{\"Id\":\"1\","),
    });
    let docker = engine.connect().await.unwrap();
    let volume = PhysicalVolume::from_stored("v".to_owned());
    let created = docker.create_volume(&volume, &BTreeMap::new()).await;
    assert_eq!(created.unwrap_err().kind, Kind::Uncertain);
    assert_eq!(docker.containers().await.unwrap_err().kind, Kind::Uncertain);
}

#[tokio::test]
async fn a_stuck_pull_times_out() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        "GET /info" => ok!("{}"),
        _ => Some(PARTIAL_RESPONSE),
    });
    let docker = engine.connect_with_short_timeout().await.unwrap();
    let pulled = docker.pull_image("a:1", None, &|_| {}).await;
    assert_eq!(pulled.unwrap_err().kind, Kind::Uncertain);
}

/// Podman reports nothing while it fetches a layer.
#[tokio::test]
async fn a_silent_pull_on_podman_continues_as_long_as_podman_answers() {
    static PINGS: AtomicUsize = AtomicUsize::new(0);
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" if PINGS.fetch_add(1, Ordering::Relaxed) < 4 => Some(PODMAN),
        "GET /_ping" => Some(NO_RESPONSE),
        "GET /info" => ok!("{}"),
        _ => Some(PARTIAL_RESPONSE),
    });
    let podman = engine.connect_with_short_timeout().await.unwrap();
    let pulled = podman.pull_image("a:1", None, &|_| {}).await;
    assert_eq!(pulled.unwrap_err().kind, Kind::Uncertain);
    assert_eq!(PINGS.load(Ordering::Relaxed), 5);
}

/// Seen in Podman 4.3 while another process moved a tag.
#[tokio::test]
async fn an_image_inspect_that_crashed_podman_is_retried() {
    static INSPECTS: AtomicUsize = AtomicUsize::new(0);
    const CRASHED: &str = concat!(
        "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n",
        r#"{"message":"runtime error: invalid memory address or nil pointer dereference","response":500}"#
    );
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(PODMAN),
        _ if asked.contains("/images/") && INSPECTS.fetch_add(1, Ordering::Relaxed) < 2 => Some(CRASHED),
        _ if asked.contains("/images/") => ok!(r#"{"Id":"1234"}"#),
        _ => ok!("{}"),
    });
    let podman = engine.connect().await.unwrap();
    let image = podman.image("a:1").await.unwrap().unwrap();
    assert_eq!((image.id.as_str(), INSPECTS.load(Ordering::Relaxed)), ("sha256:1234", 3));
}

#[tokio::test]
async fn an_engine_that_stopped_is_not_running() {
    let engine = StubServer::new(|asked| if asked == "GET /_ping" { Some(DOCKER) } else { ok!("{}") });
    let docker = engine.connect().await.unwrap();
    std::fs::remove_file(engine.dir.path().join("sock")).unwrap();
    let id = ContainerId::new("1");
    assert_eq!(docker.containers().await.unwrap_err().kind, Kind::NotRunning);
    assert_eq!(docker.start(&id).await.unwrap_err().kind, Kind::NotRunning);
}

#[tokio::test]
async fn docker_desktop_is_a_virtual_machine() {
    let desktop = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        _ => ok!(r#"{"OperatingSystem":"Docker Desktop","SecurityOptions":["name=seccomp"]}"#),
    });
    let desktop = desktop.connect().await.unwrap();
    let info = desktop.info();
    assert_eq!((info.kind, info.version.as_str()), (EngineKind::Docker, "29.0.1"));
    assert_eq!((info.locality, info.rootless), (Locality::Vm, false));
    assert!(info.runs_health_checks);
}

#[tokio::test]
async fn an_engine_without_root_is_recognized_as_such() {
    let rootless = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(PODMAN),
        _ => ok!(r#"{"OperatingSystem":"fedora","SecurityOptions":[],"Rootless":true}"#),
    });
    let rootless = rootless.connect().await.unwrap();
    let info = rootless.info();
    assert_eq!((info.kind, info.version.as_str()), (EngineKind::Podman, "5.4.0"));
    assert_eq!((info.locality, info.rootless), (Locality::Host, true));
}

#[tokio::test]
async fn an_old_engine_and_another_server_are_rejected() {
    let old = StubServer::new(|asked| match asked {
        "GET /_ping" => {
            Some("HTTP/1.1 200 OK\r\nServer: Docker/19.03.8 (linux)\r\nContent-Length: 0\r\n\r\n")
        }
        _ => ok!("{}"),
    });
    let refused = old.connect().await.err().unwrap();
    assert!(matches!(refused.kind, Kind::TooOld { .. }), "{refused}");
    assert!(refused.to_string().contains("20.10"), "{refused}");

    let other = StubServer::new(|_| ok!("hello"));
    let refused = other.connect().await.err().unwrap();
    assert!(refused.to_string().contains("neither Docker nor Podman"), "{refused}");
}

#[tokio::test]
async fn a_pull_reports_its_progress_and_the_image() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        "POST /images/create?fromImage=localhost:9/a/b:latest&platform=linux/arm64" => {
            ok!("{\"status\":\"Pulling from a/b\",\"id\":\"latest\"}\r\n\
             {\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},\"id\":\"0ab1\"}\r\n")
        }
        "GET /images/localhost:9/a/b/json" => {
            ok!(r#"{"Id":"sha256:77","Config":{"User":"70","ExposedPorts":{"80/tcp":{},"1/sctp":{}},
            "Volumes":{"/data":{}},"Healthcheck":{"Test":["CMD","ok"],"Interval":5000000000}}}"#)
        }
        _ => ok!("{}"),
    });
    let docker = engine.connect().await.unwrap();
    let reported = Mutex::new(Vec::new());
    let image = docker
        .pull_image("localhost:9/a/b", Some("linux/arm64"), &|progress| {
            reported.lock().unwrap().push((progress.layer, progress.bytes));
        })
        .await
        .unwrap();
    let want = [("latest".to_owned(), None), ("0ab1".to_owned(), Some((5, 9)))];
    assert_eq!(reported.into_inner().unwrap(), want);
    assert_eq!((image.id.as_str(), image.user.as_str()), ("sha256:77", "70"));
    assert_eq!((image.volumes.len(), image.exposed.len()), (1, 1));
    assert_eq!(image.healthcheck.unwrap().interval.unwrap().0, 5000);
}

#[tokio::test]
async fn a_pull_that_fails_midway_is_reported() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(PODMAN),
        "POST /v4.0.0/libpod/images/pull?reference=nosuch:1" => {
            ok!("{\"stream\":\"Trying\\n\"}\n{\"error\":\"initializing source: manifest unknown\"}\n")
        }
        "POST /v4.0.0/libpod/images/pull?reference=private:1" => {
            ok!("{\"error\":\"unauthorized: authentication required\"}\n")
        }
        _ => ok!("{}"),
    });
    let podman = engine.connect().await.unwrap();
    let pull = async |name: &str| podman.pull_image(name, None, &|_| {}).await.unwrap_err().kind;
    assert_eq!(pull("nosuch:1").await, Kind::NoImage);
    assert_eq!(pull("private:1").await, Kind::Unauthorized);
}

#[tokio::test]
async fn an_engine_is_reached_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, |asked| match asked {
                "GET /_ping" => Some(DOCKER),
                "GET /info" => ok!("{}"),
                "GET /containers/json?all=true" => ok!("[]"),
                _ => Some("HTTP/1.1 204 No Content\r\n\r\n"),
            }));
        }
    });
    let docker = dial(address.clone()).await.unwrap();
    assert_eq!(docker.info().endpoint, address);
    assert_eq!(docker.containers().await.unwrap(), []);
    docker.start(&ContainerId::new("1")).await.unwrap();
}

/// Docker 20.10 miscounts with many containers at once (moby issue 42119).
#[tokio::test]
async fn an_unused_network_that_cannot_be_removed_is_reported_as_such() {
    macro_rules! in_use {
        () => {
            Some(concat!(
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n",
                r#"{"message":"error while removing network: network n id 1 has active endpoints"}"#
            ))
        };
    }
    let kind = async |answer: Respond| {
        let engine = StubServer::new(answer);
        let docker = engine.connect().await.unwrap();
        docker.remove_network(&NetworkId::new("1")).await.unwrap_err().kind
    };
    let empty = kind(|asked| match asked {
        "DELETE /networks/1" => in_use!(),
        "GET /networks/1" => ok!(r#"{"Containers":{}}"#),
        "GET /_ping" => Some(DOCKER),
        _ => ok!("{}"),
    });
    assert_eq!(empty.await, Kind::Miscounted);
    let used = kind(|asked| match asked {
        "DELETE /networks/1" => in_use!(),
        "GET /networks/1" => ok!(r#"{"Containers":{"4e":{"Name":"other"}}}"#),
        "GET /_ping" => Some(DOCKER),
        _ => ok!("{}"),
    });
    assert_eq!(used.await, Kind::InUse);
}

/// After Docker was killed, leftovers of a container's last run may remain. They are not visible in a list.
#[tokio::test]
async fn a_container_that_docker_can_no_longer_start_is_recognized_by_its_state() {
    let engine = StubServer::new(|asked| match asked {
        "GET /_ping" => Some(DOCKER),
        "POST /containers/1/start" => Some(concat!(
            "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n",
            r#"{"message":"failed to create task for container: task 1 already exists: unknown"}"#
        )),
        "GET /containers/json?all=true" => ok!(
            r#"[{"Id":"1","State":"exited","Status":"Exited (128) now","Labels":{"devarch.store_id":"s"}},
                {"Id":"2","State":"exited","Status":"Exited (128) now","Labels":{"devarch.store_id":"s"}},
                {"Id":"3","State":"exited","Status":"Exited (128) now"}]"#
        ),
        "GET /containers/1/json" => ok!(
            r#"{"Image":"i","State":{"Status":"exited","ExitCode":128,"Error":"task 1 already exists: unknown"}}"#
        ),
        "GET /containers/2/json" => ok!(
            r#"{"Image":"i","State":{"Status":"exited","ExitCode":128,"Error":"port is already allocated"}}"#
        ),
        _ => ok!("{}"),
    });
    let docker = engine.connect().await.unwrap();
    let states: Vec<RunState> = docker.containers().await.unwrap().iter().map(|seen| seen.state).collect();
    assert_eq!(states, [RunState::Stuck, RunState::Exited, RunState::Exited]);
    assert_eq!(docker.start(&ContainerId::new("1")).await.unwrap_err().kind, Kind::Stuck);
}
