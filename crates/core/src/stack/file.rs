//! The definition of a stack in a devarch.yml.

use super::{Instance, Stack};
use crate::{
    name::{InstanceName, TemplateName},
    policy::Allowance,
    secret::{Generate, HoldsSecrets, SecretName, Visit, visit_entries},
    template::Overrides,
    wire::Wiring,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One stack of a devarch.yml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFile {
    /// Exceptions from policy that the stack allows.
    pub allow: BTreeSet<Allowance>,
    /// The secrets it refers to, by name; their values are never in a file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, SecretFile>,
    /// `wires`, `prefer` and `external`.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// Its instances.
    pub instances: BTreeMap<InstanceName, InstanceFile>,
}

/// A stack's secret declared in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    /// How DevArch generates it; if `None`, the user sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
}

/// One instance of a devarch.yml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFile {
    /// Its template.
    pub template: TemplateName,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Its differences from the template.
    pub overrides: Overrides,
}

impl StackFile {
    /// Returns the file that would define the stack as it is.
    pub fn from_stack(stack: &Stack) -> Self {
        let instance = |instance: &Instance| InstanceFile {
            template: instance.template.template.name.clone(),
            enabled: instance.enabled,
            overrides: instance.overrides.clone(),
        };
        let instances = stack.instances.iter().map(|(name, i)| (name.clone(), instance(i))).collect();
        let secrets = stack.imported.as_ref().map(|file| file.secrets.clone()).unwrap_or_default();
        Self { allow: stack.allow.clone(), secrets, wiring: stack.wiring.clone(), instances }
    }
}

impl HoldsSecrets for StackFile {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        let overrides = self.instances.iter_mut().map(|(name, instance)| (name, &mut instance.overrides));
        visit_entries("instances", overrides, visit);
        self.wiring.visit_secrets(visit);
    }
}
