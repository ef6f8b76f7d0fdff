use crate::unit::{FileMode, Owner};
use serde::{Deserialize, Serialize};

/// A file DevArch puts into the container before it starts, through the engine's archive call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// What is in it.
    #[serde(flatten)]
    pub content: ConfigContent,
    /// Permission bits; 0644 where nothing is said, 0600 where the content is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// Owner by number; root where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Whether the content must never be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// Where a config file's content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigContent {
    /// Written in place.
    Content(String),
    /// A file beside the devarch.yml; read when the file is imported, so that the store holds the content.
    File(String),
}
