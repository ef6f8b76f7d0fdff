//! Making, renaming, copying and switching stacks and instances.

use super::secrets;
use crate::{App, AppError, app::instance};
use devarch_core::{
    id::{InstanceId, StackId},
    name::{InstanceName, StackName, TemplateName},
    secret::KeptSecret,
    stack::{Instance, Pinned, Stack, Wanted},
    surroundings::Ids,
    template::Overrides,
    wire::Wiring,
};
use devarch_store::StoreError;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// An instance to add.
#[derive(Debug, Clone)]
pub struct NewInstance {
    /// Its name, given by the user.
    pub name: InstanceName,
    /// The template it is made from.
    pub template: TemplateName,
}

/// A stack without instances.
pub(super) fn empty_stack(ids: &dyn Ids, name: &StackName, project: Option<&Path>) -> Stack {
    Stack {
        id: StackId::new(ids.fresh()),
        name: name.clone(),
        project: project.map(|dir| dir.to_string_lossy().into_owned()),
        enabled: true,
        revision: 0,
        engine: None,
        subnet: None,
        imported: None,
        allow: BTreeSet::new(),
        secrets: BTreeMap::new(),
        wiring: Wiring::default(),
        instances: BTreeMap::new(),
    }
}

/// An instance that says nothing of its own yet.
pub(super) fn empty_instance(ids: &dyn Ids, stack: &Stack, template: Pinned) -> Instance {
    Instance {
        id: InstanceId::new(ids.fresh()),
        template,
        overrides: Overrides::default(),
        enabled: true,
        wanted: Wanted::Running,
        slot: stack.free_slot(),
        ports: BTreeMap::new(),
        volumes: BTreeMap::new(),
        generated: BTreeMap::new(),
    }
}

impl App {
    /// Makes a stack without instances. A directory's stack finds relative host paths there.
    pub async fn create_stack(&self, name: &StackName, project: Option<&Path>) -> Result<Stack, AppError> {
        match self.add_stack(empty_stack(self.around.ids.as_ref(), name, project)).await {
            Err(refused) => Err(self.suggesting_stack(refused, name, &[]).await),
            made => made,
        }
    }

    /// Gives a stack another name. Ids, ports and volumes stay; containers and network follow at the next apply.
    pub async fn rename_stack(&self, name: &StackName, to: &StackName) -> Result<Stack, AppError> {
        let rename = |stack: &mut Stack| {
            stack.name = to.clone();
            stack.subnet = None;
            Ok(())
        };
        match self.edit(name, rename).await {
            Ok((_, after)) => {
                self.rename_links((name, to), None).await?;
                Ok(after)
            }
            Err(refused) => {
                let stack = self.stack(name).await?;
                let instances: Vec<&InstanceName> = stack.instances.keys().collect();
                Err(self.suggesting_stack(refused, to, &instances).await)
            }
        }
    }

    /// Makes another stack of the same instances, with names, ports and volumes of its own.
    pub async fn clone_stack(&self, name: &StackName, to: &StackName) -> Result<Stack, AppError> {
        let source = self.stack(name).await?;
        let project = source.project.clone();
        let ids = self.around.ids.as_ref();
        let mut copy = empty_stack(ids, to, project.as_deref().map(Path::new));
        copy.allow.clone_from(&source.allow);
        copy.enabled = source.enabled;
        copy.secrets = copied(ids, &source.secrets);
        copy.wiring.clone_from(&source.wiring);
        for (name, original) in &source.instances {
            let fresh = empty_instance(ids, &copy, original.template.clone());
            let instance = Instance {
                overrides: with_auto_ports(&original.overrides),
                enabled: original.enabled,
                slot: original.slot,
                generated: copied(ids, &original.generated),
                ..fresh
            };
            copy.instances.insert(name.clone(), instance);
        }
        match self.add_stack(copy).await {
            Err(refused) => {
                let instances: Vec<&InstanceName> = source.instances.keys().collect();
                Err(self.suggesting_stack(refused, to, &instances).await)
            }
            made => made,
        }
    }

    /// Switches a stack on or off. A stack that is off is wanted down.
    pub async fn enable_stack(&self, name: &StackName, enabled: bool) -> Result<Stack, AppError> {
        let switch = |stack: &mut Stack| {
            stack.enabled = enabled;
            Ok(())
        };
        Ok(self.edit(name, switch).await?.1)
    }

    /// Says what the containers of a stack, or of one instance, should be doing from now on.
    pub async fn want(
        &self,
        name: &StackName,
        only: Option<&InstanceName>,
        wanted: Wanted,
    ) -> Result<Stack, AppError> {
        let set = |stack: &mut Stack| {
            if let Some(only) = only {
                instance(stack, only)?;
            }
            for (name, instance) in &mut stack.instances {
                if only.is_none_or(|only| only == name) {
                    instance.wanted = wanted;
                }
            }
            Ok(())
        };
        Ok(self.edit(name, set).await?.1)
    }

