//! Saved plans: options, assumptions and what was shown. A saved plan contains no secret and no step: the planner is
//! pure, so the same assumptions yield the same plan.

mod form;

use crate::{
    Context, OperationError, Prepared,
    error::{NotFound, Outdated},
    planning::{approved::Approved, interrupted::told, json::json, shown_plan::ShownPlan},
};
use devarch_core::{id::PlanId, record::RecordError};
use devarch_store::{Lease, SavedPlan, StackLock};

/// The prefix of plan ids; stack names cannot contain an underscore.
const PREFIX: &str = "plan_";

/// Returns whether a text names a plan rather than a stack.
pub fn is_plan_id(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Saves a plan of a stored stack; it can be applied until it expires.
#[tracing::instrument(level = "info", skip_all, fields(stack = %prepared.stack.name))]
pub async fn save_plan(ctx: &Context, prepared: &Prepared) -> Result<SavedPlan, OperationError> {
    let made_at = ctx.clock.now();
    let lifetime = i64::try_from(ctx.settings.plan_lifetime.as_millis()).unwrap_or(i64::MAX);
    let plan = SavedPlan {
        id: PlanId::new(format!("{PREFIX}{}", ctx.ids.fresh().replace('-', ""))),
        stack: prepared.stack.id.clone(),
        author: ctx.author(),
        made_at,
        expires_at: made_at.saturating_add(lifetime),
        request: json(&form::request(&prepared.options))?,
        assumed: json(&form::assumed(&prepared.assumed))?,
        shown: json(&ShownPlan::from_plan(&prepared.plan))?,
        applied_by: None,
    };
    ctx.store.save_plan(&plan).await?;
    Ok(plan)
}

/// Holds a stack's lock for a plan until it is applied or expires.
#[tracing::instrument(level = "info", skip_all)]
pub async fn lease_plan(ctx: &Context, lock: &StackLock, plan: &SavedPlan) -> Result<(), OperationError> {
    let lease = Lease { plan: plan.id.clone(), until: plan.expires_at };
    Ok(ctx.store.lease(lock, &lease).await?)
}

/// Loads a saved plan for applying. Fails if it has expired or was already applied.
#[tracing::instrument(level = "info", skip_all)]
pub async fn load_saved_plan(ctx: &Context, id: &PlanId) -> Result<Approved, OperationError> {
    let Some(plan) = ctx.store.plan(id).await? else {
        return Err(NotFound::Plan { plan: id.clone() }.into());
    };
    let stacks = ctx.store.stacks().await?;
    let Some(stack) = stacks.into_iter().find(|stack| stack.id == plan.stack) else {
        return Err(NotFound::Plan { plan: id.clone() }.into());
    };
    let refused = |why: String| -> OperationError {
        Outdated::SavedPlan { plan: id.clone(), stack: stack.name.clone(), why }.into()
    };
    if let Some(apply) = &plan.applied_by {
        return Err(refused(format!("it was applied already (apply {apply})")));
    }
    let now = ctx.clock.now();
    if now > plan.expires_at {
        let minutes = (now - plan.made_at) / 60_000;
        return Err(refused(format!("made by {} {minutes} minutes ago, it has expired", told(&plan.author))));
    }
    let unreadable = |error: RecordError| refused(format!("it cannot be read: {error}"));
    let assumed = form::read_assumed(&plan.assumed).map_err(unreadable)?;
    let options = form::read_request(&plan.request).map_err(unreadable)?;
    Ok(Approved { stack: stack.name.clone(), options, assumed, plan: Some(id.clone()) })
}
