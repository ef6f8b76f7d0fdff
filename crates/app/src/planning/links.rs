//! Links between stacks: the instances of others that a stack's wires name, and who names those of a stack.

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
    /// The wire, as it stands there.
    pub wire: WireDecl,
    /// The instance it leads to.
    pub to: InstanceName,
}

impl fmt::Display for LinkedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} -> {}", self.stack, self.wire.from, self.to)
    }
}

/// The instances of other stacks that a stack's wires name.
pub(crate) fn named(stack: &Stack) -> BTreeMap<&StackName, BTreeSet<&InstanceName>> {
    let mut named: BTreeMap<&StackName, BTreeSet<&InstanceName>> = BTreeMap::new();
    for wire in &stack.wiring.wires {
        if let WireTo::Other { stack, instance, .. } = &wire.to {
            named.entry(stack).or_default().insert(instance);
        }
    }
    named
}

/// The instances of other stacks that a stack's wires name, as far as there are such.
pub(crate) async fn linked_instances(
    ctx: &Context,
    stack: &Stack,
) -> Result<LinkedInstances, OperationError> {
    linked_instances_except(ctx, stack, &BTreeSet::new()).await
}

/// The same where the stacks in `asked` are being asked for theirs: two stacks may be linked to each other.
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

/// Wires of other stacks that lead to a stack's instances, or to one of them.
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

/// Refuses what would take an instance, or a whole stack, from others that are linked to it.
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
