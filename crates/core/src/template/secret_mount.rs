use crate::{
    secret::SecretName,
    unit::{FileMode, Owner},
};
use serde::{Deserialize, Serialize};

/// The directory secrets are put into where nothing is said (Compose specification, "secrets").
pub const SECRETS_DIRECTORY: &str = "/run/secrets";

/// A secret of the stack that a container gets as a file (Compose specification, service `secrets`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretMount {
    /// The stack's secret.
    pub source: SecretName,
    /// Absolute path of the file in the container.
    pub target: String,
    /// Permission bits; 0400 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// Owner by number; the user the container runs as where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}
