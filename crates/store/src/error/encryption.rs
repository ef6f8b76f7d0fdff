use crate::vault::{CannotOpen, CannotSeal, KeyFileError};
use devarch_core::secret::Undecryptable;

/// Why a value cannot be decrypted or encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// A value, or the key to encrypt it, cannot be read.
    #[error(transparent)]
    CannotOpen(#[from] CannotOpen),
    /// A value cannot be encrypted.
    #[error(transparent)]
    CannotSeal(#[from] CannotSeal),
    /// The key file cannot be read or written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Writing would overwrite secrets that cannot be decrypted.
    #[error("{what} has secrets that cannot be read, so it is left as it is: {reason}")]
    LockedValues {
        /// The owner of the secrets, e.g. `instance 'db' of stack 'shop'`.
        what: String,
        /// Why they cannot be decrypted.
        reason: Undecryptable,
    },
}

impl EncryptionError {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::CannotOpen(error) => Some(error.hint()),
            Self::KeyFile(error) => Some(error.hint()),
            Self::CannotSeal(_) | Self::LockedValues { .. } => None,
        }
    }
}
