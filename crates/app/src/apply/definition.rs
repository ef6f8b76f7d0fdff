//! A stack's definition at the time of an apply: what `rollback` returns to.

use devarch_core::{
    name::InstanceName,
    read::StackFile,
    secret::{HoldsSecrets, Visit, visit_entries},
    stack::{Pinned, Stack},
    template::{Template, TemplateDigest},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What a stack was defined as, complete: the bodies of its templates are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// Whether the stack was switched on.
    pub(crate) enabled: bool,
    /// What its file would have said.
    pub(crate) file: StackFile,
    /// By digest, the templates its instances were pinned to.
    templates: BTreeMap<String, Template>,
    /// By instance, the digest.
    pins: BTreeMap<InstanceName, String>,
}

impl HoldsSecrets for Definition {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        self.file.visit_secrets(visit);
        visit_entries("templates", &mut self.templates, visit);
    }
}

impl Definition {
    /// What a stack is defined as.
    pub(crate) fn of(stack: &Stack) -> Self {
        let pins = stack.instances.values().map(|instance| &instance.template);
        Self {
            enabled: stack.enabled,
            file: StackFile::of(stack),
            templates: pins.map(|pin| (pin.digest.to_string(), pin.template.as_ref().clone())).collect(),
            pins: stack
                .instances
                .iter()
                .map(|(name, instance)| (name.clone(), instance.template.digest.to_string()))
                .collect(),
        }
    }

    /// The template of each instance; instances of one template share its body.
    pub(crate) fn pins(&self) -> BTreeMap<InstanceName, Pinned> {
        let bodies: BTreeMap<String, Pinned> = self
            .templates
            .iter()
            .map(|(digest, template)| {
                let (digest, template) =
                    (TemplateDigest::from_stored(digest.clone()), Arc::new(template.clone()));
                (digest.to_string(), Pinned { digest, template })
            })
            .collect();
        let pin =
            |(name, digest): (&InstanceName, &String)| Some((name.clone(), bodies.get(digest)?.clone()));
        self.pins.iter().filter_map(pin).collect()
    }
}
