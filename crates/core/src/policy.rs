//! What is refused unless the stack allows it.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A dangerous feature that a stack can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allowance {
    /// `privileged: true`.
    Privileged,
    /// `network_mode: host`.
    HostNetwork,
    /// `pid: host`.
    HostPid,
    /// `ipc: host`.
    HostIpc,
    /// A mount of the engine's socket.
    EngineSocket,
    /// A capability that gives control over the host.
    Capabilities,
    /// A mount of `/`, `/etc`, the home directory and the like.
    HostPaths,
    /// A device of the host.
    Devices,
    /// A security option that switches confinement off.
    Unconfined,
}

impl Allowance {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Privileged,
        Self::HostNetwork,
        Self::HostPid,
        Self::HostIpc,
        Self::EngineSocket,
        Self::Capabilities,
        Self::HostPaths,
        Self::Devices,
        Self::Unconfined,
    ];

    /// The name users write under `allow:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::HostNetwork => "host-network",
            Self::HostPid => "host-pid",
            Self::HostIpc => "host-ipc",
            Self::EngineSocket => "engine-socket",
            Self::Capabilities => "capabilities",
            Self::HostPaths => "host-paths",
            Self::Devices => "devices",
            Self::Unconfined => "unconfined",
        }
    }
}

impl FromStr for Allowance {
    type Err = ();

    fn from_str(given: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|allowance| allowance.as_str() == given).ok_or(())
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
