//! Updates the record of a stack's objects to what was observed on the engine, under the stack's lock: ids that an
//! interrupted apply could not record, and objects that are gone.

use crate::{Context, OperationError, Prepared, planning::interrupted::CALLS_END};
use devarch_core::{
    id::StackId,
    observed::Observed,
    ownership::{CreatedObject, Listed, ObjectKind, Ownership},
};
use devarch_store::{Settlement, StackLock};
use std::collections::BTreeSet;

/// Records the ids of the stack's objects that are accounted for but not recorded, and forgets those that are gone.
/// Writes nothing if there is no difference.
pub(crate) async fn settle_objects(
    ctx: &Context,
    lock: &StackLock,
    prepared: &Prepared,
) -> Result<(), OperationError> {
    let Some(engine) = &prepared.observed.engine_id else { return Ok(()) };
    let (ownership, stack) = (&prepared.remembered.ownership, &prepared.stack.id);
    let settlement = Settlement {
        found: found(ownership, stack, &prepared.observed),
        gone: gone(ownership, stack, &prepared.observed),
        void_before: ctx.clock.now() - CALLS_END,
    };
    let pending = ownership.of_stack(stack).any(|object| object.id.is_none());
    let in_line = settlement.found.is_empty() && settlement.gone.is_empty() && !pending;
    if in_line && !ownership.is_unrecorded(stack) {
        return Ok(());
    }
    Ok(ctx.store.settle_objects(lock, engine, &settlement).await?)
}

/// Returns the stack's objects whose ids are not recorded. Volumes have only names.
fn found(ownership: &Ownership, stack: &StackId, observed: &Observed) -> Vec<CreatedObject> {
    let unknown = |object: &Listed<'_>| ownership.is_of(stack, *object) && !ownership.knows(*object);
    listed(observed)
        .filter(|object| object.kind != ObjectKind::Volume)
        .filter(unknown)
        .filter_map(|object| object.to_created())
        .collect()
}

/// Returns recorded objects of the stack, or of a deleted one, that the engine does not list any more.
fn gone(ownership: &Ownership, stack: &StackId, observed: &Observed) -> Vec<CreatedObject> {
    let there: BTreeSet<(ObjectKind, &str)> =
        listed(observed).map(|object| (object.kind, object.id)).collect();
    let is_there = |object: &CreatedObject| {
        object.id.as_ref().is_none_or(|id| there.contains(&(object.kind, id.as_str())))
    };
    let stacks = ownership.stacks_with_objects().into_iter();
    stacks
        .filter(|other| *other == stack || ownership.stack_name(other).is_none())
        .flat_map(|stack| ownership.of_stack(stack))
        .filter(|object| !is_there(object))
        .cloned()
        .collect()
}

fn listed(observed: &Observed) -> impl Iterator<Item = Listed<'_>> {
    Listed::all(&observed.containers, &observed.networks, &observed.volumes)
}
