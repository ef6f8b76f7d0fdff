//! Creates, renames, copies, enables and disables stacks and instances.

use crate::{
    Context, OperationError,
    context::{find_stack, instance},
    definition::{
        catalog::Catalog,
        new_stack::{copied, empty_instance, empty_stack},
    },
    editing::{
        edit::{add_stack, edit_stack},
        free_names::{suggesting_instance, suggesting_stack},
    },
    error::Conflict,
    planning::links::refuse_if_linked,
    usecase::rename_links::rename_links,
};
use devarch_core::{
    name::{InstanceName, StackName, TemplateName},
    stack::{DesiredRun, Instance, Pinned, Stack},
    template::Overrides,
    wire::Renamed,
};
use devarch_store::StoreError;
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// An instance to add.
#[derive(Debug, Clone)]
pub struct NewInstance {
    /// Its name, given by the user.
    pub name: InstanceName,
    /// The template it is created from.
    pub template: TemplateName,
}

/// Creates a stack without instances. With a directory, relative host paths are resolved there.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn create_stack(
    ctx: &Context,
    name: &StackName,
    project: Option<&Path>,
) -> Result<Stack, OperationError> {
    match add_stack(ctx, empty_stack(ctx.ids.as_ref(), name, project)).await {
        Err(refused) => Err(suggesting_stack(ctx, refused, name, &[]).await),
        made => made,
    }
}

/// Renames a stack. Ids, ports and volumes are kept; containers and network follow at the next apply.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn rename_stack(ctx: &Context, name: &StackName, to: &StackName) -> Result<Stack, OperationError> {
    let rename = |stack: &mut Stack| {
        stack.name = to.clone();
        stack.subnet = None;
        Ok(())
    };
    match edit_stack(ctx, name, rename).await {
        Ok((_, after)) => {
            rename_links(ctx, Renamed { from: name, to }, None).await?;
            Ok(after)
        }
        Err(refused) => {
            let stack = find_stack(ctx, name).await?;
            let instances: Vec<&InstanceName> = stack.instances.keys().collect();
            Err(suggesting_stack(ctx, refused, to, &instances).await)
        }
    }
}

/// Creates a stack with the same instances, and with names, ports and volumes of its own.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn clone_stack(ctx: &Context, name: &StackName, to: &StackName) -> Result<Stack, OperationError> {
    let source = find_stack(ctx, name).await?;
    let project = source.project.clone();
    let ids = ctx.ids.as_ref();
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
    match add_stack(ctx, copy).await {
        Err(refused) => {
            let instances: Vec<&InstanceName> = source.instances.keys().collect();
            Err(suggesting_stack(ctx, refused, to, &instances).await)
        }
        made => made,
    }
}

/// Enables or disables a stack. The desired state of a disabled stack is down.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn enable_stack(ctx: &Context, name: &StackName, enabled: bool) -> Result<Stack, OperationError> {
    let switch = |stack: &mut Stack| {
        stack.enabled = enabled;
        Ok(())
    };
    Ok(edit_stack(ctx, name, switch).await?.1)
}

/// Sets the desired run state of a stack's containers, or of one instance's.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn set_wanted(
    ctx: &Context,
    name: &StackName,
    only: Option<&InstanceName>,
    wanted: DesiredRun,
) -> Result<Stack, OperationError> {
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
    Ok(edit_stack(ctx, name, set).await?.1)
}

/// Adds an instance, pinned to the catalog's current template.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn add_instance(
    ctx: &Context,
    stack: &StackName,
    new: &NewInstance,
) -> Result<Stack, OperationError> {
    let project = find_stack(ctx, stack).await?.project;
    let catalog = Catalog::open(project.as_deref().map(Path::new), &ctx.settings.home);
    let template = Pinned::new(Arc::new(catalog.get(&new.template)?.template), ctx.hash_key()?)
        .map_err(StoreError::from)?;
    let add = |stack: &mut Stack| {
        if stack.instances.contains_key(&new.name) {
            return Err(already(stack, &new.name));
        }
        let instance = empty_instance(ctx.ids.as_ref(), stack, template.clone());
        stack.instances.insert(new.name.clone(), instance);
        Ok(())
    };
    match edit_stack(ctx, stack, add).await {
        Ok((_, after)) => Ok(after),
        Err(refused) => Err(suggesting_instance(ctx, refused, stack, &new.name).await),
    }
}

/// Renames an instance; id, ports and volumes are kept.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn rename_instance(
    ctx: &Context,
    stack: &StackName,
    from: &InstanceName,
    to: &InstanceName,
) -> Result<Stack, OperationError> {
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
    match edit_stack(ctx, stack, rename).await {
        Ok((_, after)) => {
            let same = Renamed { from: stack, to: stack };
            rename_links(ctx, same, Some(Renamed { from, to })).await?;
            Ok(after)
        }
        Err(refused) => Err(suggesting_instance(ctx, refused, stack, to).await),
    }
}

/// Removes an instance's definition; its container is removed at the next apply, its volumes are kept. Fails while
/// another stack is linked to it.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn remove_instance(
    ctx: &Context,
    stack: &StackName,
    name: &InstanceName,
) -> Result<Stack, OperationError> {
    refuse_if_linked(ctx, stack, Some(name)).await?;
    let remove = |stack: &mut Stack| {
        instance(stack, name)?;
        stack.instances.remove(name);
        // Wires to it are kept, so that its consumers get an error.
        stack.wiring.wires.retain(|wire| wire.from.instance != *name);
        Ok(())
    };
    Ok(edit_stack(ctx, stack, remove).await?.1)
}

/// Pins a stack's instances, or one of them, to the catalog's current templates.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn upgrade_templates(
    ctx: &Context,
    stack: &StackName,
    only: Option<&InstanceName>,
) -> Result<Vec<InstanceName>, OperationError> {
    let current = find_stack(ctx, stack).await?;
    if let Some(only) = only {
        instance(&current, only)?;
    }
    let catalog = Catalog::open(current.project.as_deref().map(Path::new), &ctx.settings.home);
    let mut newer = BTreeMap::new();
    for (name, instance) in &current.instances {
        if only.is_none_or(|only| only == name) {
            let template = catalog.get(&instance.template.template.name)?.template;
            let pinned = Pinned::new(Arc::new(template), ctx.hash_key()?).map_err(StoreError::from)?;
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
    edit_stack(ctx, stack, pin).await?;
    Ok(newer.into_keys().collect())
}

/// Removes explicit host ports: a copy cannot have those of its original.
fn with_auto_ports(overrides: &Overrides) -> Overrides {
    let mut copy = overrides.clone();
    let ports = copy.service.ports.iter_mut().flatten();
    for port in ports.chain(copy.ports_add.values_mut().flatten()) {
        port.published = devarch_core::template::HostPortChoice::Auto;
    }
    copy
}

fn already(stack: &Stack, name: &InstanceName) -> OperationError {
    let taken = format!("instance '{name}' of stack '{}' already exists", stack.name);
    Conflict::NameTaken { taken, free: None }.into()
}
