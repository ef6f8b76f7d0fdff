//! Creates, starts, stops, renames and removes containers.

use super::{
    BollardEngine, Result,
    container_body::{self, HOST_GATEWAY, Resolved},
    gateway, image, network, podman_create, state,
};
use crate::{
    EngineError, EngineErrorKind, ExitStatus,
    cause::{During, Failure},
    http_transport::{Call, within},
};
use bollard::{
    errors::Error as BollardError,
    models::ContainerCreateBody,
    query_parameters::{
        CreateContainerOptions, RemoveContainerOptions, RenameContainerOptions, StartContainerOptions,
        StopContainerOptions, WaitContainerOptions,
    },
};
use devarch_core::{
    engine::EngineKind,
    id::ContainerId,
    name::ContainerName,
    observed::RunState,
    podman,
    spec::{ContainerSpec, CreateContainer},
    unit::Millis,
};
use futures_util::StreamExt;
use serde::Deserialize;
use std::time::{Duration, Instant};

pub(super) async fn create(engine: &BollardEngine, request: &CreateContainer) -> Result<ContainerId> {
    let spec = &request.spec;
    let resolved = Resolved {
        image: image::name_for_create(engine, spec.image_reference()).await?,
        host_gateway: host_gateway(engine, spec).await?,
        sysctls: gateway::sysctls(&engine.info, spec),
        dns_options: gateway::resolver(&engine.info, spec),
    };
    let mut body = container_body::body(request, resolved);
    if engine.is_podman() {
        let cleared = podman::clears_entrypoint(spec);
        let command = if cleared { image::command(engine, spec.image_reference()).await? } else { None };
        podman_create::adapt(&mut body, spec, command);
        if let Some(argv) = podman_create::split_check(spec) {
            return Box::pin(create_with_check(engine, request, body, argv)).await;
        }
    }
    create_once(engine, request, body).await
}

async fn create_once(
    engine: &BollardEngine,
    request: &CreateContainer,
    body: ContainerCreateBody,
) -> Result<ContainerId> {
    let options = CreateContainerOptions {
        name: Some(request.name.to_string()),
        platform: request.spec.platform.clone().unwrap_or_default(),
    };
    let create = engine.docker.create_container(Some(options), body);
    let created = engine.timed(create).await.during(|| format!("create container {}", request.name))?;
    Ok(ContainerId::new(created.id))
}

