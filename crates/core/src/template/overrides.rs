use super::{ConfigFile, EnvValue, Export, Import, PortSpec, Service, VolumeMount};
use crate::{
    port::PortKey,
    secret::{HoldsSecrets, Visit, visit_entries},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One instance's differences from its template. How each field is merged with the template is defined in
/// [`crate::resolve`].
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

impl HoldsSecrets for Overrides {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        self.service.visit_secrets(visit);
        visit_entries("environment_add", there(&mut self.environment_add), visit);
        visit_entries("config_files", there(&mut self.config_files), visit);
        let exports = self.exports.iter_mut().flatten();
        visit_entries("exports", exports.map(|export| (export.name.clone(), export)), visit);
    }
}

/// Returns the entries that are not removals.
fn there<V>(entries: &mut BTreeMap<String, Option<V>>) -> impl Iterator<Item = (&String, &mut V)> {
    entries.iter_mut().filter_map(|(key, value)| Some((key, value.as_mut()?)))
}
