//! Facts about an engine that decisions depend on.

use crate::id::EngineId;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Docker Engine 20.10 or newer.
    Docker,
    /// Podman 4.3 or newer.
    Podman,
}

impl EngineKind {
    /// The name users write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EngineKind {
    type Err = ();

    fn from_str(given: &str) -> Result<Self, ()> {
        match given {
            "docker" => Ok(Self::Docker),
            "podman" => Ok(Self::Podman),
            _ => Err(()),
        }
    }
}

/// Where the engine's containers run, relative to DevArch. Checks of host paths, listening ports and routes apply only
/// to [`Locality::Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locality {
    /// On this machine.
    Host,
    /// In a virtual machine on this machine (Docker Desktop, podman machine).
    Vm,
    /// On another machine.
    Remote,
}

/// An engine that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Docker or Podman.
    pub kind: EngineKind,
    /// Version of the engine.
    pub version: String,
    /// Version of its API.
    pub api_version: String,
    /// Where it was reached, e.g. `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// Whether it runs without root.
    pub rootless: bool,
    /// Where its containers run.
    pub locality: Locality,
    /// Whether health checks are scheduled: by Docker itself, by systemd timers for Podman.
    pub runs_health_checks: bool,
    /// The lowest host port it can publish: 1024 for a rootless Podman by default.
    pub lowest_port: u16,
}

impl EngineInfo {
    /// Whether its version is that one or newer, by major and minor number.
    pub fn is_at_least(&self, version: [u32; 2]) -> bool {
        let numbers = self.version.split('.').take(2).filter_map(|part| part.parse().ok());
        numbers.collect::<Vec<u32>>().as_slice() >= version.as_slice()
    }
}

/// The engine a stack is bound to since its first apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineBinding {
    /// Docker or Podman.
    pub kind: EngineKind,
    /// Its identity, by its marker volume.
    pub id: EngineId,
    /// Its endpoint as shown to the user.
    pub endpoint: String,
}
