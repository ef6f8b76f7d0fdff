//! HTTP/1.1 calls that bollard cannot make or whose responses it cannot parse, to the same endpoint: one connection per
//! call, as bollard does.
//!
//! Everything that is read uses this: bollard's closed enums reject a whole list for one unknown state (Podman's
//! `initialized`, `stopped`), and its stream decoder mistakes a terminal's control bytes for frame headers.

use crate::{
    cause::{Answered, Failure},
    find::Endpoint,
};
use devarch_core::percent;
use futures_util::{TryStreamExt, stream::BoxStream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE},
};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    error::Error,
    io::{self, ErrorKind},
    time::Duration,
};
use tokio::net::{TcpStream, UnixStream};

/// Time limit for establishing a connection.
const DIAL: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Failure>;

/// The body of a request.
type Body = UnsyncBoxBody<Bytes, io::Error>;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Body,
    headers: Vec<(&'static str, String)>,
    upgrade: bool,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: full(Bytes::new()), headers: Vec::new(), upgrade: false }
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = full(Bytes::from(body.to_string()));
        self.header(CONTENT_TYPE.as_str(), "application/json".to_owned())
    }

    /// With a streamed tar archive.
    pub(crate) fn tar(mut self, archive: BoxStream<'static, io::Result<Bytes>>) -> Self {
        self.body = StreamBody::new(archive.map_ok(Frame::data)).boxed_unsync();
        self.header(CONTENT_TYPE.as_str(), "application/x-tar".to_owned())
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn upgrade(mut self) -> Self {
        self.upgrade = true;
        self
    }

    fn into_request(self) -> Result<Request<Body>> {
        let mut request = Request::builder().method(self.method).uri(self.path).header(HOST, "engine");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if self.upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        request.body(self.body).map_err(|error| Failure::Garbled(error.to_string()))
    }
}

/// HTTP client of one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct HttpTransport {
    endpoint: Endpoint,
    timeout: Duration,
}

impl HttpTransport {
    /// `timeout` limits an ordinary call including reading its response.
    pub(crate) fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self { endpoint, timeout }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a call and waits for the response head without a limit. A status other than success is a failure.
    pub(crate) async fn open(&self, call: Call) -> Result<Response<Incoming>> {
        let sender = self.dial().await?;
        Self::send_request(sender, call).await
    }

    /// Sends a call and waits for the response head, at most `limit` once connected.
    pub(crate) async fn open_within(&self, limit: Duration, call: Call) -> Result<Response<Incoming>> {
        let sender = self.dial().await?;
        within(limit, Self::send_request(sender, call)).await
    }

    async fn send_request(mut sender: SendRequest<Body>, call: Call) -> Result<Response<Incoming>> {
        let request = call.into_request()?;
        let response = sender.send_request(request).await.map_err(|error| into_failure(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let body = read_all(response).await?;
        let message = serde_json::from_slice::<Refusal>(&body)
            .map_or_else(|_| String::from_utf8_lossy(&body).into_owned(), |refusal| refusal.message);
        Err(Failure::Answered(Answered { status: status.as_u16(), message }))
    }

    /// Sends a call and reads its whole response within the time limit of an ordinary call.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        self.json_within(self.timeout, call).await
    }

    /// Like [`HttpTransport::json`], with its own limit.
    pub(crate) async fn json_within<T: DeserializeOwned>(&self, limit: Duration, call: Call) -> Result<T> {
        let sender = self.dial().await?;
        within(limit, async {
            let body = read_all(Self::send_request(sender, call).await?).await?;
            serde_json::from_slice(&body).map_err(Failure::from)
        })
        .await
    }

    /// Sends a call and ignores the response body.
    pub(crate) async fn send(&self, call: Call) -> Result<()> {
        let sender = self.dial().await?;
        within(self.timeout, async { read_all(Self::send_request(sender, call).await?).await.map(drop) })
            .await
    }

    /// Like [`HttpTransport::json`], `None` if the object does not exist.
    pub(crate) async fn find<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>> {
        match self.json(call).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Answered(answer)) if answer.status == 404 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Connects. Nothing has been sent if this fails.
    async fn dial(&self) -> Result<SendRequest<Body>> {
        let connect = async {
            match &self.endpoint {
                Endpoint::Unix(path) => handshake(UnixStream::connect(path).await).await,
                Endpoint::Tcp(address) => handshake(TcpStream::connect(address).await).await,
            }
        };
        let too_late = || Failure::Unreachable(ErrorKind::TimedOut, "it takes no connection".to_owned());
        tokio::time::timeout(DIAL, connect).await.unwrap_or_else(|_| Err(too_late()))
    }
}

/// Waits at most `limit` for a call that has been sent.
pub(crate) async fn within<T, F: Into<Failure>>(
    limit: Duration,
    call: impl Future<Output = std::result::Result<T, F>>,
) -> Result<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(F::into),
        Err(_) => Err(Failure::timed_out(limit)),
    }
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

async fn handshake<S>(stream: std::io::Result<S>) -> Result<SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let stream = stream.map_err(|error| Failure::Unreachable(error.kind(), error.to_string()))?;
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| Failure::Cut(error.to_string()))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "the connection to the engine was closed");
        }
    });
    Ok(sender)
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A body that could not be read aborts the request: the engine never received all of it.
fn into_failure(error: &hyper::Error) -> Failure {
    match error.source() {
        Some(cause) if error.is_user() => Failure::Garbled(cause.to_string()),
        _ => Failure::Cut(error.to_string()),
    }
}

async fn read_all(response: Response<Incoming>) -> Result<Bytes> {
    let body = response.into_body().collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| Failure::Cut(error.to_string()))
}

/// A value as part of a path or query (RFC 3986 section 2.1; reserved characters are encoded except `/` and `:`, which
/// image names contain and engines expect unencoded).
pub(crate) fn encoded(value: &str) -> String {
    percent::encoded_name(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_remain_readable_and_other_characters_are_encoded() {
        assert_eq!(encoded("ghcr.io/a/b:1@sha256:0f"), "ghcr.io/a/b:1%40sha256:0f");
        assert_eq!(encoded("a&b=c d+e#f?"), "a%26b%3Dc%20d%2Be%23f%3F");
    }
}