    /// Adds an instance, pinned to the catalog's template as it is now.
    pub async fn add_instance(&self, stack: &StackName, new: &NewInstance) -> Result<Stack, AppError> {
        let project = self.stack(stack).await?.project;
        let catalog = self.catalog(project.as_deref().map(Path::new));
        let template = Pinned::new(Arc::new(catalog.get(&new.template)?.template), self.hash_key()?)
            .map_err(StoreError::from)?;
        let add = |stack: &mut Stack| {
            if stack.instances.contains_key(&new.name) {
                return Err(already(stack, &new.name));
            }
            let instance = empty_instance(self.around.ids.as_ref(), stack, template.clone());
            stack.instances.insert(new.name.clone(), instance);
            Ok(())
        };
        match self.edit(stack, add).await {
            Ok((_, after)) => Ok(after),
            Err(refused) => Err(self.suggesting_instance(refused, stack, &new.name).await),
        }
    }

    /// Gives an instance another name; id, ports and volumes stay.
    pub async fn rename_instance(
        &self,
        stack: &StackName,
        from: &InstanceName,
        to: &InstanceName,
    ) -> Result<Stack, AppError> {
        let rename = |stack: &mut Stack| {
            instance(stack, from)?;
            if stack.instances.contains_key(to) {
                return Err(already(stack, to));
            }
            if let Some(instance) = stack.instances.remove(from) {
                stack.instances.insert(to.clone(), instance);
            }
            stack.wiring.rename(from, to);
            for instance in stack.instances.values_mut() {
                if let Some(needs) = &mut instance.overrides.service.depends_on
                    && let Some(dependency) = needs.remove(from)
                {
                    needs.insert(to.clone(), dependency);
                }
            }
            Ok(())
        };
        match self.edit(stack, rename).await {
            Ok((_, after)) => {
                self.rename_links((stack, stack), Some((from, to))).await?;
                Ok(after)
            }
            Err(refused) => Err(self.suggesting_instance(refused, stack, to).await),
        }
    }

    /// Removes an instance's definition; its container goes at the next apply, its volumes stay. Refused while another
    /// stack is linked to it.
    pub async fn remove_instance(&self, stack: &StackName, name: &InstanceName) -> Result<Stack, AppError> {
        self.not_linked(stack, Some(name)).await?;
        let remove = |stack: &mut Stack| {
            instance(stack, name)?;
            stack.instances.remove(name);
            // Wires to it stay: whoever needs it is told.
            stack.wiring.wires.retain(|wire| wire.from.instance != *name);
            Ok(())
        };
        Ok(self.edit(stack, remove).await?.1)
    }

    /// Pins a stack's instances, or one of them, to the catalog's templates as they are now.
    pub async fn upgrade(
        &self,
        stack: &StackName,
        only: Option<&InstanceName>,
    ) -> Result<Vec<InstanceName>, AppError> {
        let current = self.stack(stack).await?;
        if let Some(only) = only {
            instance(&current, only)?;
        }
        let catalog = self.catalog(current.project.as_deref().map(Path::new));
        let mut newer = BTreeMap::new();
        for (name, instance) in &current.instances {
            if only.is_none_or(|only| only == name) {
                let template = catalog.get(&instance.template.template.name)?.template;
                let pinned = Pinned::new(Arc::new(template), self.hash_key()?).map_err(StoreError::from)?;
                if pinned.digest != instance.template.digest {
                    newer.insert(name.clone(), pinned);
                }
            }
        }
        let pin = |stack: &mut Stack| {
            for (name, pinned) in &newer {
                if let Some(instance) = stack.instances.get_mut(name) {
                    instance.template = pinned.clone();
                }
            }
            Ok(())
        };
        self.edit(stack, pin).await?;
        Ok(newer.into_keys().collect())
    }
}

/// The same secrets, as the copy's own.
pub(super) fn copied<N: Ord + Clone>(
    ids: &dyn Ids,
    secrets: &BTreeMap<N, KeptSecret>,
) -> BTreeMap<N, KeptSecret> {
    let copy = |kept: &KeptSecret| KeptSecret { id: secrets::new_id(ids), ..kept.clone() };
    secrets.iter().map(|(name, kept)| (name.clone(), copy(kept))).collect()
}

/// A copy may not ask for the very host ports of its original.
fn with_auto_ports(overrides: &Overrides) -> Overrides {
    let mut copy = overrides.clone();
    let ports = copy.service.ports.iter_mut().flatten();
    for port in ports.chain(copy.ports_add.values_mut().flatten()) {
        port.published = devarch_core::template::HostPortChoice::Auto;
    }
    copy
}

fn already(stack: &Stack, name: &InstanceName) -> AppError {
    let taken = format!("instance '{name}' of stack '{}' already exists", stack.name);
    AppError::NameTaken { taken, free: None }
}
