//! A container's life, call by call.

use super::{
    BollardEngine, Result,
    container_body::{self, HOST_GATEWAY, Resolved},
    image, network,
};
use crate::{
    ExitStatus,
    cause::{During, Failure},
};
use bollard::{
    errors::Error as BollardError,
    query_parameters::{
        CreateContainerOptions, RemoveContainerOptions, RenameContainerOptions, StartContainerOptions,
        StopContainerOptions, WaitContainerOptions,
    },
};
use devarch_core::{
    id::ContainerId,
    name::ContainerName,
    spec::{ContainerSpec, CreateContainer},
    unit::Millis,
};
use futures_util::StreamExt;
use std::time::Duration;

pub(super) async fn create(engine: &BollardEngine, request: &CreateContainer) -> Result<ContainerId> {
    let resolved = Resolved {
        image: image::name_for_create(engine, &request.spec.image).await?,
        host_gateway: host_gateway(engine, &request.spec).await?,
    };
    let options = CreateContainerOptions {
        name: Some(request.name.to_string()),
        platform: request.spec.platform.clone().unwrap_or_default(),
    };
    let created = engine
        .docker
        .create_container(Some(options), container_body::body(request, resolved))
        .await
        .during(|| format!("create container {}", request.name))?;
    Ok(ContainerId::new(created.id))
}

/// Docker resolves the word itself. On Podman it is the gateway of the container's network; with the host's network
/// it is the loopback.
async fn host_gateway(engine: &BollardEngine, spec: &ContainerSpec) -> Result<String> {
    let wanted = spec.extra_hosts.values().any(|address| address == HOST_GATEWAY);
    match &spec.network {
        Some(place) if wanted && engine.is_podman() => network::gateway(engine, &place.name).await,
        None if wanted && engine.is_podman() => Ok("127.0.0.1".to_owned()),
        _ => Ok(HOST_GATEWAY.to_owned()),
    }
}

pub(super) async fn start(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    let started = engine.docker.start_container(id.as_str(), None::<StartContainerOptions>).await;
    started.during(|| format!("start container {id}"))
}

pub(super) async fn stop(engine: &BollardEngine, id: &ContainerId, grace: Option<Millis>) -> Result<()> {
    let options = StopContainerOptions {
        t: grace.map(|grace| i32::try_from(container_body::seconds(grace)).unwrap_or(i32::MAX)),
        signal: None,
    };
    // The call lasts as long as the grace period; one from the container's own spec is not known here.
    let longest = grace.map_or(Duration::from_hours(1), Duration::from);
    let stopped = engine.patient(longest).stop_container(id.as_str(), Some(options)).await;
    stopped.during(|| format!("stop container {id}"))
}

pub(super) async fn rename(engine: &BollardEngine, id: &ContainerId, name: &ContainerName) -> Result<()> {
    let options = RenameContainerOptions { name: name.to_string() };
    let renamed = engine.docker.rename_container(id.as_str(), options).await;
    renamed.during(|| format!("rename container {id} to {name}"))
}

pub(super) async fn remove(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    let options = RemoveContainerOptions { v: false, force: false, link: false };
    match engine.docker.remove_container(id.as_str(), Some(options)).await.map_err(Failure::from) {
        Err(failure) if failure.is_missing() => Ok(()),
        other => other.during(|| format!("remove container {id}")),
    }
}

/// bollard gives an exit code other than 0 as an error; it is a result.
pub(super) async fn wait(engine: &BollardEngine, id: &ContainerId) -> Result<ExitStatus> {
    let patient = engine.patient(Duration::from_hours(365 * 24));
    let mut answers = Box::pin(patient.wait_container(id.as_str(), None::<WaitContainerOptions>));
    let code = match answers.next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(Failure::from(error)),
        None => Err(Failure::Cut("the engine ended the wait without a result".to_owned())),
    };
    code.map(|code| ExitStatus { code }).during(|| format!("wait for container {id}"))
}
