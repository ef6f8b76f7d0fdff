//! A container's state, from the words both engines use for it.

use super::{BollardEngine, LIBPOD, Result};
use crate::{Inspection, cause::During, wire::Call};
use devarch_core::{
    id::{ContainerId, ImageId},
    observed::{HealthState, RunState},
};
use serde::Deserialize;

/// Docker's and Podman's states. One that is not known counts as running: nothing may take a container for stopped
/// that perhaps still writes to its volume.
pub(super) fn run_state(word: &str) -> RunState {
    match word {
        "created" | "configured" | "initialized" => RunState::Created,
        "paused" => RunState::Paused,
        "exited" | "stopped" | "dead" | "removing" => RunState::Exited,
        _ => RunState::Running,
    }
}

/// Docker's and Podman's health words; `""` and `none` mean that there is no check.
pub(super) fn health_state(word: &str) -> Option<HealthState> {
    match word {
        "healthy" => Some(HealthState::Healthy),
        "unhealthy" => Some(HealthState::Unhealthy),
        "starting" => Some(HealthState::Starting),
        _ => None,
    }
}

/// The exit code in `Exited (3) 5 minutes ago`.
pub(super) fn exit_code(status: &str) -> Option<i64> {
    let (code, _) = status.strip_prefix("Exited (")?.split_once(')')?;
    code.parse().ok()
}

/// The health in `Up 5 minutes (health: starting)`, which only Docker tells.
pub(super) fn listed_health(status: &str) -> Option<HealthState> {
    let (_, word) = status.strip_suffix(')')?.rsplit_once('(')?;
    health_state(word.strip_prefix("health: ").unwrap_or(word))
}

/// Image ids with their algorithm, which Podman's own API leaves out.
pub(super) fn image_id(id: &str) -> ImageId {
    if id.contains(':') || id.is_empty() { ImageId::new(id) } else { ImageId::new(format!("sha256:{id}")) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    image: String,
    restart_count: Option<i64>,
    state: State,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    exit_code: Option<i64>,
    #[serde(rename = "OOMKilled")]
    oom_killed: Option<bool>,
    error: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: Option<String>,
    log: Option<Vec<Check>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    end: String,
    output: Option<String>,
}

/// The time engines give for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

pub(super) async fn inspect(engine: &BollardEngine, id: &ContainerId) -> Result<Option<Inspection>> {
    let call = Call::get(format!("/containers/{id}/json"));
    let found: Option<Inspected> =
        engine.wire.find(call).await.during(|| format!("inspect container {id}"))?;
    Ok(found.map(Inspection::from))
}

impl From<Inspected> for Inspection {
    fn from(found: Inspected) -> Self {
        let time = |text: Option<String>| text.filter(|text| text != NEVER).unwrap_or_default();
        let (health, log) = found
            .state
            .health
            .map(|health| (health.status.unwrap_or_default(), health.log.unwrap_or_default()))
            .unwrap_or_default();
        Self {
            state: run_state(&found.state.status),
            exit_code: found.state.exit_code.unwrap_or_default(),
            out_of_memory: found.state.oom_killed.unwrap_or_default(),
            error: found.state.error.unwrap_or_default(),
            restarts: found.restart_count.unwrap_or_default(),
            started_at: time(found.state.started_at),
            finished_at: time(found.state.finished_at),
            health: health_state(&health),
            last_check: log
                .into_iter()
                .next_back()
                .map(|check| (check.end, check.output.unwrap_or_default())),
            image_id: image_id(&found.image),
        }
    }
}

pub(super) async fn run_engine_check(
    engine: &BollardEngine,
    id: &ContainerId,
) -> Result<Option<HealthState>> {
    if engine.info.runs_health_checks {
        return Ok(None);
    }
    let call = Call::get(format!("{LIBPOD}/containers/{id}/healthcheck"));
    let health: Health =
        engine.wire.json(call).await.during(|| format!("check the health of container {id}"))?;
    Ok(health_state(&health.status.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_tells_exit_code_and_health() {
        assert_eq!(exit_code("Exited (137) Less than a second ago"), Some(137));
        assert_eq!(exit_code("Up 3 seconds"), None);
        assert_eq!(listed_health("Up 2 minutes (healthy)"), Some(HealthState::Healthy));
        assert_eq!(listed_health("Up 1 second (health: starting)"), Some(HealthState::Starting));
        assert_eq!(listed_health("Up 2 hours (unhealthy)"), Some(HealthState::Unhealthy));
        assert_eq!(listed_health("Up 2 hours (Paused)"), None);
        assert_eq!(listed_health("Exited (1) 2 hours ago"), None);
    }

    #[test]
    fn an_unknown_state_is_not_taken_for_stopped() {
        assert_eq!(run_state("stopping"), RunState::Running);
        assert_eq!(run_state("hibernating"), RunState::Running);
        assert_eq!(run_state("stopped"), RunState::Exited);
    }
}
