use crate::{name::VolumeName, unit::Bytes, unit::FileMode};
use serde::{Deserialize, Serialize};

/// A volume or host path that is mounted into the container; its key in lists is the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeMount {
    /// What is mounted.
    #[serde(flatten)]
    pub source: MountSource,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container can't write to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "source", rename_all = "lowercase")]
pub enum MountSource {
    /// A volume of this instance's own.
    Volume(VolumeName),
    /// A path on the engine's host; a relative one resolves against the stack's project directory.
    Bind(String),
}

/// A file system in memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TmpfsMount {
    /// Absolute path in the container.
    pub target: String,
    /// Upper limit of its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// Permission bits of its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
}
