//! The definitions a user writes: a template is a Compose service plus config files, resources and contracts;
//! overrides are what one instance says differently.

mod build;
mod config_file;
mod contract;
mod health;
mod mount;
mod overrides;
mod port_spec;
mod service;

pub use build::{Build, Dockerfile, PullPolicy};
pub use config_file::{ConfigContent, ConfigFile};
pub use contract::{ContractType, Export, Import};
pub use health::{HealthTest, Healthcheck};
pub use mount::{MountSource, TmpfsMount, VolumeMount};
pub use overrides::Overrides;
pub use port_spec::{HostPortChoice, PortKey, PortSpec, Protocol};
pub use service::{
    Dependency, DependencyCondition, EnvValue, Limits, Reservations, Resources, RestartPolicy, Service,
    Ulimit,
};

use crate::name::TemplateName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt, fmt::Write as _};

/// A reusable service definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name in the catalog.
    pub name: TemplateName,
    /// One line on what it is.
    #[serde(default)]
    pub description: String,
    /// The Compose service.
    #[serde(default)]
    pub service: Service,
    /// Config files by target path in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config_files: BTreeMap<String, ConfigFile>,
    /// What it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Export>,
    /// What it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
}

/// The SHA-256 of a template's body: instances are pinned to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateDigest(String);

impl TemplateDigest {
    /// A digest read back from the store or a label.
    pub fn from_stored(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    /// The form kept in the store: JSON with defaults left out and keys in a fixed order.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Template::to_stored`] wrote.
    pub fn from_stored(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// The identity of this body.
    pub fn digest(&self) -> TemplateDigest {
        let mut digest = String::from("sha256:");
        for byte in Sha256::digest(self.to_stored()) {
            let _ = write!(digest, "{byte:02x}");
        }
        TemplateDigest(digest)
    }
}
