//! Looks up used addresses; core chooses among the rest.

use crate::{Context, OperationError, error::InUse, planning::other_engines};
use devarch_core::{
    desired::{AddressFacts, AddressNeeds, PoolExhausted, Subnets, choose_subnets},
    engine::EngineInfo,
    ownership::Seen,
    resolve::LinkedInstances,
    stack::Stack,
};
use ipnet::Ipv4Net;

/// Returns the subnets of a stack's networks. Queries the store and other engines only if one of them is new.
pub(crate) async fn subnets(
    ctx: &Context,
    stack: &Stack,
    others: &LinkedInstances,
    seen: Seen<'_>,
) -> Result<Subnets, OperationError> {
    let needs = AddressNeeds::of(stack, others);
    let mut facts = AddressFacts::observed(ctx.settings.address_pool, &stack.id, seen);
    if !facts.suffice(&needs) {
        facts.reserved = reserved(ctx, stack, &seen.observed.engine).await?;
    }
    choose_subnets(&needs, &facts).map_err(|full| exhausted(stack, &full))
}

/// Returns the subnets of a stack's networks without querying an engine.
pub(crate) fn unobserved_subnets(
    ctx: &Context,
    stack: &Stack,
    others: &LinkedInstances,
) -> Result<Subnets, OperationError> {
    let facts = AddressFacts::unobserved(ctx.settings.address_pool);
    choose_subnets(&AddressNeeds::of(stack, others), &facts).map_err(|full| exhausted(stack, &full))
}

/// Returns the subnets of other stacks, including those that are down, and of other engines' networks.
async fn reserved(ctx: &Context, stack: &Stack, engine: &EngineInfo) -> Result<Vec<Ipv4Net>, OperationError> {
    let stacks = ctx.store.subnets().await?.into_iter();
    let mut reserved: Vec<Ipv4Net> =
        stacks.filter(|(other, _)| *other != stack.name).map(|(_, net)| net).collect();
    reserved.extend(other_engines::networks(ctx.engines.as_ref(), engine).await);
    Ok(reserved)
}

fn exhausted(stack: &Stack, full: &PoolExhausted) -> OperationError {
    InUse::Subnets { stack: stack.name.clone(), pool: full.pool.to_string() }.into()
}
