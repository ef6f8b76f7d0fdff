//! Errors of operations: small enums, each with its kind and its hints, combined into one type at the edge.

mod apply;
mod conflict;
mod definition;
mod file;
mod in_use;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod messages;
mod not_found;
mod outdated;
mod secret;
mod store;

pub use apply::{ApplyError, LoginError, Unremovable};
pub use conflict::{Ambiguous, Conflict, Elsewhere, WrongState};
pub use definition::DefinitionError;
pub(crate) use definition::unworkable;
pub use file::FileError;
pub use in_use::InUse;
pub use not_found::NotFound;
pub use outdated::Outdated;
pub use secret::{SecretError, Unreadable};

use devarch_core::{
    diagnostic::{SHOWN_ERRORS, and_more},
    name::{InvalidName, NameTooLong},
    plan::PlanError,
};
use devarch_engine::{EngineError, EngineErrorKind};
use devarch_files::ReadError;
use devarch_store::StoreError;

use crate::execution::failure::ApplyFailure;

/// Why an operation failed or was refused.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// A definition, or an edit of one, is invalid.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// Something that was named does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The request conflicts with the current state.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// An apply failed, or needs a decision.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A secret is invalid, or cannot be decrypted.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The engine returned an error.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store returned an error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an error means for the caller; decides the exit code and the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request or a file is invalid.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// The request conflicts with the current state.
    Conflict,
    /// The engine cannot be reached or used.
    Engine,
    /// The store cannot be reached or used.
    Store,
    /// The operation was started and failed.
    Failed,
    /// The user cancelled it.
    Cancelled,
}

impl OperationError {
    /// Returns what the error means for the caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Definition(error) => error.kind(),
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::Apply(error) => error.kind(),
            Self::Secret(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Engine(error) => engine_kind(&error.kind),
            Self::Store(error) => store::kind(error),
        }
    }

    /// Returns what to do about it, each a phrase with a command that works as printed.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Definition(error) => error.hint().into_iter().collect(),
            Self::NotFound(error) => vec![error.hint()],
            Self::Conflict(error) => error.hint().into_iter().collect(),
            Self::Apply(error) => error.hints(),
            Self::Secret(error) => error.hint().into_iter().collect(),
            Self::File(error) => error.hint().map(str::to_owned).into_iter().collect(),
            Self::Engine(error) if engine_kind(&error.kind) == ErrorKind::Engine => {
                vec!["`devarch doctor` lists the engines that were tried and how to fix each".to_owned()]
            }
            Self::Engine(_) => Vec::new(),
            Self::Store(error) => error.hint().into_iter().collect(),
        }
    }
}

fn engine_kind(kind: &EngineErrorKind) -> ErrorKind {
    match kind {
        EngineErrorKind::NotFound => ErrorKind::NotFound,
        EngineErrorKind::NoImage | EngineErrorKind::CannotRun => ErrorKind::Failed,
        _ => ErrorKind::Engine,
    }
}

/// Converts errors of parts into an operation's error where `?` meets them two levels down.
macro_rules! through {
    ($($inner:ty => $outer:ty),+ $(,)?) => {
        $(impl From<$inner> for OperationError {
            fn from(error: $inner) -> Self {
                Self::from(<$outer>::from(error))
            }
        })+
    };
}

through! {
    InvalidName => DefinitionError,
    NameTooLong => DefinitionError,
    InUse => Conflict,
    Ambiguous => Conflict,
    Elsewhere => Conflict,
    Outdated => Conflict,
    WrongState => Conflict,
    LoginError => ApplyError,
    Box<ApplyFailure> => ApplyError,
    Unreadable => SecretError,
    ReadError => FileError,
}

impl From<PlanError> for OperationError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Unmakeable { stack, problems } => {
                DefinitionError::Unworkable { stack, problems }.into()
            }
            PlanError::Conflicts { .. } => Conflict::Objects(error).into(),
        }
    }
}

/// Formats at most [`SHOWN_ERRORS`] items, each on a line of its own.
fn lines<T: std::fmt::Display>(items: &[T]) -> String {
    let shown = items.iter().take(SHOWN_ERRORS).map(ToString::to_string);
    shown.chain(and_more(items.len().saturating_sub(SHOWN_ERRORS))).collect::<Vec<_>>().join("\n  ")
}

fn listed<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
