//! A socket between the program and its engine, at which a request can be answered, or held until the test says so.

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

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Becomes {
    /// It reaches the engine.
    Passed,
    /// The engine never hears of it: status and message of an error as engines give them.
    Refused(u16, &'static str),
    /// It reaches the engine when the test releases it.
    Held,
}

/// By a request's `METHOD /path?query`.
pub(crate) type Rule = fn(&str) -> Becomes;

/// The socket; it goes with this.
pub(crate) struct Between {
    directory: TempDir,
    gate: Arc<Gate>,
}

/// How many requests are held, and whether they go on.
#[derive(Default)]
struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn hold(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, open)| !*open).unwrap());
    }
}

impl Between {
    /// In front of an engine.
    pub(crate) fn new(endpoint: &str, rule: Rule) -> Self {
        let Ok(Endpoint::Unix(engine)) = endpoint.parse() else { panic!("{endpoint} is no socket") };
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let gate = Arc::new(Gate::default());
        let ours = Arc::clone(&gate);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (engine, gate) = (engine.clone(), Arc::clone(&ours));
                // Whoever goes away has nobody to tell.
                thread::spawn(move || drop(serve(stream, &engine, rule, &gate)));
            }
        });
        Self { directory, gate }
    }

    /// The socket's file.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    /// Its address.
    pub(crate) fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Waits until a request is held.
    pub(crate) fn await_held(&self) {
        let state = self.gate.state.lock().unwrap();
        let minute = Duration::from_mins(1);
        let (state, _) = self.gate.changed.wait_timeout_while(state, minute, |(held, _)| *held == 0).unwrap();
        assert_ne!(state.0, 0, "no request came that was to be held");
    }

    /// Lets what is held, and what comes, reach the engine.
    pub(crate) fn release(&self) {
        self.gate.state.lock().unwrap().1 = true;
        self.gate.changed.notify_all();
    }
}

/// One request, for every answer ends its connection, and what an upgrade makes of it.
fn serve(mut from: UnixStream, engine: &Path, rule: Rule, gate: &Gate) -> io::Result<()> {
    let head = read_head(&mut from)?;
    match rule(head.split(" HTTP/").next().unwrap_or_default()) {
        Becomes::Passed => {}
        Becomes::Held => gate.hold(),
        Becomes::Refused(status, message) => {
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

/// The head of a request whose connection ends with its answer, unless it becomes another protocol's.
fn single(head: &str) -> String {
    if head.to_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let lines = head.trim_end().split("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:"));
    lines.chain(["Connection: close", "", ""]).collect::<Vec<_>>().join("\r\n")
}
