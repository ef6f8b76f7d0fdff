use crate::vault::{CannotOpen, ExportError, KeyId};

/// Why the key was not rotated, reset, exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Values that cannot be decrypted cannot be encrypted with another key.
    #[error(
        "the key was not rotated and nothing was changed: {count} of the values encrypted with it cannot be read, \
         {}: {reason}",
        names.join(", ")
    )]
    NotRotated {
        /// How many.
        count: usize,
        /// The first of them.
        names: Vec<String>,
        /// Why the first of them cannot be read.
        #[source]
        reason: CannotOpen,
    },
    /// A key that exists needs no reset.
    #[error("nothing was reset: the key exists and decrypts this store's secrets, so nothing is lost")]
    KeyThere,
    /// What would be discarded is not what was shown.
    #[error("nothing was reset: secrets were added to the store meanwhile")]
    NotReset,
    /// The imported key is not the one that is needed.
    #[error(
        "the key was not imported: it is key {given}, and this store's secrets are encrypted with key {needs}"
    )]
    AnotherKey {
        /// The key that was to be imported.
        given: KeyId,
        /// The store's key.
        needs: KeyId,
        /// Whether the key file has the store's key.
        here: bool,
    },
    /// The key cannot be exported, or an exported key not be read.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl KeyError {
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotRotated { reason, .. } => return Some(reason.hint()),
            Self::Export(error) => return error.hint().map(str::to_owned),
            Self::KeyThere => "`devarch secret rotate-key` replaces it",
            Self::NotReset => "repeat `devarch secret key reset` to see them",
            Self::AnotherKey { here: true, .. } => "the key file has the right key already",
            Self::AnotherKey { here: false, .. } => {
                "export the right key with `devarch secret key export` where this store can be read"
            }
        };
        Some(hint.to_owned())
    }
}
