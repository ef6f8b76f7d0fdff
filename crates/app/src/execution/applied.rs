//! What the store remembers of what containers were made from, once an apply has ended.

use crate::{
    Context, OperationError, Prepared,
    execution::{
        attempt::Attempt,
        bind::{forget_kept, remember_removed},
    },
};
use devarch_core::{
    id::{ContainerId, EngineId, InstanceId},
    observed::ObservedContainer,
    plan::{Action, SpecState},
    spec::label,
};
use std::collections::BTreeSet;

/// Remembers that these containers, and those that stay, were made by an apply that came to its end: what they run on is
/// theirs.
pub(crate) async fn confirm_applied(
    ctx: &Context,
    engine: &EngineId,
    prepared: &Prepared,
    made: Vec<(InstanceId, String)>,
) -> Result<(), OperationError> {
    let made: Vec<_> = made.into_iter().chain(unconfirmed(prepared)).collect();
    if made.is_empty() {
        return Ok(());
    }
    let made: Vec<_> = made.iter().map(|(instance, hash)| (instance, hash.as_str())).collect();
    ctx.store.settle_applied(&prepared.stack.id, &made).await?;
    forget_kept(ctx, engine, &prepared.desired).await
}

/// What was applied is now what is remembered.
pub(crate) async fn settle_applied(ctx: &Context, attempt: &Attempt<'_>) -> Result<(), OperationError> {
    let prepared = attempt.prepared;
    let made = prepared.plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateContainer { made, .. } => {
            Some((made.identity.instance.as_ref()?.id.clone(), made.hash.clone()))
        }
        _ => None,
    });
    let made = made.collect();
    confirm_applied(ctx, &attempt.engine_id, prepared, made).await?;
    remember_removed(ctx, prepared).await
}

/// What an apply that was put back remembered is forgotten: only what runs again was made. Where the store can't
/// be reached the next plan's reasons are less exact, no more.
pub(crate) async fn unsettle_applied(ctx: &Context, attempt: &Attempt<'_>) {
    let Prepared { stack, plan, observed, .. } = attempt.prepared;
    for step in &plan.steps {
        let Action::CreateContainer { made, .. } = &step.action else { continue };
        let Some(instance) = &made.identity.instance else { continue };
        let mut containers = observed.containers.iter();
        let old = containers.find(|c| c.label(label::INSTANCE_ID) == Some(instance.id.as_str()));
        let _ = match old.and_then(|old| old.config_hash()) {
            Some(hash) => ctx.store.settle_applied(&stack.id, &[(&instance.id, hash)]).await,
            None => ctx.store.mark_removed(&stack.id, &instance.id).await,
        };
    }
}

/// What the containers that stay were made from, where an apply that was killed had created them and could not say that it
/// came to its end.
pub(crate) fn unconfirmed(prepared: &Prepared) -> Vec<(InstanceId, String)> {
    let Prepared { plan, observed, remembered, stack, .. } = prepared;
    let removed: BTreeSet<&ContainerId> =
        plan.steps.iter().filter_map(|step| step.action.removes()).collect();
    let stays = |container: &&ObservedContainer| {
        remembered.ownership.is_of(&stack.id, *container) && !removed.contains(&container.id)
    };
    let begun = |container: &ObservedContainer| {
        let (instance, hash) = (container.label(label::INSTANCE_ID)?, container.config_hash()?);
        let known = remembered.spec(instance, Some(hash))?;
        (known.state == SpecState::Begun).then(|| (InstanceId::new(instance), hash.to_owned()))
    };
    observed.containers.iter().filter(stays).filter_map(begun).collect()
}
