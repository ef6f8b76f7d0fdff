//! A proxy in front of a real engine that counts the calls that change something and breaks one of them.

use super::{
    call::Call,
    fault::{Fault, Moment},
    forward::{Answer, ForwardedBody, NoResponse, forward, splice},
};
use devarch_engine::Endpoint;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::{
    convert::Infallible,
    future::pending,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// An engine's socket that forwards everything to the real one and makes one chosen call fail.
#[derive(Debug)]
pub struct FaultProxy {
    socket: PathBuf,
    shared: Arc<Shared>,
    listener: AbortHandle,
    _dir: TempDir,
}

/// State shared by all connections.
#[derive(Debug)]
struct Shared {
    engine: PathBuf,
    /// Which call fails, counted from 1, and how.
    fault: Option<(usize, Fault)>,
    calls: Mutex<Vec<Call>>,
    /// Tasks that hold connections.
    open: Mutex<JoinSet<()>>,
    /// Asks the listener to go offline for a while.
    away: mpsc::UnboundedSender<Duration>,
}

impl FaultProxy {
    /// Starts a proxy for the engine at the unix socket `endpoint`; the `fault` applies to the n-th call (from 1) that
    /// changes something, see [`Call`]. Has to be called in a tokio runtime. Dropping it ends the proxy.
    ///
    /// # Panics
    ///
    /// If the endpoint is not a unix socket, or no socket can be created in the directory for temporary files.
    pub fn start(endpoint: &str, fault: Option<(usize, Fault)>) -> Self {
        let Ok(Endpoint::Unix(engine)) = endpoint.parse() else { panic!("{endpoint} is no unix socket") };
        let dir = tempfile::Builder::new().prefix("devarch-proxy").tempdir().expect("a directory");
        let socket = dir.path().join("engine.sock");
        let (away, leave) = mpsc::unbounded_channel();
        let (calls, open) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { engine, fault, calls, open, away });
        let bound = UnixListener::bind(&socket).expect("a socket");
        let listener = tokio::spawn(listen(Arc::clone(&shared), socket.clone(), bound, leave)).abort_handle();
        Self { socket, shared, listener, _dir: dir }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The calls so far that change something, in order of arrival, including the failed one.
    ///
    /// # Panics
    ///
    /// If a connection has panicked.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("whole").clone()
    }

    /// The failed call, once it has failed.
    pub fn broken(&self) -> Option<Call> {
        let (at, _) = self.shared.fault.as_ref()?;
        self.calls().get(at - 1).cloned()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
        if let Ok(mut open) = self.shared.open.lock() {
            open.abort_all();
        }
    }
}

/// Accepts connections; while offline there is not even a socket.
async fn listen(
    shared: Arc<Shared>,
    socket: PathBuf,
    mut listener: UnixListener,
    mut leave: mpsc::UnboundedReceiver<Duration>,
) {
    loop {
        let time = tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let connection = serve(Arc::clone(&shared), stream);
                shared.keep_open(connection);
                continue;
            }
            Some(time) = leave.recv() => time,
        };
        drop(listener);
        let _ = std::fs::remove_file(&socket);
        shared.open.lock().expect("whole").abort_all();
        tokio::time::sleep(time).await;
        listener = UnixListener::bind(&socket).expect("the socket again");
    }
}

/// Serves one connection. Errors are caused by clients that disconnect, or by the fault.
async fn serve(shared: Arc<Shared>, stream: UnixStream) {
    let client = stream.peer_cred().ok().and_then(|peer| Pid::from_raw(peer.pid()?));
    let answer = service_fn(|request| answer(Arc::clone(&shared), client, request));
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let _ = connection.await;
}

/// The answer to one call; an error ends the connection without one.
async fn answer(
    shared: Arc<Shared>,
    client: Option<Pid>,
    request: Request<Incoming>,
) -> Result<Response<ForwardedBody>, NoResponse> {
    let cut = || Err("the connection is cut".into());
    match shared.count(&request) {
        None => shared.pass(request).await,
        Some(Fault::Refuse) => Ok(refusal()),
        Some(Fault::Cut(moment)) => {
            shared.if_after(moment, request).await?;
            cut()
        }
        Some(Fault::Hang(moment)) => {
            shared.if_after(moment, request).await?;
            pending().await
        }
        Some(Fault::Kill(moment)) => {
            shared.if_after(moment, request).await?;
            kill(client.expect("a client with a process id"));
            pending().await
        }
        Some(Fault::Meanwhile(happen)) => {
            tokio::task::spawn_blocking(move || happen()).await?;
            shared.pass(request).await
        }
        Some(Fault::Away(time)) => {
            shared.away.send(time)?;
            pending().await
        }
    }
}

fn kill(client: Pid) {
    assert_ne!(client, getpid(), "a test must not kill itself");
    // It may be dead already.
    let _ = kill_process(client, Signal::KILL);
}

/// In the format of the engines.
fn refusal() -> Response<ForwardedBody> {
    let body = Full::from(r#"{"message":"refused by a test"}"#).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

impl Shared {
    /// Counts a call; the fault if it is this one's turn.
    fn count(&self, request: &Request<Incoming>) -> Option<Fault> {
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let call = Call::that_changes(request.method(), path)?;
        let mut calls = self.calls.lock().expect("whole");
        calls.push(call);
        let (at, fault) = self.fault.as_ref()?;
        (*at == calls.len()).then(|| fault.clone())
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<ForwardedBody>, NoResponse> {
        let Answer { response, splice: both } = forward(&self.engine, request).await?;
        if let Some(both) = both {
            self.keep_open(splice(both));
        }
        Ok(response)
    }

    /// Lets the engine carry a call out if the fault applies after it, and discards the response.
    async fn if_after(&self, moment: Moment, request: Request<Incoming>) -> Result<(), NoResponse> {
        if moment == Moment::After {
            forward(&self.engine, request).await?.response.into_body().collect().await?;
        }
        Ok(())
    }

    fn keep_open(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut open = self.open.lock().expect("whole");
        while open.try_join_next().is_some() {}
        open.spawn(connection);
    }
}
