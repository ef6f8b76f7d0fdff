//! A confirmed plan, and whether it is still valid.

use crate::{OperationError, PrepareOptions, Prepared, error::Outdated};
use devarch_core::{id::PlanId, name::StackName, plan::Assumptions};

/// A plan that was shown and confirmed: its inputs, so that it can be planned again under the lock.
#[derive(Debug, Clone)]
pub struct Approved {
    /// The stack.
    pub stack: StackName,
    /// The options it was planned with.
    pub options: PrepareOptions,
    /// Its assumptions.
    pub assumed: Assumptions,
    /// The saved plan it was loaded from.
    pub plan: Option<PlanId>,
}

impl Approved {
    /// Fails if the assumptions no longer hold when the stack is planned again.
    pub fn holds(&self, now: &Prepared) -> Result<(), OperationError> {
        let differences = self.assumed.differences(&now.assumed);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Outdated::Plan { stack: self.stack.clone(), plan: self.plan.clone(), differences }.into())
    }
}
