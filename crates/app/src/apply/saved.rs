//! Saved plans: what was asked, assumed and shown. A saved plan holds no secret and no step: the planner is pure, so
//! what was assumed, found again, gives the very same plan.

use super::{Approved, ShownPlan, interrupted::told, json};
use crate::{App, AppError, Prepared};
use devarch_core::{id::PlanId, plan::Assumptions};
use devarch_store::{Lease, SavedPlan, StackLock};

/// What a plan's id begins with; no stack's name has an underscore.
const PREFIX: &str = "plan_";

/// Whether this names a plan rather than a stack.
pub fn is_plan_id(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl App {
    /// Saves a plan that was made of a stack in the store; it can be applied until it expires.
    pub async fn save_plan(&self, prepared: &Prepared) -> Result<SavedPlan, AppError> {
        let made_at = self.around.clock.now();
        let lifetime = i64::try_from(self.settings.plan_lifetime.as_millis()).unwrap_or(i64::MAX);
        let plan = SavedPlan {
            id: PlanId::new(format!("{PREFIX}{}", self.around.ids.fresh().replace('-', ""))),
            stack: prepared.stack.id.clone(),
            author: self.author(),
            made_at,
            expires_at: made_at.saturating_add(lifetime),
            request: json(&prepared.options)?,
            assumed: json(&prepared.assumed)?,
            shown: json(&ShownPlan::of(&prepared.plan))?,
            applied_by: None,
        };
        self.store.save_plan(&plan).await?;
        Ok(plan)
    }

    /// Keeps a stack's lock for a plan until it is applied or expires.
    pub async fn lease(&self, lock: &StackLock, plan: &SavedPlan) -> Result<(), AppError> {
        let lease = Lease { plan: plan.id.clone(), until: plan.expires_at };
        Ok(self.store.lease(lock, &lease).await?)
    }

    /// A saved plan, to be applied now. One that has expired or was applied is refused.
    pub async fn approved(&self, id: &PlanId) -> Result<Approved, AppError> {
        let Some(plan) = self.store.plan(id).await? else {
            return Err(AppError::NoPlan { plan: id.clone() });
        };
        let stacks = self.store.stacks().await?;
        let Some(stack) = stacks.into_iter().find(|stack| stack.id == plan.stack) else {
            return Err(AppError::NoPlan { plan: id.clone() });
        };
        let refused =
            |why: String| AppError::PlanRefused { plan: id.clone(), stack: stack.name.clone(), why };
        if let Some(apply) = &plan.applied_by {
            return Err(refused(format!("it was applied already (apply {apply})")));
        }
        let now = self.around.clock.now();
        if now > plan.expires_at {
            let minutes = (now - plan.made_at) / 60_000;
            return Err(refused(format!(
                "{} made it {minutes} minutes ago and it has expired",
                told(&plan.author)
            )));
        }
        let unreadable = |error: serde_json::Error| refused(format!("it can't be read: {error}"));
        let assumed: Assumptions = serde_json::from_str(&plan.assumed).map_err(unreadable)?;
        let options = serde_json::from_str(&plan.request).map_err(unreadable)?;
        Ok(Approved { stack: stack.name.clone(), options, assumed, plan: Some(id.clone()) })
    }
}
