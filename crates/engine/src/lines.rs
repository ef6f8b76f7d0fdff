//! The output of a long call, line by line as it arrives. The call may take as long as it makes progress.

use crate::{
    cause::Failure,
    frames::reader,
    http_transport::{Call, HttpTransport, within},
};
use std::{
    pin::{Pin, pin},
    time::Duration,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

type Result<T> = std::result::Result<T, Failure>;
type Body = BufReader<Pin<Box<dyn AsyncRead + Send>>>;

/// What it means if no output arrives within the time limit of an ordinary call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The call is stuck: it reports all progress.
    Stuck,
    /// It may be at work, as long as the engine answers a ping.
    Works,
}

/// Time an engine may take to answer a ping.
const PING: Duration = Duration::from_secs(10);

/// The lines of an answer.
pub(crate) struct Lines {
    http: HttpTransport,
    silence: Silence,
    rest: tokio::io::Lines<Body>,
}

impl Lines {
    /// Sends a call.
    pub(crate) async fn open(http: &HttpTransport, call: Call, silence: Silence) -> Result<Self> {
        let response = with_timeout(http, silence, http.open(call)).await?;
        let body: Pin<Box<dyn AsyncRead + Send>> = Box::pin(reader(response.into_body()));
        Ok(Self { http: http.clone(), silence, rest: BufReader::new(body).lines() })
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        let next = async { self.rest.next_line().await.map_err(|error| Failure::Cut(error.to_string())) };
        with_timeout(&self.http, self.silence, next).await
    }
}

async fn with_timeout<T>(
    http: &HttpTransport,
    silence: Silence,
    step: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut step = pin!(step);
    loop {
        match tokio::time::timeout(http.timeout(), &mut step).await {
            Ok(done) => return done,
            Err(_) if silence == Silence::Stuck => return Err(Failure::timed_out(http.timeout())),
            Err(_) if is_alive(http).await => {}
            Err(_) => return Err(Failure::timed_out(http.timeout())),
        }
    }
}

async fn is_alive(http: &HttpTransport) -> bool {
    within(PING.min(http.timeout()), http.open(Call::get("/_ping"))).await.is_ok()
}
