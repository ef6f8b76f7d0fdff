//! Records what containers were created from, once an apply has ended.

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

/// Records that these containers, and those that stay, were created by a completed apply: the volumes they run on
/// belong to their instances.
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

/// Records what was applied as the applied state.
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

/// Reverts the record of an apply that was rolled back: only the running containers count as created. If the store
/// cannot be reached, the next plan's reasons are less exact, nothing more.
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

/// Returns the config hashes of containers that stay and that a killed apply created without recording its completion.
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
