//! How an image is provided (Compose specification, `build` and `pull_policy`).

use super::Given;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an image is built. Only fields that all supported engine versions treat alike are included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The directory that is sent to the engine; a relative one resolves against the stack's project directory.
    pub context: String,
    /// The instructions; by default the context's `Dockerfile`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Dockerfile>,
    /// Values of the `ARG`s.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Given>,
    /// The stage to build; by default the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The instructions of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dockerfile {
    /// A file of the context, by its path in it.
    #[serde(rename = "dockerfile")]
    Path(String),
    /// The instructions themselves.
    #[serde(rename = "dockerfile_inline")]
    Inline(String),
}

impl Default for Dockerfile {
    fn default() -> Self {
        Self::Path("Dockerfile".to_owned())
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// If it is missing. The default.
    #[default]
    Missing,
    /// Every time, because its tag may refer to a new image.
    Always,
    /// Never; a missing image is an error.
    Never,
    /// Never; the image is built.
    Build,
}

impl PullPolicy {
    /// Returns the policy's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Always => "always",
            Self::Never => "never",
            Self::Build => "build",
        }
    }
}
