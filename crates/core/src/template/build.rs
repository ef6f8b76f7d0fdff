//! How an image comes to be there (Compose specification, `build` and `pull_policy`).

use super::Given;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an image is built. The fields are a closed set: what engines of all versions build alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The directory that is sent to the engine; a relative one resolves against the stack's project directory.
    pub context: String,
    /// What is done; the context's `Dockerfile` where nothing is said.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Dockerfile>,
    /// Values of the `ARG`s.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Given>,
    /// The stage to stop at; the last where nothing is said.
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

/// When an image is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Where it is absent. The default.
    #[default]
    Missing,
    /// Each time: its tag may stand for another image by now.
    Always,
    /// Never: it is there, or it is an error.
    Never,
    /// Never: it is built.
    Build,
}

impl PullPolicy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Always => "always",
            Self::Never => "never",
            Self::Build => "build",
        }
    }
}
