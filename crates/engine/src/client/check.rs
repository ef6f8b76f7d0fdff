//! Probes on Podman, by its health check call. An exec would leave a process behind that waits five minutes
//! (`exit_command_delay`) before it cleans up, even if the container no longer exists; no call shortens that or ends
//! it. The exec of the health check call needs no cleanup and leaves no process.

use super::{BollardEngine, LIBPOD, Result, state};
use crate::{
    Probe, ProbeResult,
    cause::{During, Failure},
    http_transport::{Call, HttpTransport},
};
use devarch_core::id::ContainerId;
use parking_lot::Mutex;
use std::{collections::BTreeMap, time::Duration};
use tokio::task::JoinHandle;

/// Whether the check passed.
type Answer = std::result::Result<bool, Failure>;

/// Checks that took longer than a probe waited. The call cannot be cut short: it ends with the check.
#[derive(Debug, Default)]
pub(super) struct Checks(Mutex<BTreeMap<ContainerId, JoinHandle<Answer>>>);

impl Checks {
    fn take(&self, id: &ContainerId) -> Option<JoinHandle<Answer>> {
        self.0.lock().remove(id)
    }

    fn keep(&self, id: &ContainerId, check: JoinHandle<Answer>) {
        self.0.lock().insert(id.clone(), check);
    }
}

/// Longer than any check.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// Runs the container's check once, or waits for the one that is still running; `None` if it has no check.
pub(super) async fn probe(
    engine: &BollardEngine,
    id: &ContainerId,
    probe: &Probe,
) -> Result<Option<ProbeResult>> {
    let begin = || tokio::spawn(run(engine.http.clone(), id.clone()));
    let mut check = engine.checks.take(id).unwrap_or_else(begin);
    let Ok(ended) = tokio::time::timeout(probe.timeout, &mut check).await else {
        engine.checks.keep(id, check);
        return Ok(Some(ProbeResult { exit_code: None, output: String::new(), unfinished: None }));
    };
    let answer = ended.unwrap_or_else(|error| Err(Failure::Cut(error.to_string())));
    match answer {
        Ok(true) => Ok(Some(ProbeResult { exit_code: Some(0), output: String::new(), unfinished: None })),
        Ok(false) => {
            let state = state::inspect(engine, id).await?.and_then(|state| state.last_check);
            let output = state.map(|(_, output)| output).unwrap_or_default();
            Ok(Some(ProbeResult { exit_code: Some(1), output, unfinished: None }))
        }
        Err(Failure::Answered(answer)) if answer.message.contains("no defined healthcheck") => Ok(None),
        Err(failure) => Err(failure).during(|| format!("check the health of container {id}")),
    }
}

async fn run(http: HttpTransport, id: ContainerId) -> Answer {
    let call = Call::get(format!("{LIBPOD}/containers/{id}/healthcheck"));
    let health: state::Health = http.json_within(NO_LIMIT, call).await?;
    Ok(health.passed())
}
