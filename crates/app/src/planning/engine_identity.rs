//! Identifies an engine by its marker, a labelled volume that DevArch creates at the first apply and never while
//! planning. An engine's own id is unusable: Podman 4.3 returns a different one at each call.
//!
//! `docker volume prune` removes the marker. An engine without one is still a stack's engine if it has an object the
//! store recorded creating for the stack, or if the stack was bound to the same endpoint and no other engine has such
//! an object; the next command that applies there recreates the marker.

use crate::{
    Context, OperationError,
    error::Elsewhere,
    planning::{
        observe::{Look, observe},
        other_engines,
        wiring::stack_ownership,
    },
};
use devarch_core::{
    engine::EngineBinding,
    environment::Ids,
    id::EngineId,
    name::PhysicalVolume,
    observed::Observed,
    ownership::{Listed, ObjectKind, Owner, Ownership},
    stack::Stack,
};
use devarch_engine::Engine;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the marker.
const MARKER: &str = "devarch-engine";

/// The marker's label with the engine's id.
const LABEL: &str = "devarch.engine_id";

type Volumes = BTreeMap<String, BTreeMap<String, String>>;

/// Returns the identity of the engine with these volumes, if they include its marker.
pub(crate) fn marked(volumes: &Volumes) -> Option<EngineId> {
    volumes.get(MARKER).and_then(|labels| labels.get(LABEL)).map(EngineId::new)
}

/// Observes a stack's engine and returns the owners of the objects on it.
pub(crate) async fn observe_stack(
    ctx: &Context,
    stack: &Stack,
    engine: &dyn Engine,
    look: &Look,
) -> Result<(Observed, Ownership), OperationError> {
    let mut observed = observe(ctx, engine, look).await?;
    let bound = stack_ownership(ctx, stack.engine.as_ref().map(|binding| &binding.id)).await?;
    let ownership = identify_engine(ctx, stack, &mut observed, bound).await?;
    Ok((observed, ownership))
}

/// Sets the identity of the observed engine and returns the owners of the objects on it; `bound` is what is recorded
/// of the engine the stack is bound to.
pub(crate) async fn identify_engine(
    ctx: &Context,
    stack: &Stack,
    observed: &mut Observed,
    bound: Ownership,
) -> Result<Ownership, OperationError> {
    if let Some(binding) = &stack.engine {
        recognise_engine(ctx, binding, observed, &bound).await;
        if observed.engine_id.as_ref() == Some(&binding.id) {
            return Ok(bound);
        }
    } else if observed.engine_id.is_none() {
        let there = Listed::all(&observed.containers, &observed.networks, &observed.volumes);
        observed.engine_id = engine_with_id(ctx, there).await?;
    }
    stack_ownership(ctx, observed.engine_id.as_ref()).await
}

/// Recognises the engine a stack is bound to if its marker is missing, or was recreated by another home.
async fn recognise_engine(
    ctx: &Context,
    binding: &EngineBinding,
    observed: &mut Observed,
    ownership: &Ownership,
) {
    if observed.engine_id.as_ref() == Some(&binding.id) {
        return;
    }
    let there = Listed::all(&observed.containers, &observed.networks, &observed.volumes);
    let same = observed.engine.kind == binding.kind && observed.engine.endpoint == binding.endpoint;
    let unmarked = same && observed.engine_id.is_none();
    let engines = ctx.engines.as_ref();
    if has_ours(there, ownership)
        || unmarked && !other_engines::has_ours(engines, &observed.engine, ownership).await
    {
        observed.engine_id = Some(binding.id.clone());
    }
}

/// Returns the id of the engine on which this store created any of these objects, regardless of its marker.
pub(crate) async fn engine_with_id<'a>(
    ctx: &Context,
    there: impl Iterator<Item = Listed<'a>> + Clone,
) -> Result<Option<EngineId>, OperationError> {
    let stacks = ctx.store.stacks().await?;
    let bound: BTreeSet<EngineId> = stacks.into_iter().filter_map(|stack| Some(stack.engine?.id)).collect();
    for id in bound {
        if has_ours(there.clone(), &stack_ownership(ctx, Some(&id)).await?) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Recreates the marker of an engine that was identified without it. Call it under a stack's lock.
pub(crate) async fn restore_marker(engine: &dyn Engine, observed: &Observed) -> Result<(), OperationError> {
    match &observed.engine_id {
        Some(id) if marked(&observed.volumes).is_none() => mark(engine, id.clone()).await.map(drop),
        _ => Ok(()),
    }
}

/// Returns whether this store created one of these objects, judged by the ids its engine returned. Volumes have none.
pub(crate) fn has_ours<'a>(mut there: impl Iterator<Item = Listed<'a>>, ownership: &Ownership) -> bool {
    there.any(|object| {
        object.kind != ObjectKind::Volume && matches!(ownership.owner(object), Owner::Stack { .. })
    })
}

/// Rejects an engine other than the one a stack is bound to: a plan for another would leave its containers behind.
pub(crate) fn lives_here(stack: &Stack, observed: &Observed) -> Result<(), OperationError> {
    match &stack.engine {
        Some(binding) if observed.engine_id.as_ref() != Some(&binding.id) => Err(Elsewhere::Engine {
            stack: stack.name.clone(),
            kind: binding.kind,
            endpoint: binding.endpoint.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Creates an engine's marker at the first apply and returns the resulting id.
pub(crate) async fn mark_first(engine: &dyn Engine, ids: &dyn Ids) -> Result<EngineId, OperationError> {
    mark(engine, EngineId::new(ids.fresh())).await
}

async fn mark(engine: &dyn Engine, id: EngineId) -> Result<EngineId, OperationError> {
    let labels = BTreeMap::from([(LABEL.to_owned(), id.to_string())]);
    engine.create_volume(&PhysicalVolume::from_stored(MARKER), &labels).await?;
    // Another DevArch may have been first: the existing marker counts.
    Ok(marked(&engine.volumes().await?).unwrap_or(id))
}
