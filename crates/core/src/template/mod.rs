//! The definitions a user writes: a template is a Compose service plus config files, resources and contracts;
//! overrides are one instance's differences from it.

mod build;
mod config_file;
mod contract;
mod env_value;
mod health;
mod mount;
mod overrides;
mod port_spec;
mod secret_mount;
mod service;

pub use build::{Build, Dockerfile, PullPolicy};
pub use config_file::{ConfigContent, ConfigFile};
pub use contract::{ContractType, Export, Import, Provision};
pub use env_value::{EnvValue, Given};
pub use health::{HealthTest, Healthcheck};
pub use mount::{MountSource, TmpfsMount, VolumeMount};
pub use overrides::Overrides;
pub use port_spec::{HostPortChoice, PortSpec};
pub use secret_mount::{SECRETS_DIRECTORY, SecretMount};
pub use service::{
    Dependency, DependencyCondition, Limits, Reservations, Resources, RestartPolicy, Service, Ulimit,
};

use crate::{
    hash::{HashKey, absorb},
    name::TemplateName,
    secret::{HoldsSecrets, Sealable, Stored, Visit, visit_entries},
    serialize::SerializeError,
};
use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt};

/// A reusable service definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name in the catalog.
    pub name: TemplateName,
    /// A one-line description.
    #[serde(default)]
    pub description: String,
    /// The Compose service.
    #[serde(default)]
    pub service: Service,
    /// Config files by target path in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config_files: BTreeMap<String, ConfigFile>,
    /// What it provides to other instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Export>,
    /// What it needs from other instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
}

/// The digest of a template's body, to which instances are pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateDigest(String);

impl TemplateDigest {
    /// Creates a digest from the store or a label.
    pub fn from_stored(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }

    /// Returns `sha256:` or, if the body contains secrets, `hmac-sha256:`, followed by 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HoldsSecrets for Template {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        self.service.visit_secrets(visit);
        visit_entries("config_files", &mut self.config_files, visit);
        let exports = self.exports.iter_mut();
        visit_entries("exports", exports.map(|export| (export.name.clone(), export)), visit);
    }
}

impl Template {
    /// Computes the digest of this body. It is public, in labels and in the database: if the body contains secrets it
    /// is keyed, so that they cannot be guessed from it.
    ///
    /// # Errors
    ///
    /// If it cannot be represented as JSON.
    pub fn digest(&self, key: &HashKey) -> Result<TemplateDigest, SerializeError> {
        let Stored { open, secret } = Stored::from_definition(self)?;
        Ok(TemplateDigest(match secret {
            Sealable::Open(secret) => {
                let mut mac = key.mac();
                absorb(&mut mac, open.as_bytes());
                absorb(&mut mac, secret.as_bytes());
                format!("hmac-sha256:{}", hex::encode(mac.finalize().into_bytes()))
            }
            Sealable::Nothing | Sealable::Locked(_) => {
                format!("sha256:{}", hex::encode(Sha256::digest(open)))
            }
        }))
    }
}