/// Podman before 5.8 splits a health check's arguments at blanks, and accepts a list as a single argument with its JSON
/// text; later versions take arguments unchanged. Distributions patch versions, so the result is verified.
async fn create_with_check(
    engine: &BollardEngine,
    request: &CreateContainer,
    body: ContainerCreateBody,
    argv: &[String],
) -> Result<ContainerId> {
    let check = body.healthcheck.clone().unwrap_or_default();
    let mut forms = [podman_create::as_one_word(&check, argv), check];
    if podman::takes_checks_whole(&engine.info) {
        forms.reverse();
    }
    for form in forms {
        let body = ContainerCreateBody { healthcheck: Some(form), ..body.clone() };
        let id = create_once(engine, request, body).await?;
        if check_of(engine, &id).await?.split_first().is_some_and(|(_, words)| words == argv) {
            return Ok(id);
        }
        remove(engine, &id).await?;
    }
    let message = "this Podman splits the words of its health check; write it as one line (CMD-SHELL)";
    Err(EngineError::new(format!("create container {}", request.name), EngineErrorKind::Other, message))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Checked {
    config: CheckedConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CheckedConfig {
    healthcheck: Option<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    test: Option<Vec<String>>,
}

/// A container's health check in the engine's form.
async fn check_of(engine: &BollardEngine, id: &ContainerId) -> Result<Vec<String>> {
    let call = Call::get(format!("/containers/{id}/json"));
    let found: Option<Checked> = engine.http.find(call).await.during(|| format!("inspect container {id}"))?;
    Ok(found.and_then(|found| found.config.healthcheck?.test).unwrap_or_default())
}

/// Docker resolves the name itself. On Podman it is the gateway of the container's network; with the host's network it
/// is the loopback.
async fn host_gateway(engine: &BollardEngine, spec: &ContainerSpec) -> Result<String> {
    let needed = spec.extra_hosts.values().any(|address| address == HOST_GATEWAY);
    match &spec.network {
        Some(place) if needed && engine.is_podman() => network::gateway(engine, &place.name).await,
        None if needed && engine.is_podman() => Ok("127.0.0.1".to_owned()),
        _ => Ok(HOST_GATEWAY.to_owned()),
    }
}

pub(super) async fn start(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    let start = engine.docker.start_container(id.as_str(), None::<StartContainerOptions>);
    let started = engine.timed(start).await;
    if started.is_err() && engine.is_podman() {
        engine.isolation.restore_after_end(id).await;
        engine.gratuitous_arp.stopped().await;
    }
    if let Err(mut error) = started.during(|| format!("start container {id}")) {
        if is_stuck(engine, id).await {
            error.kind = EngineErrorKind::Stuck;
        }
        return Err(error);
    }
    engine.gratuitous_arp.started().await;
    Ok(())
}

/// Whether a container can no longer be started; if that cannot be determined the engine's error stands.
async fn is_stuck(engine: &BollardEngine, id: &ContainerId) -> bool {
    let found = state::inspect(engine, id).await.ok().flatten();
    found.is_some_and(|found| found.state == RunState::Stuck)
}

/// How long Podman's restart policy may take to restart a container that has ended.
const RESTART_TIMEOUT: Duration = Duration::from_secs(2);
/// Time between two attempts to stop it in the moment it runs.
const BETWEEN_STOPS: Duration = Duration::from_millis(5);

/// Time limit of a stop in addition to the grace period: half of that of an ordinary call.
fn stop_timeout(engine: &BollardEngine) -> Duration {
    engine.http.timeout() / 2
}

pub(super) async fn stop(engine: &BollardEngine, id: &ContainerId, grace: Option<Millis>) -> Result<()> {
    let seconds = grace.map(|grace| i32::try_from(container_body::seconds(grace)).unwrap_or(i32::MAX));
    let limit = stop_timeout(engine)
        + match grace {
            Some(grace) => Duration::from(grace),
            None => own_grace(engine, id).await?,
        };
    if engine.info.kind == EngineKind::Podman {
        let ran = stop_once(engine, id, seconds, limit).await?;
        if !ran && restarts_itself(engine, id).await? {
            stop_restarting(engine, id).await?;
        }
        engine.isolation.restore_after_end(id).await;
        engine.gratuitous_arp.stopped().await;
        return Ok(());
    }
    let options = StopContainerOptions { t: seconds, signal: None };
    let stopped = within(limit, engine.docker.stop_container(id.as_str(), Some(options))).await;
    stopped.during(|| format!("stop container {id}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stopping {
    config: StoppingConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StoppingConfig {
    stop_timeout: Option<i64>,
}

/// The grace period a container was created with.
async fn own_grace(engine: &BollardEngine, id: &ContainerId) -> Result<Duration> {
    let call = Call::get(format!("/containers/{id}/json"));
    let found: Option<Stopping> =
        engine.http.find(call).await.during(|| format!("inspect container {id}"))?;
    let given = found.and_then(|found| found.config.stop_timeout);
    let seconds = given.unwrap_or(container_body::DEFAULT_GRACE);
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// Stops a container once; whether it ran.
async fn stop_once(
    engine: &BollardEngine,
    id: &ContainerId,
    seconds: Option<i32>,
    limit: Duration,
) -> Result<bool> {
    let query = seconds.map_or_else(String::new, |seconds| format!("?t={seconds}"));
    match engine.http.open_within(limit, Call::post(format!("/containers/{id}/stop{query}"))).await {
        Ok(_) => Ok(true),
        Err(Failure::Answered(answer)) if answer.status == 304 => Ok(false),
        Err(failure) => Err(failure).during(|| format!("stop container {id}")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    state: PolicyState,
    host_config: PolicyHost,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyState {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyHost {
    restart_policy: PolicyName,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyName {
    name: String,
}

/// Whether a container has a restart policy that may start it again.
async fn restarts_itself(engine: &BollardEngine, id: &ContainerId) -> Result<bool> {
    let call = Call::get(format!("/containers/{id}/json"));
    let found: Option<Policy> = engine.http.find(call).await.during(|| format!("inspect container {id}"))?;
    Ok(found.is_some_and(|found| {
        found.state.status != "created"
            && !["", "no"].contains(&found.host_config.restart_policy.name.as_str())
    }))
}

/// Podman ends a restart policy on stop only if the container is running at that moment. A container that exits
/// repeatedly has to be caught while it runs: a call waits for the engine's lock, so it arrives right after a start.
async fn stop_restarting(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < RESTART_TIMEOUT && !stop_once(engine, id, Some(0), stop_timeout(engine)).await?
    {
        tokio::time::sleep(BETWEEN_STOPS).await;
    }
    Ok(())
}

pub(super) async fn rename(engine: &BollardEngine, id: &ContainerId, name: &ContainerName) -> Result<()> {
    let options = RenameContainerOptions { name: name.to_string() };
    let rename = engine.docker.rename_container(id.as_str(), options);
    engine.timed(rename).await.during(|| format!("rename container {id} to {name}"))
}

/// How often a removal in progress is checked.
const REMOVAL_POLLS: u32 = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// Docker refuses a second removal while the first one, of a caller that is gone, is in progress; this waits for it.
pub(super) async fn remove(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    for _ in 1..REMOVAL_POLLS {
        match remove_once(engine, id).await {
            Err(Failure::Answered(answer)) if answer.message.contains("is already in progress") => {
                tokio::time::sleep(REMOVAL_PAUSE).await;
            }
            other => return other.during(|| format!("remove container {id}")),
        }
    }
    remove_once(engine, id).await.during(|| format!("remove container {id}"))
}

async fn remove_once(engine: &BollardEngine, id: &ContainerId) -> std::result::Result<(), Failure> {
    let options = RemoveContainerOptions { v: false, force: false, link: false };
    match engine.timed(engine.docker.remove_container(id.as_str(), Some(options))).await {
        Err(failure) if failure.is_missing() => Ok(()),
        other => other,
    }
}

/// bollard reports an exit code other than 0 as an error; here it is a result.
pub(super) async fn wait(engine: &BollardEngine, id: &ContainerId) -> Result<ExitStatus> {
    let mut answers = Box::pin(engine.docker.wait_container(id.as_str(), None::<WaitContainerOptions>));
    let code = match answers.next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(Failure::from(error)),
        None => Err(Failure::Cut("the engine finished the wait without a result".to_owned())),
    };
    code.map(|code| ExitStatus { code }).during(|| format!("wait for container {id}"))
}
