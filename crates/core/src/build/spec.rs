//! An image that a stack builds.

use super::BuildHash;
use crate::{template::Dockerfile, text::Text};
use serde::Serialize;
use std::collections::BTreeMap;

/// An image to build. Two that are equal are built once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildSpec {
    /// The directory that is sent to the engine, absolute.
    pub context: String,
    /// The instructions.
    #[serde(flatten)]
    pub dockerfile: Dockerfile,
    /// Values of the `ARG`s.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Text>,
    /// The stage to stop at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The target platform; the engine's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Look for newer versions of its base images.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// The hash of its current inputs; `None` if it was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<BuildHash>,
}
