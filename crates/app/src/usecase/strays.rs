//! Objects with a stack's labels that are not recorded as its own: after an older copy of the store was restored, or
//! another tool recreated a container with its labels. An exact match can be recorded as the stack's again; one with
//! the name of one of its containers but another config can be removed; all others are left alone.

use crate::{
    Context, OperationError,
    context::connect_engine,
    error::Outdated,
    planning::{
        observe::{Look, observe},
        wiring::load_applied_state,
    },
};
use devarch_core::{
    id::ContainerId,
    name::{ContainerName, NetworkName, StackName},
    observed::{Observed, ObservedContainer, RunState},
    ownership::{CreatedObject, Listed, ObjectKind},
    plan::AppliedState,
    spec::label,
    stack::Stack,
};
use devarch_store::{Settlement, StackLock};
use serde::Serialize;

/// The strays of a stack, by what can be done about them.
#[derive(Debug, Clone, Serialize)]
pub struct Strays {
    /// The stack.
    #[serde(skip)]
    pub stack: Stack,
    /// Name, labels and config match the stack: they can be recorded as its own.
    pub recordable: Vec<String>,
    /// They have the name of one of its containers, but a config that was never applied, and do not run: they can be
    /// removed.
    pub removable: Vec<String>,
    /// They are left alone.
    pub left_alone: Vec<String>,
    #[serde(skip)]
    found: Vec<CreatedObject>,
    #[serde(skip)]
    remove: Vec<ContainerId>,
}

impl Strays {
    /// Returns whether there is nothing to adopt or remove.
    pub fn is_nothing_to_do(&self) -> bool {
        self.recordable.is_empty() && self.removable.is_empty()
    }
}

/// Returns the strays of one of this store's stacks on its engine; `None` if the stack does not exist, or has none.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn find_strays(ctx: &Context, name: &StackName) -> Result<Option<Strays>, OperationError> {
    let Some(stack) = ctx.store.stack(name).await? else { return Ok(None) };
    if stack.engine.is_none() {
        return Ok(None);
    }
    let engine = connect_engine(ctx, Some(&stack)).await?;
    let observed = observe(ctx, engine.as_ref(), &Look::default()).await?;
    let remembered = load_applied_state(ctx, &stack).await?;
    let strays = sort(&stack, &observed, &remembered);
    let any = !strays.is_nothing_to_do() || !strays.left_alone.is_empty();
    Ok(any.then_some(strays))
}

/// Records or removes the strays as shown. Does nothing if they have changed since.
#[tracing::instrument(level = "info", skip_all)]
pub async fn adopt_strays(ctx: &Context, lock: &StackLock, shown: &Strays) -> Result<(), OperationError> {
    let name = &shown.stack.name;
    let now = find_strays(ctx, name).await?;
    let now = now.filter(|now| (&now.found, &now.remove) == (&shown.found, &shown.remove));
    let (Some(now), Some(binding)) = (now, &shown.stack.engine) else {
        return Err(Outdated::Strays(name.clone()).into());
    };
    let engine = connect_engine(ctx, Some(&now.stack)).await?;
    for container in &now.remove {
        engine.remove_container(container).await?;
    }
    let settlement = Settlement { found: now.found, ..Settlement::default() };
    Ok(ctx.store.settle_objects(lock, &binding.id, &settlement).await?)
}

fn sort(stack: &Stack, observed: &Observed, remembered: &AppliedState) -> Strays {
    let mut strays = Strays {
        stack: stack.clone(),
        recordable: Vec::new(),
        removable: Vec::new(),
        left_alone: Vec::new(),
        found: Vec::new(),
        remove: Vec::new(),
    };
    for object in remembered.ownership.unremembered(&stack.id, observed) {
        let listed = observed.containers.iter().find(|container| container.id.as_str() == object.id);
        let container = listed.filter(|_| object.kind == ObjectKind::Container);
        match fits(stack, object, remembered).then(|| object.to_created()).flatten() {
            Some(created) => {
                strays.recordable.push(object.called());
                strays.found.push(created);
            }
            None if container.is_some_and(|container| is_removable(stack, container)) => {
                strays.removable.push(object.called());
                strays.remove.push(ContainerId::new(object.id));
            }
            None => strays.left_alone.push(object.called()),
        }
    }
    strays
}

/// Returns whether name, labels and config match the stack.
fn fits(stack: &Stack, object: Listed<'_>, remembered: &AppliedState) -> bool {
    let label = |name: &str| object.labels.get(name).map(String::as_str);
    match object.kind {
        ObjectKind::Container => {
            let id = label(label::INSTANCE_ID).unwrap_or_default();
            proper_name(stack, id).is_some_and(|name| name.as_str() == object.name)
                && remembered.spec(id, label(label::CONFIG_HASH)).is_some()
        }
        ObjectKind::Network => {
            label(label::LINK).is_none() && object.name == NetworkName::for_stack(&stack.name).as_str()
        }
        ObjectKind::Volume => false,
    }
}

/// Returns whether a container has the name of one of the stack's and does not run.
fn is_removable(stack: &Stack, container: &ObservedContainer) -> bool {
    let id = container.label(label::INSTANCE_ID).unwrap_or_default();
    let runs = matches!(container.state, RunState::Running | RunState::Paused);
    !runs && proper_name(stack, id).is_some_and(|name| name == container.name)
}

fn proper_name(stack: &Stack, instance: &str) -> Option<ContainerName> {
    let mut instances = stack.instances.iter();
    let (name, _) = instances.find(|(_, known)| known.id.as_str() == instance)?;
    ContainerName::for_instance(&stack.name, name).ok()
}
