//! Which engine that is: by a labelled volume, its marker, which DevArch makes at the first apply and never while
//! planning. An engine's own id is no use: Podman 4.3 tells another one at each call.
//!
//! `docker volume prune` takes the marker. An engine without one is still the engine of a stack that finds an object on it
//! which it remembers creating, or that was bound to the same endpoint and finds none on any other; the next command that applies there makes the
//! marker again.

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

/// The marker.
const MARKER: &str = "devarch-engine";

/// Its label that holds the engine's id.
const LABEL: &str = "devarch.engine_id";

type Volumes = BTreeMap<String, BTreeMap<String, String>>;

/// The identity of the engine with these volumes, if its marker is there.
pub(crate) fn marked(volumes: &Volumes) -> Option<EngineId> {
    volumes.get(MARKER).and_then(|labels| labels.get(LABEL)).map(EngineId::new)
}

/// Looks at a stack's engine, and says whose the objects there are.
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

/// Says which engine was looked at for a stack, and whose the objects there are; `bound` is what is remembered of the
/// engine the stack is bound to.
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

/// Knows the engine a stack is bound to again where its marker is gone, or was made again by somebody else.
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

/// The engine on which this store created objects that are there, whatever its marker says.
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

/// Makes the marker of an engine again that was known without it. To be done under a stack's lock.
pub(crate) async fn restore_marker(engine: &dyn Engine, observed: &Observed) -> Result<(), OperationError> {
    match &observed.engine_id {
        Some(id) if marked(&observed.volumes).is_none() => mark(engine, id.clone()).await.map(drop),
        _ => Ok(()),
    }
}

/// Whether one of these objects was created by this store, as the id says that its engine gave it. A volume has none.
pub(crate) fn has_ours<'a>(mut there: impl Iterator<Item = Listed<'a>>, ownership: &Ownership) -> bool {
    there.any(|object| {
        object.kind != ObjectKind::Volume && matches!(ownership.owner(object), Owner::Stack { .. })
    })
}

/// Refuses an engine that is not the one a stack lives on: a plan for another would leave its containers behind.
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

/// Gives an engine its marker at the first apply; the id it has then.
pub(crate) async fn mark_first(engine: &dyn Engine, ids: &dyn Ids) -> Result<EngineId, OperationError> {
    mark(engine, EngineId::new(ids.fresh())).await
}

async fn mark(engine: &dyn Engine, id: EngineId) -> Result<EngineId, OperationError> {
    let labels = BTreeMap::from([(LABEL.to_owned(), id.to_string())]);
    engine.create_volume(&PhysicalVolume::from_stored(MARKER), &labels).await?;
    // Another DevArch may have been first: what is there counts.
    Ok(marked(&engine.volumes().await?).unwrap_or(id))
}
