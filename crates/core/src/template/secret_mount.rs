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
    /// User id; the one the container runs as where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group id; the one the container runs as where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

impl SecretMount {
    /// Whom the file belongs to in a container that runs as that user.
    pub fn owner(&self, user: Owner) -> Owner {
        Owner { uid: self.uid.unwrap_or(user.uid), gid: self.gid.unwrap_or(user.gid) }
    }
}
