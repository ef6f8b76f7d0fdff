use super::{ConfigFile, EnvValue, Export, Import, PortKey, PortSpec, Service, VolumeMount};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one instance says differently from its template. How each field combines with the template is decided
/// in [`crate::resolve`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// Fields that replace the template's; labels merge.
    #[serde(flatten)]
    pub service: Service,
    /// Variables added to the inherited ones; `None` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_add: BTreeMap<String, Option<EnvValue>>,
    /// Ports added to the inherited ones; `None` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "super::port_spec::by_key")]
    pub ports_add: BTreeMap<PortKey, Option<PortSpec>>,
    /// Mounts added to the inherited ones, by target; `None` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes_add: BTreeMap<String, Option<VolumeMount>>,
    /// Config files by target path; `None` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config_files: BTreeMap<String, Option<ConfigFile>>,
    /// Replaces the template's exports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<Vec<Export>>,
    /// Replaces the template's imports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imports: Option<Vec<Import>>,
}

impl Overrides {
    /// The form kept in the store: JSON in the long forms users can write, defaults left out.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Overrides::to_stored`] wrote.
    pub fn from_stored(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }
}
