//! What a devarch.yml says of a stack.

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
    /// What policy would refuse and the stack allows.
    pub allow: BTreeSet<Allowance>,
    /// The secrets it refers to, by name: their values are never in a file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, SecretFile>,
    /// `wires`, `prefer` and `external`.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// Its instances.
    pub instances: BTreeMap<InstanceName, InstanceFile>,
}

/// A secret of a stack that its file declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    /// How DevArch makes it; where nothing is said the user sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
}

/// One instance of a devarch.yml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFile {
    /// The template it is made from.
    pub template: TemplateName,
    /// Whether it is wanted at all.
    pub enabled: bool,
    /// What it says differently.
    pub overrides: Overrides,
}

impl StackFile {
    /// What a devarch.yml would have to say for a stack to be as it is.
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
