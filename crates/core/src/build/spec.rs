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
    /// The platform to build for; the engine's own where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Look for newer versions of the images it begins from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// What it is built from now; `None` where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<BuildHash>,
}
