//! What a container is made from.

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

/// What a container is made from: the wish, whose it is, and the hash that tells whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerRecipe {
    /// What the engine is asked to make.
    pub spec: ContainerSpec,
    /// Whom it waits for; no part of the container, so no part of the hash.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<InstanceName, Dependency>,
    /// What its imports are wired to; what that gives is in the spec.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub wires: BTreeMap<String, String>,
    /// Whose it is.
    pub identity: Identity,
    /// Its config hash.
    pub hash: String,
    /// The image it was planned with; `None` where a step of the plan fetches or builds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
}

impl ContainerRecipe {
    /// What the store remembers of it: the left side of later diffs.
    ///
    /// # Errors
    ///
    /// Where its secrets have no JSON form.
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
