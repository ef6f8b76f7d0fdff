//! A stack as rows of the tables. An edit is the difference between two of these.

use crate::{db::Result, instances::InstanceRow, ports::PortRow, secrets::SecretRow, volumes::VolumeRow};
use devarch_core::{
    stack::Stack,
    template::{Template, TemplateDigest},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The rows of a stack except its own.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) instances: BTreeMap<String, InstanceRow>,
    pub(crate) ports: BTreeSet<PortRow>,
    pub(crate) volumes: BTreeSet<VolumeRow>,
    pub(crate) secrets: BTreeMap<String, SecretRow>,
    pub(crate) templates: BTreeMap<TemplateDigest, Arc<Template>>,
}

impl Rows {
    /// Converts a stack to rows.
    pub(crate) fn of(stack: &Stack) -> Result<Self> {
        let mut rows = Self::default();
        for (name, secret) in &stack.secrets {
            rows.add_secret(SecretRow::of(stack.id.as_str(), None, name.as_str(), secret));
        }
        for (name, instance) in &stack.instances {
            let id = instance.id.to_string();
            let ports = instance.ports.iter();
            rows.ports.extend(ports.map(|(key, host)| PortRow::of(&id, *key, *host)));
            let volumes = instance.volumes.iter();
            rows.volumes.extend(volumes.map(|(name, physical)| VolumeRow::of(&id, name, physical)));
            for (name, secret) in &instance.generated {
                rows.add_secret(SecretRow::of(stack.id.as_str(), Some(&id), name, secret));
            }
            rows.templates.insert(instance.template.digest.clone(), Arc::clone(&instance.template.template));
            rows.instances.insert(id, InstanceRow::of(stack, name, instance)?);
        }
        Ok(rows)
    }

    fn add_secret(&mut self, row: SecretRow) {
        self.secrets.insert(row.id.clone(), row);
    }

    /// Returns the name of one of its instances.
    pub(crate) fn instance_name(&self, id: &str) -> &str {
        self.instances.get(id).map_or("", |row| &row.name)
    }
}
