//! Results of DevArch's own checks for containers whose first check the engine has not run yet: an apply runs its own
//! checks while it waits, but Docker runs the first one only a whole interval after the start.

use crate::{Context, OperationError, planning::shown_plan::ShownPlan};
use devarch_core::{
    id::{ContainerId, StackId},
    observed::{HealthState, ObservedContainer, RunState},
    ownership::Ownership,
    spec::label,
};
use devarch_engine::Engine;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// When an instance's check passed (milliseconds since the Unix epoch), by stack and the instance's name.
type Passed = BTreeMap<(StackId, String), i64>;

/// Returns the containers that the last apply of their stack saw healthy after they were started, with the time.
pub(crate) async fn own_checks(
    ctx: &Context,
    engine: &dyn Engine,
    containers: &[ObservedContainer],
    ownership: &Ownership,
) -> Result<BTreeMap<ContainerId, (HealthState, Option<String>)>, OperationError> {
    let mut healthy = BTreeMap::new();
    let ours = |container: &&ObservedContainer| {
        container.state == RunState::Running
            && container.health == Some(HealthState::Starting)
            && ownership.is_ours(*container)
    };
    let starting: Vec<_> = containers.iter().filter(ours).collect();
    let passed = if starting.is_empty() { Passed::new() } else { passed_checks(ctx, &starting).await? };
    for container in starting {
        let Some(at) = whose(container).and_then(|whose| passed.get(&whose)).copied() else { continue };
        let Some(inspected) = engine.inspect(&container.id).await? else { continue };
        let started: Option<Timestamp> = inspected.started_at.parse().ok();
        let seen = Timestamp::from_millisecond(at).ok();
        if let (Some(started), Some(seen)) = (started, seen)
            && started <= seen
        {
            healthy.insert(container.id.clone(), (HealthState::Healthy, Some(seen.to_string())));
        }
    }
    Ok(healthy)
}

/// Returns the checks that passed in the last applies of these containers' stacks.
async fn passed_checks(ctx: &Context, starting: &[&ObservedContainer]) -> Result<Passed, OperationError> {
    let mut passed = Passed::new();
    let stacks: Vec<_> = starting.iter().filter_map(|container| whose(container)).collect();
    let applies = ctx.store.latest_applies().await?;
    for apply in applies.into_iter().filter(|apply| stacks.iter().any(|(stack, _)| *stack == apply.stack)) {
        let shown = ShownPlan::of_apply(&apply)?;
        for step in ctx.store.apply_steps(&apply.id).await?.iter().filter(|step| step.error.is_none()) {
            let told = shown.steps.get(step.at as usize).filter(|told| told.proves_health);
            let instance = told.and_then(|told| told.instance.as_ref());
            if let (Some(instance), Some(ended)) = (instance, step.ended_at) {
                passed.insert((apply.stack.clone(), instance.to_string()), ended);
            }
        }
    }
    Ok(passed)
}

/// Returns the stack and the instance from a container's labels.
fn whose(container: &ObservedContainer) -> Option<(StackId, String)> {
    let stack = container.label(label::STACK_ID)?;
    Some((StackId::new(stack), container.label(label::INSTANCE_NAME)?.to_owned()))
}
