use super::{BollardEngine, Result};
use crate::{cause::During, http_transport::Call};
use bollard::{models::VolumeCreateRequest, query_parameters::RemoveVolumeOptions};
use devarch_core::name::PhysicalVolume;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    volumes: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

pub(super) async fn list(engine: &BollardEngine) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let answer: Answer =
        engine.http.json(Call::get("/volumes")).await.during(|| "list volumes".to_owned())?;
    let volumes = answer.volumes.unwrap_or_default();
    Ok(volumes.into_iter().map(|volume| (volume.name, volume.labels.unwrap_or_default())).collect())
}

/// Explicitly, because Podman drops the labels of volumes that a container's mounts bring into being.
pub(super) async fn create(
    engine: &BollardEngine,
    name: &PhysicalVolume,
    labels: &BTreeMap<String, String>,
) -> Result<()> {
    let request = VolumeCreateRequest {
        name: Some(name.to_string()),
        labels: Some(labels.clone().into_iter().collect::<HashMap<_, _>>()),
        ..VolumeCreateRequest::default()
    };
    engine.timed(engine.docker.create_volume(request)).await.during(|| format!("create volume {name}"))?;
    Ok(())
}

pub(super) async fn remove(engine: &BollardEngine, name: &PhysicalVolume) -> Result<()> {
    let removed = engine.docker.remove_volume(name.as_str(), None::<RemoveVolumeOptions>);
    match engine.timed(removed).await {
        Err(failure) if failure.is_missing() => Ok(()),
        other => other.during(|| format!("remove volume {name}")),
    }
}
