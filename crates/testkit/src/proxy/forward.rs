//! Forwards a call to the real engine: heads unchanged, bodies and upgraded connections byte by byte.

use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    client::conn::http1,
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use std::{error::Error, path::Path};
use tokio::net::UnixStream;

/// A forwarded body.
pub(crate) type ForwardedBody = BoxBody<Bytes, hyper::Error>;

/// Why there is no response.
pub(crate) type NoResponse = Box<dyn Error + Send + Sync>;

/// An answer, and what is left to splice if both sides leave HTTP with it.
pub(crate) struct Answer {
    pub(crate) response: Response<ForwardedBody>,
    pub(crate) splice: Option<[OnUpgrade; 2]>,
}

/// Sends a call to the engine at `socket` and waits for the head of its answer.
pub(crate) async fn forward(socket: &Path, mut request: Request<Incoming>) -> Result<Answer, NoResponse> {
    let client = hyper::upgrade::on(&mut request);
    let mut response = send(socket, request).await?;
    let splice = (response.status() == StatusCode::SWITCHING_PROTOCOLS)
        .then(|| [client, hyper::upgrade::on(&mut response)]);
    Ok(Answer { response: response.map(BodyExt::boxed), splice })
}

async fn send<B>(socket: &Path, request: Request<B>) -> Result<Response<Incoming>, NoResponse>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
{
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = http1::Builder::new().preserve_header_case(true).handshake(stream).await?;
    // Ends when the response has been read, or its reader was dropped.
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await?)
}

/// Copies both ways until both have ended; a half that has ended is closed on the other side.
pub(crate) async fn splice([client, engine]: [OnUpgrade; 2]) {
    let (Ok(client), Ok(engine)) = tokio::join!(client, engine) else { return };
    // An end without a farewell is an end.
    let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(engine)).await;
}
