//! A plan that was confirmed, and whether it still holds.

use crate::{OperationError, PrepareOptions, Prepared, error::Outdated};
use devarch_core::{id::PlanId, name::StackName, plan::Assumptions};

/// A plan that was shown and agreed to: what it is made from, so that it can be made again under the lock.
#[derive(Debug, Clone)]
pub struct Approved {
    /// The stack.
    pub stack: StackName,
    /// What was asked of the plan.
    pub options: PrepareOptions,
    /// What it assumed.
    pub assumed: Assumptions,
    /// The saved plan it is.
    pub plan: Option<PlanId>,
}

impl Approved {
    /// Whether what it was made from is still so, where it is planned again.
    pub fn holds(&self, now: &Prepared) -> Result<(), OperationError> {
        let differences = self.assumed.differences(&now.assumed);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Outdated::Plan { stack: self.stack.clone(), plan: self.plan.clone(), differences }.into())
    }
}
