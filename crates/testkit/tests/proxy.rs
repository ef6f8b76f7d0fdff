//! The proxy forwards everything except the call that has to fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use devarch_core::engine::EngineKind;
use devarch_engine::{Candidate, Endpoint, Engine, ExecRequest, Way, connect};
use devarch_testkit::{
    fixture::{Fixture, RUNS},
    proxy::{Cable, Fault, FaultProxy, Moment},
    real,
    scope::Scope,
};
use std::{
    env,
    io::ErrorKind,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

const STARTS: &str = "POST /containers/a/start HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
const LISTS: &str = "GET /containers/json HTTP/1.1\r\nHost: engine\r\n\r\n";

/// A stub engine that answers 204 to everything and records the requests; an upgraded connection echoes its bytes.
struct StubServer {
    dir: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl StubServer {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&heard)));
            }
        });
        Self { dir, asked }
    }

    fn behind(&self, fault: Option<(usize, Fault)>) -> FaultProxy {
        FaultProxy::start(&format!("unix://{}", self.dir.path().join("sock").display()), fault)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: UnixStream, heard: Arc<Mutex<Vec<String>>>) {
    while let Some(head) = head(&mut stream).await {
        heard.lock().unwrap().push(head.split(" HTTP/").next().unwrap().to_owned());
        if head.to_lowercase().contains("upgrade: tcp") {
            let switch = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
            stream.write_all(switch.as_bytes()).await.unwrap();
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            return;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }
}

/// The next head on a connection, none at its end.
async fn head(stream: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn open(proxy: &FaultProxy) -> UnixStream {
    let Ok(Endpoint::Unix(socket)) = proxy.endpoint().parse() else { panic!("a socket") };
    UnixStream::connect(socket).await.unwrap()
}

/// The head of the answer, none if the connection ends instead.
async fn ask(proxy: &FaultProxy, request: &str) -> Option<String> {
    let mut stream = open(proxy).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    head(&mut stream).await
}

/// There is no response, which is only detected by waiting a little.
async fn hangs(proxy: &FaultProxy) -> bool {
    tokio::time::timeout(Duration::from_millis(300), ask(proxy, STARTS)).await.is_err()
}

#[tokio::test]
async fn only_the_chosen_call_is_refused() {
    let engine = StubServer::new();
    let proxy = engine.behind(Some((2, Fault::Refuse)));
    let mut answers = Vec::new();
    for request in [LISTS, STARTS, LISTS, STARTS, STARTS] {
        answers.push(ask(&proxy, request).await.unwrap().contains(" 500 "));
    }
    assert_eq!(answers, [false, false, false, true, false]);
    assert_eq!(proxy.calls().len(), 3);
    assert_eq!(proxy.broken().unwrap().to_string(), "POST /containers/a/start");
    assert_eq!(engine.asked().len(), 4, "the refused one is not handed on");
}

#[tokio::test]
async fn a_cut_call_has_no_answer_and_is_carried_out_only_if_it_is_cut_after() {
    for (moment, heard) in [(Moment::Before, 0), (Moment::After, 1)] {
        let engine = StubServer::new();
        let proxy = engine.behind(Some((1, Fault::Cut(moment))));
        assert_eq!(ask(&proxy, STARTS).await, None);
        assert_eq!(engine.asked().len(), heard, "{moment:?}");
        assert!(ask(&proxy, STARTS).await.unwrap().contains(" 204 "), "only once");
    }
}

#[tokio::test]
async fn a_hanging_call_is_never_answered_and_others_are() {
    for (moment, heard) in [(Moment::Before, 0), (Moment::After, 1)] {
        let engine = StubServer::new();
        let proxy = engine.behind(Some((1, Fault::Hang(moment))));
        assert!(hangs(&proxy).await);
        assert_eq!(engine.asked().len(), heard, "{moment:?}");
        assert!(ask(&proxy, STARTS).await.unwrap().contains(" 204 "));
    }
}

#[tokio::test]
async fn another_failure_happens_before_the_call_is_forwarded() {
    let engine = StubServer::new();
    let broken = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&broken);
    let fault = Fault::Meanwhile(Arc::new(move || flag.store(true, Ordering::SeqCst)));
    let proxy = engine.behind(Some((2, fault)));
    ask(&proxy, STARTS).await.unwrap();
    assert!(!broken.load(Ordering::SeqCst));
    assert!(ask(&proxy, STARTS).await.unwrap().contains(" 204 "));
    assert!(broken.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_engine_that_is_offline_cuts_every_connection_and_returns() {
    let engine = StubServer::new();
    let proxy = engine.behind(Some((1, Fault::Away(Duration::from_millis(300)))));
    let mut other = open(&proxy).await;
    assert_eq!(ask(&proxy, STARTS).await, None);
    assert_eq!(other.read(&mut [0]).await.unwrap_or(0), 0, "connections without a call are cut too");
    let Ok(Endpoint::Unix(socket)) = proxy.endpoint().parse() else { panic!("a socket") };
    while let Err(error) = UnixStream::connect(&socket).await {
        assert!([ErrorKind::NotFound, ErrorKind::ConnectionRefused].contains(&error.kind()), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(ask(&proxy, STARTS).await.unwrap().contains(" 204 "));
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn upgraded_connections_are_forwarded_byte_by_byte_both_ways() {
    let engine = StubServer::new();
    let proxy = engine.behind(Some((1, Fault::Refuse)));
    let mut stream = open(&proxy).await;
    let request = "POST /exec/a/start HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.unwrap().contains(" 101 "));
    stream.write_all(b"\x01\x00\xffbytes").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.unwrap();
    assert_eq!(back, b"\x01\x00\xffbytes", "and the end of what was written is handed on");
}

/// Set for the process to be killed: the socket it calls.
const CALLS: &str = "DEVARCH_TEST_CALLS";

#[tokio::test]
async fn the_process_that_makes_the_call_is_killed() {
    for (moment, heard) in [(Moment::Before, 0), (Moment::After, 1)] {
        let engine = StubServer::new();
        let proxy = engine.behind(Some((1, Fault::Kill(moment))));
        let ended = tokio::task::spawn_blocking({
            let endpoint = proxy.endpoint();
            move || {
                #[expect(clippy::disallowed_methods, reason = "a process to kill")]
                let mut client = Command::new(env::current_exe().unwrap());
                client.args(["--exact", "--ignored", "process_that_calls"]).env(CALLS, endpoint);
                client.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
            }
        });
        assert_eq!(ended.await.unwrap().code(), None, "by a signal");
        assert_eq!(engine.asked().len(), heard, "{moment:?}");
    }
}

#[tokio::test]
#[ignore = "the other process; run by the test above"]
async fn process_that_calls() {
    let endpoint = env::var(CALLS).unwrap();
    let socket = endpoint.trim_start_matches("unix://");
    let mut stream = UnixStream::connect(Path::new(socket)).await.unwrap();
    stream.write_all(STARTS.as_bytes()).await.unwrap();
    let _ = head(&mut stream).await;
}

#[tokio::test]
async fn an_unplugged_cable_carries_nothing() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cable = Cable::to(server.local_addr().unwrap().to_string()).await;
    let mut client = TcpStream::connect(cable.address()).await.unwrap();
    let (mut other_end, _) = server.accept().await.unwrap();
    client.write_all(b"ping").await.unwrap();
    other_end.read_exact(&mut [0; 4]).await.unwrap();
    cable.pull();
    assert_eq!(client.read(&mut [0]).await.unwrap_or(0), 0, "the connection is cut");
    assert_eq!(other_end.read(&mut [0]).await.unwrap_or(0), 0, "on both sides");
    let mut late = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(late.read(&mut [0]).await.unwrap_or(0), 0, "and a new one ends at once");
}

async fn dial(proxy: &FaultProxy) -> Arc<dyn Engine> {
    let way = Way::Dial(proxy.endpoint());
    connect(&[Candidate { way, because: "test".to_owned(), only: None }]).await.unwrap()
}

async fn a_real_engine_behaves_the_same_through_the_proxy(kind: EngineKind) {
    let Some(direct) = real::engine(kind).await else { return };
    let endpoint = direct.engine.info().endpoint.clone();
    let proxy = FaultProxy::start(&endpoint, None);
    let through = Fixture::new(dial(&proxy).await, Scope::new(Some(endpoint)));
    assert_eq!(through.engine.info().kind, kind);
    let id = through.run(&through.request("web", &RUNS)).await;
    let made: Vec<String> = proxy.calls().iter().map(|call| call.method.clone()).collect();
    assert_eq!(made, ["POST", "POST"], "created and started: {:?}", proxy.calls());
    assert_eq!(through.listed(&id).await.unwrap().name, direct.listed(&id).await.unwrap().name);
    assert_eq!(through.sh(&id, "echo out; echo err >&2; exit 3").await.code, 3);
    let argv = ["cat"].map(str::to_owned).to_vec();
    let request = ExecRequest { argv, stdin: true, ..ExecRequest::default() };
    let mut io = through.engine.exec(&id, &request).await.unwrap();
    io.stdin.write_all(b"typed").await.unwrap();
    io.stdin.shutdown().await.unwrap();
    let mut output = Vec::new();
    while let Some(chunk) = futures_util::StreamExt::next(&mut io.output).await {
        output.extend(chunk.unwrap().bytes);
    }
    assert_eq!(output, b"typed");
    assert_eq!(proxy.calls().len(), 2, "commands in containers don't count");
    through.stop(&id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_behaves_the_same_through_the_proxy() {
    a_real_engine_behaves_the_same_through_the_proxy(EngineKind::Docker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podman_behaves_the_same_through_the_proxy() {
    a_real_engine_behaves_the_same_through_the_proxy(EngineKind::Podman).await;
}
