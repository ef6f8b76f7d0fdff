use super::{BollardEngine, Result};
use crate::{
    LogOptions, LogStream,
    cause::During,
    frames::{Packing, reader, unpack},
    http_transport::Call,
};
use devarch_core::id::ContainerId;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use hyper::{Response, body::Incoming};
use std::time::Duration;

/// Time to wait for the response head before waiting inside the stream.
const HEAD: Duration = Duration::from_millis(250);

/// Podman sends the response head with the first line (containers/podman#23712), so a quiet container must not look
/// like a stuck engine: after a moment the wait continues inside the stream.
pub(super) async fn open(
    engine: &BollardEngine,
    id: &ContainerId,
    options: &LogOptions,
) -> Result<LogStream> {
    let action = format!("read the logs of container {id}");
    let http = engine.http.clone();
    let call = Call::get(path(id, options));
    let mut head = Box::pin(async move { http.open(call).await });
    if let Ok(response) = tokio::time::timeout(HEAD, &mut head).await {
        let response = response.during(|| action.clone())?;
        return Ok(lines(response, action));
    }
    let late = head.map(move |response| match response {
        Ok(response) => Ok(lines(response, action)),
        Err(failure) => Err(failure.into_error(&action)),
    });
    Ok(late.try_flatten_stream().boxed())
}

fn lines(response: Response<Incoming>, action: String) -> LogStream {
    unpack(reader(response.into_body()), Packing::Unknown, action)
}

fn path(id: &ContainerId, options: &LogOptions) -> String {
    let tail = options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let since = options.since.map_or_else(String::new, |time| format!("&since={time}"));
    format!(
        "/containers/{id}/logs?stdout=true&stderr=true&follow={}&tail={tail}&timestamps={}{since}",
        options.follow, options.timestamps
    )
}
