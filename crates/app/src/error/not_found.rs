use devarch_core::{
    id::PlanId,
    name::{InstanceName, StackName, nearest},
};

/// Something that was named but does not exist.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// A stack.
    #[error("stack '{name}' not found")]
    Stack {
        /// The requested name.
        name: String,
        /// The most similar existing name.
        near: Option<String>,
    },
    /// An instance of a stack.
    #[error("stack '{stack}' has no instance '{name}'")]
    Instance {
        /// The stack.
        stack: StackName,
        /// The requested name.
        name: InstanceName,
        /// The most similar existing name.
        near: Option<String>,
    },
    /// A template.
    #[error("template '{name}' not found")]
    Template {
        /// The requested name.
        name: String,
        /// The most similar existing name.
        near: Option<String>,
    },
    /// A secret of a stack.
    #[error("stack '{stack}' has no secret '{name}'")]
    Secret {
        /// The stack.
        stack: StackName,
        /// The requested name.
        name: String,
        /// The most similar existing name.
        near: Option<String>,
    },
    /// A saved plan.
    #[error("plan {plan} not found: it was never saved, its stack was deleted, or it expired long ago")]
    Plan {
        /// The requested plan.
        plan: PlanId,
    },
    /// An apply of a stack; with `None` an earlier one with another definition.
    #[error(
        "stack '{stack}' has {}",
        id.as_ref().map_or_else(|| "no earlier apply to roll back to".to_owned(), |id| format!("no apply {id}"))
    )]
    Apply {
        /// The stack.
        stack: StackName,
        /// The requested id.
        id: Option<String>,
    },
    /// Objects of a stack that another home left.
    #[error("no other home has objects of a stack '{0}' on this engine")]
    Leftovers(StackName),
}

impl NotFound {
    /// Returns the error for a missing secret, with the most similar of the stack's secrets.
    pub(crate) fn secret<'a>(stack: &StackName, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let near = nearest(name, known).map(str::to_owned);
        Self::Secret { stack: stack.clone(), name: name.to_owned(), near }
    }

    pub(super) fn hint(&self) -> String {
        let listing = |near: &Option<String>, list: String| {
            near.as_ref()
                .map_or_else(|| format!("{list} lists all"), |near| format!("did you mean '{near}'?"))
        };
        match self {
            Self::Stack { near, .. } => listing(near, "`devarch stack list`".to_owned()),
            Self::Instance { stack, near, .. } => listing(near, format!("`devarch instance list {stack}`")),
            Self::Template { near, .. } => listing(near, "`devarch catalog list`".to_owned()),
            Self::Secret { stack, near, .. } => listing(near, format!("`devarch secret list {stack}`")),
            Self::Plan { .. } => "`devarch plan STACK` makes a new one".to_owned(),
            Self::Apply { stack, .. } => format!("`devarch history {stack}` lists all"),
            Self::Leftovers(_) => "`devarch adopt` lists what other homes have".to_owned(),
        }
    }
}
