//! `STACK`, `STACK/INSTANCE`, and `/INSTANCE` for this directory's stack.

use devarch_core::name::{InstanceName, InvalidName, StackName};
use std::str::FromStr;

/// A stack, or an instance of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    /// The stack; `None` means this directory's.
    pub(crate) stack: Option<StackName>,
    /// The instance; `None` means all.
    pub(crate) instance: Option<InstanceName>,
}

/// One instance.
#[derive(Debug, Clone)]
pub(crate) struct InstanceTarget {
    /// The stack; `None` means this directory's.
    pub(crate) stack: Option<StackName>,
    pub(crate) instance: InstanceName,
}

/// Text that is not a target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidTarget {
    /// A name is invalid.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The instance is missing.
    #[error("it names no instance; write STACK/INSTANCE, or /{0} for an instance of this directory's stack")]
    NoInstance(StackName),
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(given: &str) -> Result<Self, InvalidTarget> {
        match given.split_once('/') {
            None => Ok(Self { stack: Some(given.parse()?), instance: None }),
            Some((stack, instance)) => Ok(Self {
                stack: if stack.is_empty() { None } else { Some(stack.parse()?) },
                instance: Some(instance.parse()?),
            }),
        }
    }
}

impl FromStr for InstanceTarget {
    type Err = InvalidTarget;

    fn from_str(given: &str) -> Result<Self, InvalidTarget> {
        match given.parse()? {
            Target { stack, instance: Some(instance) } => Ok(Self { stack, instance }),
            Target { stack, instance: None } => {
                Err(InvalidTarget::NoInstance(stack.map_or_else(|| given.parse(), Ok)?))
            }
        }
    }
}
