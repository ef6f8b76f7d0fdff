//! The output of a long call, line by line as it comes. It may last as long as it gets on.

use crate::{
    cause::Failure,
    frames::reader,
    wire::{Call, Wire, within},
};
use std::{
    pin::{Pin, pin},
    time::Duration,
};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

type Result<T> = std::result::Result<T, Failure>;
type Body = BufReader<Pin<Box<dyn AsyncRead + Send>>>;

/// What it means when nothing comes for the time an ordinary call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The call is stuck: it tells whenever it gets on.
    Stuck,
    /// It may be at work, as long as the engine answers a ping.
    Works,
}

/// Time an engine may take to answer a ping.
const PING: Duration = Duration::from_secs(10);

/// The lines of an answer.
pub(crate) struct Lines {
    wire: Wire,
    silence: Silence,
    rest: tokio::io::Lines<Body>,
}

impl Lines {
    /// Sends a call.
    pub(crate) async fn open(wire: &Wire, call: Call, silence: Silence) -> Result<Self> {
        let response = patiently(wire, silence, wire.open(call)).await?;
        let body: Pin<Box<dyn AsyncRead + Send>> = Box::pin(reader(response.into_body()));
        Ok(Self { wire: wire.clone(), silence, rest: BufReader::new(body).lines() })
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        let next = async { self.rest.next_line().await.map_err(|error| Failure::Cut(error.to_string())) };
        patiently(&self.wire, self.silence, next).await
    }
}

async fn patiently<T>(wire: &Wire, silence: Silence, step: impl Future<Output = Result<T>>) -> Result<T> {
    let mut step = pin!(step);
    loop {
        match tokio::time::timeout(wire.timeout(), &mut step).await {
            Ok(done) => return done,
            Err(_) if silence == Silence::Stuck => return Err(Failure::timed_out(wire.timeout())),
            Err(_) if is_alive(wire).await => {}
            Err(_) => return Err(Failure::timed_out(wire.timeout())),
        }
    }
}

async fn is_alive(wire: &Wire) -> bool {
    within(PING.min(wire.timeout()), wire.open(Call::get("/_ping"))).await.is_ok()
}
