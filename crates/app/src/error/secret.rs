use super::ErrorKind;
use devarch_core::{
    name::{InstanceName, StackName},
    secret::{SecretName, Undecryptable},
};
use devarch_store::{CannotOpen, StoreError};

/// A secret that is invalid, or cannot be decrypted or removed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A value that cannot be a secret.
    #[error("secret '{name}' {why}; it was not set")]
    Unfit {
        /// The secret.
        name: SecretName,
        /// The problem with the value.
        why: &'static str,
    },
    /// The store's own key, which config hashes are made with, cannot be decrypted.
    #[error("the store's own key, which config hashes are made with, cannot be read: {0}")]
    Locked(#[source] CannotOpen),
    /// The change was saved, but freed pages of the database may still contain the value.
    #[error(
        "the change is saved, and plans and history no longer have the value that became secret; freed pages of the \
         database may still have it"
    )]
    NotWiped(#[source] StoreError),
    /// A value that cannot be decrypted.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A variable that is not a secret.
    #[error("variable {variable} of instance '{instance}' is not a secret")]
    NotSecret {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
        /// The variable.
        variable: String,
    },
    /// A secret that a devarch.yml declares.
    #[error("secret '{name}' of stack '{stack}' is generated because its devarch.yml declares it")]
    Declared {
        /// The stack.
        stack: StackName,
        /// The secret.
        name: SecretName,
    },
    /// The system returned no random numbers.
    #[error("the system provides no random numbers")]
    NoRandomness(#[source] getrandom::Error),
}

/// A required value that cannot be decrypted.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A secret.
    #[error("secret '{name}' cannot be read: {why}")]
    Secret {
        /// The secret, or the variable that has it.
        name: String,
        /// The reason, as a clause.
        why: Undecryptable,
    },
    /// A secret variable without a value.
    #[error("variable {variable} of instance '{instance}' cannot be read")]
    Variable {
        /// The instance.
        instance: InstanceName,
        /// The variable.
        variable: String,
    },
    /// Text that may refer to a secret.
    #[error("what uses secret '{name}' of stack '{stack}' is unknown: {why}")]
    Users {
        /// The stack.
        stack: StackName,
        /// The secret.
        name: SecretName,
        /// The reason, as a clause.
        why: Undecryptable,
    },
    /// Values that the data of an instance's volumes needs.
    #[error(
        "the data of instance '{instance}' of stack '{stack}' needs values that cannot be kept with it, so nothing was \
         changed: {why}"
    )]
    KeptValues {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
        /// The reason, as a clause.
        why: Undecryptable,
    },
    /// A value that cannot be redacted in containers' output.
    #[error(
        "a secret of stack '{stack}' cannot be read, so it cannot be hidden in what its containers write: {why}"
    )]
    Output {
        /// The stack.
        stack: StackName,
        /// The reason, as a clause.
        why: String,
    },
}

impl SecretError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Unfit { .. } => ErrorKind::Invalid,
            Self::Locked(_) | Self::NotWiped(_) | Self::Unreadable(Unreadable::Output { .. }) => {
                ErrorKind::Store
            }
            Self::Unreadable(_) | Self::NotSecret { .. } | Self::Declared { .. } | Self::NoRandomness(_) => {
                ErrorKind::Conflict
            }
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::NotWiped(_) => Some("`devarch secret rotate-key` overwrites them".to_owned()),
            Self::Unreadable(Unreadable::Output { .. }) => {
                Some("`--no-redact` shows everything as it is".to_owned())
            }
            Self::NotSecret { stack, instance, .. } => {
                Some(format!("`devarch config {stack}/{instance}` shows it"))
            }
            Self::Declared { stack, name } => Some(format!(
                "remove it from devarch.yml, run `devarch up`, then `devarch secret remove {stack} {name}`"
            )),
            Self::Locked(why) => Some(why.hint()),
            Self::Unfit { .. } | Self::Unreadable(_) | Self::NoRandomness(_) => None,
        }
    }
}
