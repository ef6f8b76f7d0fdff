//! A small HTTP client for engines and services: one connection per request.

use crate::failure::{Context as _, Failure, Result};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    Method, Request, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::{
    convert::Infallible,
    fmt,
    io::{self, Write},
    path::PathBuf,
    pin::Pin,
    str::FromStr,
    task::{Context as TaskContext, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpStream, UnixStream},
    runtime::Runtime,
    sync::mpsc,
};

/// Time limit of a call without its own.
const USUAL: Duration = Duration::from_mins(2);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A socket's file.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl FromStr for Address {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once("://") {
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp" | "http", rest)) => Ok(Self::Tcp(rest.trim_end_matches('/').to_owned())),
            _ => {
                Err(Failure::new(format!("'{text}' is no address"))
                    .help("write unix:///path or tcp://host:port"))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(place) => write!(f, "tcp://{place}"),
        }
    }
}

/// The body of a request.
pub(crate) enum Content {
    Nothing,
    Json(serde_json::Value),
    Tar(ChunkReader),
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, as far as it is text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a call that succeeded.
    pub(crate) fn success(self) -> Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(Failure::new(format!("{}: {}", self.status, self.text().trim())))
    }

    /// The body of a call that succeeded, as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T> {
        serde_json::from_slice(&self.success()?.body).context("the answer is not the JSON that was expected")
    }
}

/// A client of one server.
pub(crate) struct Client {
    address: Address,
    runtime: Runtime,
    timeout: Duration,
}

impl Client {
    /// A client that connects for each request.
    pub(crate) fn new(address: Address) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { address, runtime: runtime.context("cannot start a runtime")?, timeout: USUAL })
    }

    /// The same with another limit to each call.
    pub(crate) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Where it connects to.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path, Content::Nothing)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Answer> {
        self.call(Method::DELETE, path, Content::Nothing)
    }

    pub(crate) fn post(&self, path: &str, content: Content) -> Result<Answer> {
        self.call(Method::POST, path, content)
    }

    fn call(&self, method: Method, path: &str, content: Content) -> Result<Answer> {
        let failed = format!("{method} {path} at {}", self.address);
        let request = request(&self.address, method, path, content).context(failed.clone())?;
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(self.timeout, exchange(&self.address, request)).await });
        answer.context(failed.clone())?.context(failed)
    }
}

type Sent = BoxBody<Bytes, Infallible>;

fn request(
    address: &Address,
    method: Method,
    path: &str,
    content: Content,
) -> std::result::Result<Request<Sent>, hyper::http::Error> {
    let host = match address {
        Address::Unix(_) => "localhost",
        Address::Tcp(place) => place,
    };
    let request = Request::builder().method(method).uri(path).header(header::HOST, host);
    let request = request.header(header::CONNECTION, "close");
    match content {
        Content::Nothing => request.body(Full::default().boxed()),
        Content::Json(value) => {
            let request = request.header(header::CONTENT_TYPE, "application/json");
            request.body(Full::from(value.to_string()).boxed())
        }
        Content::Tar(body) => request.header(header::CONTENT_TYPE, "application/x-tar").body(body.boxed()),
    }
}

/// What can fail between connecting and the end of a response.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("the connection failed")]
    Http(#[from] hyper::Error),
}

async fn exchange(address: &Address, request: Request<Sent>) -> std::result::Result<Answer, ExchangeError> {
    let response = match address {
        Address::Unix(path) => {
            send(TokioIo::new(UnixStream::connect(path).await.map_err(ExchangeError::Connect)?), request)
                .await
        }
        Address::Tcp(place) => {
            send(TokioIo::new(TcpStream::connect(place).await.map_err(ExchangeError::Connect)?), request)
                .await
        }
    }?;
    let status = response.status();
    Ok(Answer { status, body: response.into_body().collect().await?.to_bytes() })
}

async fn send<S>(stream: S, request: Request<Sent>) -> hyper::Result<hyper::Response<Incoming>>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // Its failures reach the request that waits for the answer.
    tokio::spawn(async move { drop(connection.await) });
    sender.send_request(request).await
}

/// How many chunks of a body are buffered.
const AHEAD: usize = 16;

/// Both ends of a body that is written while it is sent.
pub(crate) fn chunks() -> (ChunkWriter, ChunkReader) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    (ChunkWriter(sender), ChunkReader(receiver))
}

/// The end that a thread writes to.
pub(crate) struct ChunkWriter(mpsc::Sender<Bytes>);

impl Write for ChunkWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(buffer));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end that is sent.
pub(crate) struct ChunkReader(mpsc::Receiver<Bytes>);

impl Body for ChunkReader {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_in_the_format_of_engines() {
        assert_eq!("unix:///run/x.sock".parse::<Address>().unwrap(), Address::Unix("/run/x.sock".into()));
        assert_eq!("http://127.0.0.1:80/".parse::<Address>().unwrap(), Address::Tcp("127.0.0.1:80".into()));
        assert!("/run/x.sock".parse::<Address>().is_err());
    }
}
