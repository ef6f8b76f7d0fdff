use devarch_core::id::{ApplyId, PlanId};

/// Why the journal rejected a plan or an apply.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The saved plan was already applied.
    #[error("plan {plan} was applied already, by apply {by}")]
    PlanUsed {
        /// The plan.
        plan: PlanId,
        /// The apply that used it.
        by: ApplyId,
    },
    /// The stack has no such plan.
    #[error("plan {plan} is no longer in the store, or belongs to another stack")]
    NoPlan {
        /// The plan.
        plan: PlanId,
    },
    /// The locked stack has no such apply, or that step was never begun.
    #[error("apply {apply} or this step of it is not in the locked stack's journal")]
    NotJournalled {
        /// The apply.
        apply: ApplyId,
    },
}

impl JournalError {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::PlanUsed { .. } | Self::NoPlan { .. } => "make a new one with `devarch plan`",
            Self::NotJournalled { .. } => "`devarch history` lists the applies of a stack",
        }
    }
}
