use super::{ErrorKind, lines, listed};
use crate::{ApplyFailure, Interrupted};
use devarch_core::{
    id::{ApplyId, InstanceId},
    name::{InstanceName, StackName},
    wire::Endpoint,
};

/// An apply that failed, or an interrupted one that needs a decision.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A step failed; the error includes the resulting state.
    #[error(transparent)]
    Failed(#[from] Box<ApplyFailure>),
    /// An earlier apply was interrupted and needs a decision.
    #[error("{}", interrupted(stack, apply))]
    Interrupted {
        /// The stack.
        stack: StackName,
        /// The apply.
        apply: Box<Interrupted>,
    },
    /// An interrupted apply that cannot be undone, because everything new was ready.
    #[error(
        "the interrupted apply of stack '{0}' had everything new ready and was removing what it replaced; it cannot be \
         undone"
    )]
    PastCommit(StackName),
    /// The rollback of an interrupted apply failed.
    #[error("stack '{stack}' could not be rolled back: {why}\n  {}", lines(remains))]
    Stuck {
        /// The stack.
        stack: StackName,
        /// The reason, as a clause.
        why: String,
        /// The remaining work.
        remains: Vec<String>,
    },
    /// Another command took the stack's lock meanwhile.
    #[error("{why}")]
    LockLost {
        /// The stack.
        stack: StackName,
        /// How it was lost.
        why: String,
    },
    /// The journal of an apply cannot be read.
    #[error("the journal of apply {apply} cannot be read: {source}")]
    Journal {
        /// The apply.
        apply: ApplyId,
        /// The underlying error.
        source: serde_json::Error,
    },
    /// The record of what an instance's container was created from cannot be read.
    #[error("what was applied of the instance with id {instance} cannot be read: {source}")]
    AppliedState {
        /// The instance.
        instance: InstanceId,
        /// The underlying error.
        source: serde_json::Error,
    },
    /// A login could not be removed from its provider.
    #[error(transparent)]
    Login(Box<LoginError>),
}

impl From<LoginError> for ApplyError {
    fn from(error: LoginError) -> Self {
        Self::Login(Box::new(error))
    }
}

impl ApplyError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Failed(failure) => failure.kind(),
            Self::Interrupted { .. }
            | Self::PastCommit(_)
            | Self::LockLost { .. }
            | Self::Journal { .. }
            | Self::AppliedState { .. } => ErrorKind::Conflict,
            Self::Stuck { .. } => ErrorKind::Failed,
            Self::Login(error) => error.kind(),
        }
    }

    pub(super) fn hints(&self) -> Vec<String> {
        match self {
            Self::Failed(failure) => failure.hints(),
            Self::Interrupted { stack, .. } => vec![format!(
                "`devarch apply {stack} --resume` finishes it, `devarch apply {stack} --undo` rolls it back"
            )],
            Self::PastCommit(stack) => vec![format!("`devarch apply {stack}` finishes it")],
            Self::Stuck { stack, .. } => vec![format!(
                "fix that, then run `devarch apply {stack} --undo` again, or `devarch apply {stack} --resume` to finish it"
            )],
            Self::LockLost { stack, .. } => {
                vec![format!("look at the stack with `devarch status {stack}`, then apply it again")]
            }
            Self::Journal { .. } | Self::AppliedState { .. } => Vec::new(),
            Self::Login(error) => vec![error.hint().to_owned()],
        }
    }
}

fn interrupted(stack: &StackName, apply: &Interrupted) -> String {
    let under_way = match apply.steps.as_slice() {
        [] => String::new(),
        steps => format!(" during: {}", steps.join(", ")),
    };
    format!("`devarch {}` of stack '{stack}' by {} was interrupted{under_way}", apply.command, apply.author)
}

/// Why a login was not removed from its provider.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It cannot be removed in the current state.
    #[error("login {login} of '{stack}/{instance}' cannot be removed: {why}")]
    Unremovable {
        /// The login.
        login: String,
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
        /// The reason, as a clause.
        why: Unremovable,
    },
    /// The provider's command failed.
    #[error(
        "{at} did not remove login {name}: its `provision.remove` ended with exit code {code}: {output}{}\n\
         the instance was kept",
        removed_before(removed)
    )]
    Stays {
        /// The provider.
        at: String,
        /// The login.
        name: String,
        /// The command's exit code.
        code: i64,
        /// The last lines of its output.
        output: String,
        /// The logins that were removed before it.
        removed: Vec<String>,
    },
}

/// Why a login cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum Unremovable {
    /// Its import is not wired.
    #[error("its import {0} is wired to nothing; wire it to the login's provider (`devarch wire add`)")]
    Unwired(String),
    /// Its provider is not an instance.
    #[error("{0} is external; remove it there")]
    External(Endpoint),
    /// Its provider has no command for the removal.
    #[error(
        "{at} has no `provision.remove`; `devarch catalog upgrade {stack}` takes it from the catalog, or remove it by hand"
    )]
    NoCommand {
        /// The provider.
        at: Endpoint,
        /// The provider's stack.
        stack: StackName,
    },
    /// Another instance has the same login.
    #[error("'{0}' has the same login there, and would lose its data")]
    Shared(String),
    /// Its provider is not running.
    #[error("'{stack}/{instance}' is not running; `devarch start {stack}/{instance}` starts it")]
    NotRunning {
        /// The provider's stack.
        stack: StackName,
        /// The provider.
        instance: InstanceName,
    },
}

impl LoginError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unremovable { .. } => ErrorKind::Conflict,
            Self::Stays { .. } => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Unremovable { .. } => {
                "without --drop-logins the instance alone is removed, and its logins stay"
            }
            Self::Stays { .. } => "fix that and repeat the command, or leave --drop-logins out",
        }
    }
}

fn removed_before(removed: &[String]) -> String {
    if removed.is_empty() { String::new() } else { format!("; removed before it: {}", listed(removed)) }
}
