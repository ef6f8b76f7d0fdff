//! Links between stacks: the instances of others that a stack's wires name, and who names those of a stack.

use crate::{Context, OperationError, error::InUse, planning::wiring::previous_wiring};
use devarch_core::{
    desired::effective,
    name::{ContainerName, InstanceName, NetworkName, StackName},
    observed::Observed,
    ownership::Ownership,
    resolve::{Other, Others, WireContext, wired},
    stack::Stack,
    subnet,
    wire::{WireDecl, WireTo},
};
use ipnet::Ipv4Net;
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
pub(crate) async fn linked_instances(ctx: &Context, stack: &Stack) -> Result<Others, OperationError> {
    linked_instances_except(ctx, stack, &BTreeSet::new()).await
}

/// The same where the stacks in `asked` are being asked for theirs: two stacks may be linked to each other.
async fn linked_instances_except(
    ctx: &Context,
    stack: &Stack,
    asked: &BTreeSet<StackName>,
) -> Result<Others, OperationError> {
    let mut others = Others::new();
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
            Some(((name.clone(), instance.clone()), Other::of(&other, &wired, instance)?))
        });
        others.extend(found);
    }
    Ok(others)
}

/// The addresses of a stack's links: those their networks have, else free ones. `own` is the stack's network.
pub(crate) async fn link_subnets(
    ctx: &Context,
    stack: &Stack,
    others: &Others,
    (observed, ownership, own): (&Observed, &Ownership, Ipv4Net),
) -> Result<BTreeMap<NetworkName, Ipv4Net>, OperationError> {
    let mut subnets = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for network in networks(stack, others) {
        let mut there = observed.networks.iter();
        let there = there.find(|it| it.name == network.as_str() && ownership.is_of(&stack.id, *it));
        match there.and_then(|network| network.subnets.first()) {
            Some(subnet) => {
                subnets.insert(network, *subnet);
            }
            None => {
                missing.insert(network);
            }
        }
    }
    if missing.is_empty() {
        return Ok(subnets);
    }
    let mut taken: Vec<Ipv4Net> =
        observed.networks.iter().flat_map(|network| network.subnets.clone()).collect();
    taken.extend(&observed.routes);
    taken.extend(ctx.store.subnets().await?.into_iter().map(|(_, subnet)| subnet));
    taken.push(own);
    for network in missing {
        if let Some(subnet) = subnet::choose_link(&network, ctx.settings.address_pool, &taken) {
            taken.push(subnet);
            subnets.insert(network, subnet);
        }
    }
    Ok(subnets)
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

/// The networks of a stack's links.
pub(crate) fn networks(stack: &Stack, others: &Others) -> BTreeSet<NetworkName> {
    let mut networks = BTreeSet::new();
    for wire in &stack.wiring.wires {
        let WireTo::Other { stack: other, instance, .. } = &wire.to else { continue };
        let consumer = ContainerName::of(&stack.name, &wire.from.instance);
        if let (Ok(consumer), Some(other)) = (consumer, others.get(&(other.clone(), instance.clone()))) {
            networks.insert(NetworkName::of_link(&consumer, &other.wire.container));
        }
    }
    networks
}
