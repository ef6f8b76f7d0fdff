//! Retries calls that failed because another object was removed concurrently.

use super::BollardEngine;
use crate::{cause::Failure, http_transport::Call};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often a call is sent before its failure is final.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(30);

/// Messages of Podman 4.3 when an unrelated process, interface or container ended during a listing (seen: `read
/// /proc/25085/cgroup: no such process` from a list of containers, `route ip+net: no such network interface` from
/// creating a network). The call had no effect.
const CONCURRENTLY_REMOVED: [&str; 4] = [
    "no such process",
    "no such network interface",
    "no such container",
    "container has already been removed",
];

/// Sends a call, retried on transient errors. Only for calls that name no object, or one to be created.
pub(super) async fn send<T: DeserializeOwned>(
    engine: &BollardEngine,
    call: impl Fn() -> Call,
) -> Result<T, Failure> {
    for _ in 1..ATTEMPTS {
        match engine.http.json(call()).await {
            Err(Failure::Answered(answer)) if engine.is_podman() && is_transient(&answer.message) => {
                tracing::debug!(message = answer.message, "asked again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
    engine.http.json(call()).await
}

/// Message of Podman 4.3 when it crashed on an image that another process changed concurrently (seen in an inspect
/// while a tag was moved).
const CRASHED: &str = "nil pointer dereference";

/// Finds an object, retried if the engine crashed: reading has no side effects.
pub(super) async fn find<T: DeserializeOwned>(
    engine: &BollardEngine,
    call: impl Fn() -> Call,
) -> Result<Option<T>, Failure> {
    for _ in 1..ATTEMPTS {
        match engine.http.find(call()).await {
            Err(Failure::Answered(answer)) if engine.is_podman() && answer.message.contains(CRASHED) => {
                tracing::debug!(message = answer.message, "asked again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
    engine.http.find(call()).await
}

fn is_transient(message: &str) -> bool {
    CONCURRENTLY_REMOVED.iter().any(|words| message.contains(words))
}
