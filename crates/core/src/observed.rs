//! Existing objects, as far as decisions depend on them; normalised so that both engines look the same.

use crate::{
    build::BuildHash,
    engine::EngineInfo,
    id::{ContainerId, EngineId, ImageId, NetworkId},
    name::{ContainerName, InstanceName},
    port::{HostSocket, PortKey},
    spec::{PublishedPort, label},
    template::Healthcheck,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The observed state of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The observed engine.
    pub engine: EngineInfo,
    /// Its identity, if a DevArch ever applied there.
    pub engine_id: Option<EngineId>,
    /// All containers, owned or not: names and ports of unowned ones can conflict.
    pub containers: Vec<ObservedContainer>,
    /// All networks.
    pub networks: Vec<ObservedNetwork>,
    /// All volumes by name, with their labels.
    pub volumes: BTreeMap<String, BTreeMap<String, String>>,
    /// The requested images, by the name of the request; absent ones are not included.
    pub images: BTreeMap<String, ImageInfo>,
    /// Host sockets that are listened on by processes that are not containers, among those that were asked for.
    pub listeners: Vec<Listener>,
    /// Subnets that the host routes elsewhere.
    pub routes: BTreeSet<Ipv4Net>,
}

/// A container as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the leading slash.
    pub name: ContainerName,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// The image it was created from.
    pub image_id: ImageId,
    /// The image as named at creation; for display.
    pub image: String,
    /// Whether it runs.
    pub state: RunState,
    /// Whether its restart policy restarts it after an exit. Plans treat it as running.
    pub restarting: bool,
    /// The engine's own status, e.g. `Exited (0) 5 minutes ago`; for display.
    pub status: String,
    /// Exit code, if it has exited and the engine's list contains it.
    pub exit_code: Option<i64>,
    /// The result of its health checks, if the list contains it (Docker only).
    pub health: Option<HealthState>,
    /// Names of its networks, with its address on each if it has one.
    pub networks: BTreeMap<String, Option<IpAddr>>,
    /// Ports it publishes now.
    pub ports: Vec<PublishedPort>,
    /// Names of the volumes it mounts.
    pub volumes: BTreeSet<String>,
}

impl ObservedContainer {
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// The config hash it was created with, if DevArch created it.
    pub fn config_hash(&self) -> Option<&str> {
        self.label(label::CONFIG_HASH)
    }

    /// The instance it was created for, by its name at that time. Dependencies are recorded with names of that time
    /// too, so this is its place among them; its id identifies the current instance.
    pub(crate) fn instance_then(&self) -> Option<InstanceName> {
        self.label(label::INSTANCE_NAME)?.parse().ok()
    }

    /// The build of its image, if DevArch built it: both engines pass an image's labels on.
    pub fn built_from(&self) -> Option<BuildHash> {
        self.label(label::BUILD_HASH).and_then(BuildHash::parse)
    }
}

/// Whether a container runs. `restarting` and `unhealthy` are running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Created, never started.
    Created,
    /// Running, including being restarted repeatedly by the engine.
    Running,
    /// Paused by the user.
    Paused,
    /// Ended or dead.
    Exited,
    /// The engine can no longer start it, only remove it: a stop of it never ended (Podman's `stopping`), or leftovers
    /// of its last run remain (Docker after it was killed). A stop in progress looks the same for a while.
    Stuck,
}

/// The result of a container's health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// No result yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// As many checks in a row as allowed have failed.
    Unhealthy,
}

/// A network as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservedNetwork {
    /// Its id.
    pub id: NetworkId,
    /// Its name; on Docker not necessarily unique.
    pub name: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// Its IPv4 subnets.
    pub subnets: Vec<Ipv4Net>,
}

/// The facts about an image that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInfo {
    /// Its content id.
    pub id: ImageId,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Paths its `VOLUME` lines declare.
    pub volumes: BTreeSet<String>,
    /// The health check it brings.
    pub healthcheck: Option<Healthcheck>,
    /// The user its processes run as (`""`: root).
    pub user: String,
    /// Ports it exposes.
    pub exposed: BTreeSet<PortKey>,
}

impl ImageInfo {
    /// Its build, if DevArch built it.
    pub fn built_from(&self) -> Option<BuildHash> {
        self.labels.get(label::BUILD_HASH).and_then(|label| BuildHash::parse(label))
    }
}

/// A process (not a container) that listens on a host port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listener {
    /// Where it listens.
    #[serde(flatten)]
    pub socket: HostSocket,
    /// Who it is, e.g. `postgres (pid 812)`, where that can be seen.
    pub process: Option<String>,
}
