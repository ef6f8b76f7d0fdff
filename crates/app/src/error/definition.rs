use super::{ErrorKind, OperationError, lines, listed};
use devarch_core::{
    diagnostic::{Diagnostics, Problem},
    name::{InstanceName, InvalidName, NameTooLong, StackName},
    stack::Stack,
};
use std::path::PathBuf;

/// A definition, or an edit of one, that is invalid.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// A file or an edit has fields or values that are not allowed.
    #[error("{origin}: {wrong}")]
    Invalid {
        /// The file, or the edited object.
        origin: String,
        /// All problems.
        wrong: Diagnostics,
    },
    /// A stack's definition that cannot be planned.
    #[error("stack '{stack}' cannot be planned:\n  {}", lines(.problems))]
    Unworkable {
        /// The stack.
        stack: StackName,
        /// All problems.
        problems: Vec<Problem>,
    },
    /// A wire that is not possible.
    #[error("wire {wire} cannot be added:\n  {}", lines(.problems))]
    Wire {
        /// The wire.
        wire: String,
        /// The problems.
        problems: Vec<Problem>,
    },
    /// Imports of an instance that cannot be resolved.
    #[error("imports of instance '{instance}' cannot be wired:\n  {}", lines(.problems))]
    Unwired {
        /// The instance.
        instance: InstanceName,
        /// The problems.
        problems: Vec<Problem>,
    },
    /// Host ports that are taken.
    #[error("stack '{stack}': host ports are already in use:\n  {}", lines(.problems))]
    PortsTaken {
        /// The stack.
        stack: StackName,
        /// The ports with their owners.
        problems: Vec<Problem>,
    },
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A stack's and an instance's name that are too long together.
    #[error(transparent)]
    TooLong(#[from] NameTooLong),
    /// A stack that a devarch.yml does not declare, or does not single out.
    #[error("{} declares {}", file.display(), declared_but(named.as_ref(), declared))]
    Undeclared {
        /// The devarch.yml.
        file: PathBuf,
        /// The stack that was named.
        named: Option<StackName>,
        /// The stacks it declares.
        declared: Vec<StackName>,
    },
}

impl DefinitionError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. }
            | Self::Unworkable { .. }
            | Self::Wire { .. }
            | Self::Name(_)
            | Self::TooLong(_) => ErrorKind::Invalid,
            Self::Unwired { .. } | Self::PortsTaken { .. } | Self::Undeclared { .. } => ErrorKind::Conflict,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Undeclared { named: None, .. } => Some("name one of them".to_owned()),
            _ => None,
        }
    }
}

/// Returns the error for a stack's definition with these problems.
pub(crate) fn unworkable(stack: &Stack, problems: Vec<Problem>) -> OperationError {
    DefinitionError::Unworkable { stack: stack.name.clone(), problems }.into()
}

fn declared_but(named: Option<&StackName>, declared: &[StackName]) -> String {
    match named {
        Some(named) => format!("no stack '{named}'; it declares {}", listed(declared)),
        None => format!("several stacks: {}", listed(declared)),
    }
}
