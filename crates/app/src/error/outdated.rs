use super::lines;
use devarch_core::{
    id::PlanId,
    name::{InstanceName, StackName},
    plan::Difference,
};
use std::path::PathBuf;

/// What was shown and confirmed has changed; nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Outdated {
    /// A plan whose assumptions no longer hold.
    #[error(
        "{} is stale, and nothing was done:\n  {}",
        plan.as_ref().map_or_else(
            || format!("the confirmed plan of stack '{stack}'"),
            |plan| format!("plan {plan} of stack '{stack}'")
        ),
        lines(differences)
    )]
    Plan {
        /// The stack.
        stack: StackName,
        /// The saved plan.
        plan: Option<PlanId>,
        /// The assumed and the observed values.
        differences: Vec<Difference>,
    },
    /// A saved plan that was applied already, has expired, or cannot be read.
    #[error("plan {plan} of stack '{stack}' cannot be applied: {why}")]
    SavedPlan {
        /// The plan.
        plan: PlanId,
        /// Its stack.
        stack: StackName,
        /// The reason, as a clause.
        why: String,
    },
    /// The stray objects are not those shown.
    #[error(
        "the objects with the labels of stack '{0}' have changed since they were shown, and nothing was done"
    )]
    Strays(StackName),
    /// The volumes are not those shown.
    #[error("stack '{0}' has other volumes than those shown, and nothing was deleted")]
    Volumes(StackName),
    /// The logins are not those shown.
    #[error("the logins of '{stack}/{instance}' have changed since they were shown, and nothing was removed")]
    Logins {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
    },
    /// A file that changed while it was read.
    #[error("{} changed while it was being read; nothing was saved", .0.display())]
    File(PathBuf),
}

impl Outdated {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Plan { stack, .. } => format!("`devarch plan {stack}` shows what would change now"),
            Self::SavedPlan { stack, .. } => format!("`devarch plan {stack}` makes a new one"),
            Self::Strays(_) | Self::Volumes(_) | Self::Logins { .. } | Self::File(_) => {
                "repeat the command".to_owned()
            }
        }
    }
}
