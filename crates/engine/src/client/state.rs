//! Parses a container's state as both engines report it.

use super::{BollardEngine, LIBPOD, Result};
use crate::{Inspection, cause::During, http_transport::Call};
use devarch_core::{
    id::{ContainerId, ImageId},
    observed::{HealthState, RunState},
    secret::Secret,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Docker's and Podman's states. An unknown one counts as running: a container that may still write to its volume must
/// not be treated as stopped.
pub(super) fn run_state(word: &str) -> RunState {
    match word {
        "created" | "configured" | "initialized" => RunState::Created,
        "paused" => RunState::Paused,
        "exited" | "stopped" | "dead" | "removing" => RunState::Exited,
        "stopping" => RunState::Stuck,
        _ => RunState::Running,
    }
}

/// Docker's messages for a container with leftovers of its last run (after Docker was killed), which it can no longer
/// start.
const REMNANTS: [&str; 3] = ["already exists", "container with given id", "container with id exists"];

/// The state of a container that ended, by the error of its last start.
fn ended_state(state: RunState, error: &str) -> RunState {
    let error = error.to_lowercase();
    let has_remnants = REMNANTS.iter().any(|remnant| error.contains(remnant));
    if has_remnants && state == RunState::Exited { RunState::Stuck } else { state }
}

/// Exit codes that Docker reports for a container that it could not start.
pub(super) const NOT_STARTED: [i64; 4] = [125, 126, 127, 128];

/// Docker's and Podman's health values; `""` and `none` mean that there is no check.
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

/// The health in `Up 5 minutes (health: starting)`, which only Docker reports.
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
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    healthcheck: Option<CheckTimes>,
}

/// When failures of a check count, in nanoseconds.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "PascalCase")]
struct CheckTimes {
    interval: Option<i64>,
    start_period: Option<i64>,
    retries: Option<i64>,
}

impl CheckTimes {
    /// How long after its start a container is not unhealthy, however often its check was run by then.
    fn grace_period(self) -> SignedDuration {
        let retries = i32::try_from(self.retries.unwrap_or_default()).unwrap_or(i32::MAX);
        let nanos = |nanos: Option<i64>| SignedDuration::from_nanos(nanos.unwrap_or_default());
        nanos(self.start_period).saturating_add(nanos(self.interval).saturating_mul(retries))
    }
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
pub(super) struct Health {
    status: Option<String>,
    log: Option<Vec<Check>>,
}

impl Health {
    /// Whether the check passed that was run just now.
    pub(super) fn passed(&self) -> bool {
        self.status.as_deref().and_then(health_state) == Some(HealthState::Healthy)
    }
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
        engine.http.find(call).await.during(|| format!("inspect container {id}"))?;
    let times = found.as_ref().and_then(|found| found.config.as_ref()?.healthcheck);
    let mut inspection = found.map(Inspection::from);
    if let (true, Some(found), Some(times)) = (engine.is_podman(), &mut inspection, times) {
        found.health = found.health.map(|health| judged(health, &found.started_at, times, Timestamp::now()));
    }
    Ok(inspection)
}

/// Podman counts each run of a check, also those of an apply that waits: what failed early is not unhealthy yet.
fn judged(health: HealthState, started_at: &str, times: CheckTimes, now: Timestamp) -> HealthState {
    match started_at.parse::<Timestamp>() {
        Ok(started)
            if health == HealthState::Unhealthy && now.duration_since(started) < times.grace_period() =>
        {
            HealthState::Starting
        }
        _ => health,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configured {
    config: Variables,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Variables {
    env: Option<Vec<String>>,
}

pub(super) async fn environment(
    engine: &BollardEngine,
    id: &ContainerId,
) -> Result<BTreeMap<String, Secret>> {
    let call = Call::get(format!("/containers/{id}/json"));
    let found: Option<Configured> =
        engine.http.find(call).await.during(|| format!("inspect container {id}"))?;
    let entries = found.and_then(|found| found.config.env).unwrap_or_default();
    let named = entries.iter().filter_map(|entry| entry.split_once('='));
    Ok(named.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect())
}

impl From<Inspected> for Inspection {
    fn from(found: Inspected) -> Self {
        let time = |text: Option<String>| text.filter(|text| text != NEVER).unwrap_or_default();
        let (health, log) = found
            .state
            .health
            .map(|health| (health.status.unwrap_or_default(), health.log.unwrap_or_default()))
            .unwrap_or_default();
        let error = found.state.error.unwrap_or_default();
        Self {
            state: ended_state(run_state(&found.state.status), &error),
            exit_code: found.state.exit_code.unwrap_or_default(),
            out_of_memory: found.state.oom_killed.unwrap_or_default(),
            error,
            restarting: found.state.status == "restarting",
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
        engine.http.json(call).await.during(|| format!("check the health of container {id}"))?;
    Ok(health_state(&health.status.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_and_health_are_parsed_from_a_status_line() {
        assert_eq!(exit_code("Exited (137) Less than a second ago"), Some(137));
        assert_eq!(exit_code("Up 3 seconds"), None);
        assert_eq!(listed_health("Up 2 minutes (healthy)"), Some(HealthState::Healthy));
        assert_eq!(listed_health("Up 1 second (health: starting)"), Some(HealthState::Starting));
        assert_eq!(listed_health("Up 2 hours (unhealthy)"), Some(HealthState::Unhealthy));
        assert_eq!(listed_health("Up 2 hours (Paused)"), None);
        assert_eq!(listed_health("Exited (1) 2 hours ago"), None);
    }

    #[test]
    fn stuck_containers_are_distinguished_from_exited_ones() {
        let has_remnants = "task 0a1b already exists: unknown";
        assert_eq!(ended_state(RunState::Exited, has_remnants), RunState::Stuck);
        assert_eq!(ended_state(RunState::Exited, ""), RunState::Exited);
        assert_eq!(ended_state(RunState::Exited, "exec: \"x\": not found"), RunState::Exited);
        assert_eq!(ended_state(RunState::Running, has_remnants), RunState::Running);
        assert_eq!(run_state("stopping"), RunState::Stuck);
    }

    #[test]
    fn failures_soon_after_the_start_are_not_unhealthy() {
        let seconds = |seconds: i64| Some(seconds * 1_000_000_000);
        let times = CheckTimes { interval: seconds(5), start_period: seconds(10), retries: Some(3) };
        let judged = |health, now: &str| judged(health, "2026-01-01T00:00:00Z", times, now.parse().unwrap());
        let (early, late) = ("2026-01-01T00:00:24Z", "2026-01-01T00:00:25Z");
        assert_eq!(judged(HealthState::Unhealthy, early), HealthState::Starting);
        assert_eq!(judged(HealthState::Unhealthy, late), HealthState::Unhealthy);
        assert_eq!(judged(HealthState::Healthy, early), HealthState::Healthy);
    }

    #[test]
    fn an_unknown_state_does_not_count_as_stopped() {
        assert_eq!(run_state("hibernating"), RunState::Running);
        assert_eq!(run_state("stopped"), RunState::Exited);
    }
}
