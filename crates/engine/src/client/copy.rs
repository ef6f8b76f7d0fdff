//! Copies one volume's content into another, in a container that mounts both.
//!
//! The archive API is unsuitable: Podman's makes root the owner of all files and omits the volume's own directory (seen
//! in 4.3), and with a remote engine all data would be transferred twice.

use super::{BollardEngine, LIBPOD, Result, image, life, list, logs, volume};
use crate::{
    EngineError, EngineErrorKind as Kind, LogOptions,
    cause::{Answered, During, Failure},
    http_transport::{Call, encoded},
};
use bollard::{
    models::{ContainerCreateBody, HealthConfig, HostConfig, Mount, MountType},
    query_parameters::CreateContainerOptions,
};
use devarch_core::{id::ContainerId, name::PhysicalVolume, observed::RunState, spec::label};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};

/// Empties the target and fills it, preserving owners, modes, times and links, including those of the volume's own
/// directory.
const SCRIPT: &str = "set -e; cd /devarch-to; for left in ./* ./.[!.]* ./..?*; do rm -rf \"$left\"; done; \
                      cp -a /devarch-from/. /devarch-to/";

pub(super) async fn copy(
    engine: &BollardEngine,
    from: &PhysicalVolume,
    to: &PhysicalVolume,
    image: &str,
) -> Result<()> {
    let action = || format!("copy volume {from} to {to}");
    let labels = check(engine, from, to).await?;
    let id = create(engine, from, to, Copier { image, labels }).await?;
    let copied = run(engine, &id).await;
    // Whatever the result; if the outcome is unknown, the container may still run and is stopped.
    let stopped = engine.http.send(removal(engine, id.as_str())).await.during(action);
    match copied {
        Ok(()) => stopped,
        Err(error) => Err(EngineError { action: action(), ..error }),
    }
}

/// Checks that emptying `to` loses nothing. Returns the labels of the copy container.
async fn check(
    engine: &BollardEngine,
    from: &PhysicalVolume,
    to: &PhysicalVolume,
) -> Result<BTreeMap<String, String>> {
    let refused =
        |kind, message: String| Err(EngineError::new(format!("copy volume {from} to {to}"), kind, message));
    if from == to {
        return refused(Kind::InUse, "they are the same volume".to_owned());
    }
    let volumes = volume::list(engine).await?;
    if let Some(missing) = [from, to].into_iter().find(|name| !volumes.contains_key(name.as_str())) {
        return refused(Kind::NotFound, format!("volume {missing} not found"));
    }
    let containers = list::containers(engine).await?;
    let uses = containers.iter().find(|container| {
        matches!(container.state, RunState::Running | RunState::Paused)
            && container.volumes.contains(to.as_str())
            && container.label(label::COPIER).is_none()
    });
    if let Some(user) = uses {
        return refused(Kind::InUse, format!("container {} runs with volume {to}; stop it first", user.name));
    }
    let of_stack = [label::STORE_ID, label::STACK_ID, label::STACK_NAME, label::APPLY_ID];
    let mut labels = volumes.get(to.as_str()).cloned().unwrap_or_default();
    labels.retain(|key, _| of_stack.contains(&key.as_str()));
    labels.insert(label::COPIER.to_owned(), "true".to_owned());
    Ok(labels)
}

struct Copier<'a> {
    image: &'a str,
    labels: BTreeMap<String, String>,
}

/// The name allows one copy at a time. A leftover copy container is replaced, any other container is an error.
async fn create(
    engine: &BollardEngine,
    from: &PhysicalVolume,
    to: &PhysicalVolume,
    copier: Copier<'_>,
) -> Result<ContainerId> {
    let name = format!("{to}{}", label::COPIER_SUFFIX);
    let action = || format!("create container {name}");
    let leftover =
        list::containers(engine).await?.into_iter().find(|container| container.name.as_str() == name);
    if let Some(leftover) = leftover {
        if leftover.label(label::COPIER).is_none()
            || leftover.label(label::STORE_ID) != copier.labels.get(label::STORE_ID).map(String::as_str)
        {
            let message = "a container that DevArch did not create has that name".to_owned();
            return Err(EngineError::new(action(), Kind::NameTaken, message));
        }
        engine.http.send(removal(engine, leftover.id.as_str())).await.during(action)?;
    }
    let Some(found) = image::inspect(engine, copier.image).await? else {
        return Err(EngineError::new(action(), Kind::NoImage, format!("image {} not found", copier.image)));
    };
    let body = ContainerCreateBody {
        image: Some(image::name_for_create(engine, copier.image).await?),
        entrypoint: Some(["sh", "-c", SCRIPT].map(str::to_owned).to_vec()),
        cmd: Some(Vec::new()),
        user: Some("0".to_owned()),
        labels: Some(copier.labels.into_iter().collect()),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![mount(from, "/devarch-from", true), mount(to, "/devarch-to", false)]),
            // Hides the image's own volumes, so that no anonymous ones are created.
            tmpfs: Some(
                found.volumes.into_iter().map(|path| (path, String::new())).collect::<HashMap<_, _>>(),
            ),
            security_opt: Some(vec!["label=disable".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
    let created = engine.timed(engine.docker.create_container(Some(options), body)).await.during(action)?;
    Ok(ContainerId::new(created.id))
}

fn mount(volume: &PhysicalVolume, target: &str, read_only: bool) -> Mount {
    Mount {
        target: Some(target.to_owned()),
        source: Some(volume.to_string()),
        typ: Some(MountType::VOLUME),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// Forced, because the container has nothing to lose. On Podman through its own API.
fn removal(engine: &BollardEngine, container: &str) -> Call {
    let api = if engine.is_podman() { LIBPOD } else { "" };
    Call::delete(format!("{api}/containers/{}?force=true", encoded(container)))
}

async fn run(engine: &BollardEngine, id: &ContainerId) -> Result<()> {
    life::start(engine, id).await.map_err(|error| match error.kind {
        Kind::CannotRun => {
            EngineError { message: format!("{}; an image with a shell is needed", error.message), ..error }
        }
        _ => error,
    })?;
    let code = life::wait(engine, id).await?.code;
    if code == 0 {
        return Ok(());
    }
    let options = LogOptions { tail: Some(5), ..LogOptions::default() };
    let mut lines = logs::open(engine, id, &options).await?;
    let mut output = Vec::new();
    while let Some(chunk) = lines.next().await {
        output.extend(chunk?.bytes);
    }
    let output = String::from_utf8_lossy(&output).trim().to_owned();
    let message = format!("it exited with code {code}: {output}");
    Err(Failure::Answered(Answered { status: 500, message })).during(|| format!("run container {id}"))
}
