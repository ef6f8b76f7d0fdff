//! Owners of the objects on the engines, and objects with this home's labels that are not its own.

use crate::{
    Context, OperationError,
    planning::{
        engine_identity::{engine_with_id, marked},
        wiring::stack_ownership,
    },
    usecase::doctor::{Check, Looked, Verdict},
};
use devarch_core::{
    observed::ObservedContainer,
    ownership::{Listed, Owner, Ownership},
};

/// How many objects are named.
const SHOWN: usize = 5;

/// Engines' objects with their owners, except engines whose owners the store could not determine.
pub(crate) struct Objects<'a>(Vec<(&'a Looked, Ownership)>);

/// Determines the owners of engines' objects.
pub(crate) async fn judge<'a>(ctx: &Context, seen: &'a [Looked]) -> Objects<'a> {
    let mut judged = Vec::new();
    for looked in seen {
        // An unreadable store is reported by another check.
        if let Ok(ownership) = ownership(ctx, looked).await {
            judged.push((looked, ownership));
        }
    }
    Objects(judged)
}

/// Returns the owners of an engine's objects; without its marker it is identified by them.
async fn ownership(ctx: &Context, looked: &Looked) -> Result<Ownership, OperationError> {
    let there = Listed::all(&looked.containers, &looked.networks, &looked.volumes);
    let id = match marked(&looked.volumes) {
        None => engine_with_id(ctx, there).await?,
        id => id,
    };
    stack_ownership(ctx, id.as_ref()).await
}

impl<'a> Objects<'a> {
    /// Returns all containers.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &'a ObservedContainer> {
        self.0.iter().flat_map(|(looked, _)| &looked.containers)
    }

    /// Returns whether this store created a container.
    pub(crate) fn is_ours(&self, container: &ObservedContainer) -> bool {
        self.0.iter().any(|(_, ownership)| ownership.is_ours(container))
    }

    /// Reports objects that have this home's labels but are not recorded as its own.
    pub(crate) fn unremembered(&self) -> Check {
        let found: Vec<String> =
            self.0.iter().flat_map(|(looked, ownership)| strange(looked, ownership)).collect();
        if found.is_empty() {
            return Check::new(
                "objects",
                Verdict::Ok,
                "everything with this home's labels was created by it",
            );
        }
        let more =
            if found.len() > SHOWN { format!(" and {} more", found.len() - SHOWN) } else { String::new() };
        let shown = found.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{shown}{more}: with the labels of this home, which does not remember creating them; no command touches them"
        );
        Check::new("objects", Verdict::Warn, message).mend(
            "remove them with the engine's own tools; after restoring an older copy of this home, `devarch adopt STACK` \
             records what is its own",
        )
    }
}

fn strange(looked: &Looked, ownership: &Ownership) -> Vec<String> {
    let all = Listed::all(&looked.containers, &looked.networks, &looked.volumes);
    all.filter(|object| ownership.owner(*object) == Owner::Unremembered)
        .map(|object| object.called())
        .collect()
}
