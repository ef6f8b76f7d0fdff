//! Answers that fail because something else went away while the engine was looking at it.

use super::BollardEngine;
use crate::{cause::Failure, wire::Call};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often a call is made before its failure counts.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(30);

/// What Podman 4.3 says when a process, an interface or a container that is none of the call's business ended while
/// it listed them (seen: `read /proc/25085/cgroup: no such process` of a list of containers, `route ip+net: no such
/// network interface` of a network that was to be made). Nothing was done then.
const GONE_MEANWHILE: [&str; 4] = [
    "no such process",
    "no such network interface",
    "no such container",
    "container has already been removed",
];

/// Makes a call again where it failed for something that went away meanwhile. Only for calls that name no object, or
/// one that is to be made.
pub(super) async fn settled<T: DeserializeOwned>(
    engine: &BollardEngine,
    call: impl Fn() -> Call,
) -> Result<T, Failure> {
    for _ in 1..ATTEMPTS {
        match engine.wire.json(call()).await {
            Err(Failure::Answered(answer)) if engine.is_podman() && gone_meanwhile(&answer.message) => {
                tracing::debug!(message = answer.message, "asked again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
    engine.wire.json(call()).await
}

/// What Podman 4.3 says when its own program stumbled over an image that somebody else changed at that moment (seen of an
/// inspect, while a tag was moved).
const STUMBLED: &str = "nil pointer dereference";

/// Looks for an object, again where the engine stumbled: looking changes nothing.
pub(super) async fn found<T: DeserializeOwned>(
    engine: &BollardEngine,
    call: impl Fn() -> Call,
) -> Result<Option<T>, Failure> {
    for _ in 1..ATTEMPTS {
        match engine.wire.find(call()).await {
            Err(Failure::Answered(answer)) if engine.is_podman() && answer.message.contains(STUMBLED) => {
                tracing::debug!(message = answer.message, "asked again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
    engine.wire.find(call()).await
}

fn gone_meanwhile(message: &str) -> bool {
    GONE_MEANWHILE.iter().any(|words| message.contains(words))
}
