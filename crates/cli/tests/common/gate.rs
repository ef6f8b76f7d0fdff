//! A proxy in front of an engine that can answer requests itself, or hold them until the test releases them.

use devarch_engine::Endpoint;
use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// What the gate does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Forwards it to the engine.
    Pass,
    /// Answers with this status and error message; the engine never receives it.
    Refuse(u16, &'static str),
    /// Forwards it after the test calls [`EngineGate::release`].
    Hold,
}

/// Decides by a request's `METHOD /path?query`.
pub(crate) type Rule = fn(&str) -> Action;

/// The proxy; its socket is removed on drop.
pub(crate) struct EngineGate {
    directory: TempDir,
    latch: Arc<Latch>,
}

/// The number of held requests, and whether they may continue.
#[derive(Default)]
struct Latch {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Latch {
    fn hold(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, open)| !*open).unwrap());
    }
}

impl EngineGate {
    /// Starts a gate in front of an engine.
    pub(crate) fn new(endpoint: &str, rule: Rule) -> Self {
        let Ok(Endpoint::Unix(engine)) = endpoint.parse() else { panic!("{endpoint} is no socket") };
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let latch = Arc::new(Latch::default());
        let shared = Arc::clone(&latch);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (engine, latch) = (engine.clone(), Arc::clone(&shared));
                // A client that disconnected cannot be answered.
                thread::spawn(move || drop(serve(stream, &engine, rule, &latch)));
            }
        });
        Self { directory, latch }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    /// The address to pass as the engine's.
    pub(crate) fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Waits until a request is held.
    pub(crate) fn await_held(&self) {
        let state = self.latch.state.lock().unwrap();
        let minute = Duration::from_mins(1);
        let (state, _) =
            self.latch.changed.wait_timeout_while(state, minute, |(held, _)| *held == 0).unwrap();
        assert_ne!(state.0, 0, "no request came that was to be held");
    }

    /// Releases held requests and forwards later ones.
    pub(crate) fn release(&self) {
        self.latch.state.lock().unwrap().1 = true;
        self.latch.changed.notify_all();
    }
}

/// Forwards one request per connection, including an upgraded stream.
fn serve(mut from: UnixStream, engine: &Path, rule: Rule, latch: &Latch) -> io::Result<()> {
    let head = read_head(&mut from)?;
    match rule(head.split(" HTTP/").next().unwrap_or_default()) {
        Action::Pass => {}
        Action::Hold => latch.hold(),
        Action::Refuse(status, message) => {
            let body =
                serde_json::json!({"message": message, "cause": message, "response": status}).to_string();
            let length = body.len();
            return write!(
                from,
                "HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
        }
    }
    let mut to = UnixStream::connect(engine)?;
    to.write_all(single(&head).as_bytes())?;
    let (mut upward, mut engine_in) = (from.try_clone()?, to.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut upward, &mut engine_in);
        let _ = engine_in.shutdown(Shutdown::Write);
    });
    io::copy(&mut to, &mut from)?;
    from.shutdown(Shutdown::Both)
}

fn read_head(from: &mut UnixStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Asks the engine to close the connection after its response, unless the request upgrades it.
fn single(head: &str) -> String {
    if head.to_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let lines = head.trim_end().split("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:"));
    lines.chain(["Connection: close", "", ""]).collect::<Vec<_>>().join("\r\n")
}
