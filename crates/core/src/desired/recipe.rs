//! The recipe of a container.

use crate::{
    id::ImageId,
    name::InstanceName,
    persisted::applied_form,
    secret::{Sealable, Stored},
    serialize::SerializeError,
    spec::{ContainerSpec, Identity},
    template::Dependency,
};
use serde::Serialize;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Everything a container is created from: its spec, its owner, and the config hash that shows whether it is up to
/// date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerRecipe {
    /// The spec passed to the engine.
    pub spec: ContainerSpec,
    /// The dependencies. They are not part of the container, and so not of the hash.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<InstanceName, Dependency>,
    /// The endpoints its imports are wired to; the values these supply are in the spec.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub wires: BTreeMap<String, String>,
    /// The owner.
    pub identity: Identity,
    /// The config hash.
    pub hash: String,
    /// The planned image; `None` if a step of the plan pulls or builds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
}

impl ContainerRecipe {
    /// Returns the record kept in the store, which later diffs compare with.
    ///
    /// # Errors
    ///
    /// The secrets cannot be serialized as JSON.
    pub fn memory(&self) -> Result<Stored, SerializeError> {
        let secrets = self.spec.secrets();
        let revealed: BTreeMap<&String, &str> =
            secrets.iter().map(|(field, secret)| (field, secret.reveal())).collect();
        let revealed = Zeroizing::new(serde_json::to_string(&revealed)?);
        Ok(Stored {
            open: applied_form(&self.spec, &self.depends_on, &self.wires).to_string(),
            secret: if secrets.is_empty() { Sealable::Nothing } else { Sealable::Open(revealed) },
        })
    }
}
