//! Links between stacks: the instances of others that a stack's wires name, and the wires of others that lead to it.

use crate::{Context, OperationError, error::InUse, planning::wiring::previous_wiring};
use devarch_core::{
    desired::effective,
    name::{InstanceName, StackName},
    resolve::{LinkedInstance, LinkedInstances, WireContext, wired},
    stack::Stack,
    wire::{WireDecl, WireTo},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A wire of another stack that leads to an instance of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedFrom {
    /// The other stack.
    pub stack: StackName,
    /// The wire, as declared in that stack.
    pub wire: WireDecl,
    /// The instance it leads to.
    pub to: InstanceName,
}

impl fmt::Display for LinkedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} -> {}", self.stack, self.wire.from, self.to)
    }
}

/// Returns the instances of other stacks that a stack's wires name.
pub(crate) fn named(stack: &Stack) -> BTreeMap<&StackName, BTreeSet<&InstanceName>> {
    let mut named: BTreeMap<&StackName, BTreeSet<&InstanceName>> = BTreeMap::new();
    for wire in &stack.wiring.wires {
        if let WireTo::Other { stack, instance, .. } = &wire.to {
            named.entry(stack).or_default().insert(instance);
        }
    }
    named
}

/// Returns those instances of other stacks that a stack's wires name and that exist.
pub(crate) async fn linked_instances(
    ctx: &Context,
    stack: &Stack,
) -> Result<LinkedInstances, OperationError> {
    linked_instances_except(ctx, stack, &BTreeSet::new()).await
}

/// Does the same, except for the stacks in `asked`, whose instances are being collected already: two stacks may be
/// linked to each other.
async fn linked_instances_except(
    ctx: &Context,
    stack: &Stack,
    asked: &BTreeSet<StackName>,
) -> Result<LinkedInstances, OperationError> {
    let mut others = LinkedInstances::new();
    let asked: BTreeSet<StackName> = asked.iter().chain([&stack.name]).cloned().collect();
    for (name, instances) in named(stack) {
        if asked.contains(name) {
            continue;
        }
        let Some(other) = ctx.store.stack(name).await? else { continue };
        let theirs = Box::pin(linked_instances_except(ctx, &other, &asked)).await?;
        let prior = previous_wiring(ctx, &other).await?;
        let context = WireContext { images: &BTreeMap::new(), prior: &prior, others: &theirs };
        let wired = wired(&other, effective(&other), &context);
        let found = instances.into_iter().filter_map(|instance| {
            Some(((name.clone(), instance.clone()), LinkedInstance::from_stack(&other, &wired, instance)?))
        });
        others.extend(found);
    }
    Ok(others)
}

/// Returns the wires of other stacks that lead to a stack's instances, or to one of them.
pub async fn linked_from(
    ctx: &Context,
    name: &StackName,
    only: Option<&InstanceName>,
) -> Result<Vec<LinkedFrom>, OperationError> {
    let mut found = Vec::new();
    for (stack, wiring) in ctx.store.wirings_to(name).await? {
        for wire in wiring.wires {
            let to = match &wire.to {
                WireTo::Other { stack, instance, .. } if stack == name => instance.clone(),
                _ => continue,
            };
            if only.is_none_or(|only| *only == to) {
                found.push(LinkedFrom { stack: stack.clone(), wire, to });
            }
        }
    }
    Ok(found)
}

/// Fails if an instance, or a whole stack, that other stacks are linked to would be removed.
pub(crate) async fn refuse_if_linked(
    ctx: &Context,
    name: &StackName,
    only: Option<&InstanceName>,
) -> Result<(), OperationError> {
    let linked = linked_from(ctx, name, only).await?;
    if linked.is_empty() {
        return Ok(());
    }
    Err(InUse::Linked { stack: name.clone(), instance: only.cloned(), by: linked }.into())
}
