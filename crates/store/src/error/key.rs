use crate::vault::{CannotOpen, ExportError, KeyId};

/// Why the key was not rotated, reset, exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Some values cannot be decrypted, so they cannot be re-encrypted with another key.
    #[error(
        "the key was not rotated and nothing was changed: {count} of the values encrypted with it cannot be read, \
         {}: {reason}",
        names.join(", ")
    )]
    NotRotated {
        /// How many values.
        count: usize,
        /// The names of the first ones.
        names: Vec<String>,
        /// Why the first one cannot be decrypted.
        #[source]
        reason: CannotOpen,
    },
    /// The key exists and needs no reset.
    #[error("nothing was reset: the key exists and decrypts this store's secrets, so nothing is lost")]
    KeyThere,
    /// The values to be discarded differ from those that were shown.
    #[error("nothing was reset: secrets were added to the store meanwhile")]
    NotReset,
    /// The imported key is not the store's key.
    #[error(
        "the key was not imported: it is key {given}, and this store's secrets are encrypted with key {needs}"
    )]
    AnotherKey {
        /// The id of the imported key.
        given: KeyId,
        /// The store's key.
        needs: KeyId,
        /// Whether the key file already has the store's key.
        here: bool,
    },
    /// The key cannot be exported, or the exported key cannot be read.
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
