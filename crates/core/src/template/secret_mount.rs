use crate::{
    secret::SecretName,
    unit::{FileMode, Owner},
};
use serde::{Deserialize, Serialize};

/// The default directory of secrets (Compose specification, "secrets").
pub const SECRETS_DIRECTORY: &str = "/run/secrets";

/// A stack's secret mounted as a file (Compose specification, service `secrets`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretMount {
    /// The stack's secret.
    pub source: SecretName,
    /// Absolute path of the file in the container.
    pub target: String,
    /// Permission bits; default 0400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// User id; default the container's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group id; default the container's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

impl SecretMount {
    /// Returns the owner of the file in a container that runs as that user.
    pub fn owner(&self, user: Owner) -> Owner {
        Owner { uid: self.uid.unwrap_or(user.uid), gid: self.gid.unwrap_or(user.gid) }
    }
}
