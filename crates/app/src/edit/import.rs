//! From a devarch.yml to the store.

use super::stacks::{empty_instance, empty_stack};
use crate::{App, AppError, Project};
use devarch_core::{
    name::{InstanceName, StackName, TemplateName},
    read::{InstanceFile, StackFile},
    stack::{Instance, Pinned, Stack, Wanted},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportSource {
    /// The directory with its devarch.yml.
    pub project: Project,
    /// The stack of the file.
    pub stack: StackName,
    /// The name it gets in the store, if another.
    pub renamed: Option<StackName>,
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The stack as it is now.
    pub stack: Stack,
    /// Whether it was made by this import.
    pub created: bool,
    /// Instances the file does not declare, now gone from the definition.
    pub removed: Vec<InstanceName>,
}

impl App {
    /// Makes a stack what a devarch.yml says, and wanted running. A stack belongs to the directory it was made from.
    pub async fn import(&self, source: &ImportSource) -> Result<Imported, AppError> {
        let name = source.renamed.as_ref().unwrap_or(&source.stack);
        let Some(declared) = source.project.file.stacks.get(&source.stack) else {
            source.project.stack(Some(&source.stack))?;
            return Err(AppError::Refused(format!("stack '{}' is not declared", source.stack)));
        };
        let existing = self.store.stack(name).await?;
        if let Some(existing) = &existing {
            belongs(existing, source)?;
        }
        let pins = self.pins(source, declared, existing.as_ref())?;
        if existing.is_none() {
            let mut stack = empty_stack(name, Some(&source.project.directory));
            declare(&mut stack, declared, &pins);
            let stack = self.add_stack(stack).await?;
            return Ok(Imported { stack, created: true, removed: Vec::new() });
        }
        let change = |stack: &mut Stack| {
            declare(stack, declared, &pins);
            Ok(())
        };
        let (before, stack) = self.edit(name, change).await?;
        let gone = |name: &&InstanceName| !stack.instances.contains_key(*name);
        let removed = before.instances.keys().filter(gone).cloned().collect();
        Ok(Imported { stack, created: false, removed })
    }

    /// The template of each declared instance: the file's own, the one it is pinned to already, or the catalog's.
    fn pins(
        &self,
        source: &ImportSource,
        declared: &StackFile,
        existing: Option<&Stack>,
    ) -> Result<BTreeMap<InstanceName, Pinned>, AppError> {
        let catalog = self.catalog(Some(&source.project.directory));
        let mut read: BTreeMap<TemplateName, Pinned> = BTreeMap::new();
        let mut pins = BTreeMap::new();
        for (name, instance) in &declared.instances {
            let pinned =
                existing.and_then(|stack| stack.instances.get(name)).map(|instance| &instance.template);
            let pinned = pinned.filter(|pinned| pinned.template.name == instance.template);
            let pin = match (
                source.project.file.templates.get(&instance.template),
                pinned,
                read.get(&instance.template),
            ) {
                (_, _, Some(read)) => read.clone(),
                (Some(own), ..) => Pinned::new(Arc::new(own.clone())),
                (None, Some(pinned), _) => pinned.clone(),
                (None, None, None) => Pinned::new(Arc::new(catalog.get(&instance.template)?.template)),
            };
            if pinned.is_none() || source.project.file.templates.contains_key(&instance.template) {
                read.insert(instance.template.clone(), pin.clone());
            }
            pins.insert(name.clone(), pin);
        }
        Ok(pins)
    }
}

fn belongs(stack: &Stack, source: &ImportSource) -> Result<(), AppError> {
    let theirs = stack.project.as_ref().map(PathBuf::from);
    match theirs {
        Some(theirs) if theirs == source.project.directory => Ok(()),
        Some(theirs) => Err(AppError::OtherDirectory {
            stack: stack.name.clone(),
            theirs,
            ours: source.project.directory.clone(),
        }),
        None => Err(AppError::Exists {
            what: format!("stack '{}', made by hand,", stack.name),
            way_out: "`devarch up --as NAME` makes another from this directory".to_owned(),
        }),
    }
}

/// The stack becomes what is declared; what stays keeps its id, slot, ports and volumes.
fn declare(stack: &mut Stack, declared: &StackFile, pins: &BTreeMap<InstanceName, Pinned>) {
    stack.allow.clone_from(&declared.allow);
    stack.enabled = true;
    stack.instances.retain(|name, _| declared.instances.contains_key(name));
    for (name, file) in &declared.instances {
        let Some(pin) = pins.get(name) else { continue };
        let instance =
            stack.instances.get(name).cloned().unwrap_or_else(|| empty_instance(stack, pin.clone()));
        stack.instances.insert(name.clone(), declared_instance(instance, file, pin));
    }
}

fn declared_instance(instance: Instance, file: &InstanceFile, pin: &Pinned) -> Instance {
    Instance {
        template: pin.clone(),
        overrides: file.overrides.clone(),
        enabled: file.enabled,
        wanted: Wanted::Running,
        ..instance
    }
}
