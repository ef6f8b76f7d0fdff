use crate::{name::VolumeName, unit::Bytes, unit::FileMode};
use serde::{Deserialize, Serialize};

/// A volume or host path mounted into the container; lists are keyed by target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeMount {
    /// What is mounted.
    #[serde(flatten)]
    pub source: MountSource,
    /// Absolute path in the container.
    pub target: String,
    /// Whether it is mounted read-only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// The source of a mount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "source", rename_all = "lowercase")]
pub enum MountSource {
    /// A volume of this instance.
    Volume(VolumeName),
    /// A path on the engine's host; a relative one resolves against the stack's project directory.
    Bind(String),
}

/// An in-memory file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TmpfsMount {
    /// Absolute path in the container.
    pub target: String,
    /// Its maximum size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// Permission bits of its root directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
}
