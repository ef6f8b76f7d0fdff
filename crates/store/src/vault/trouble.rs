//! Why a secret cannot be decrypted, and what to do. No cause destroys the secret.

use super::{key::KeyId, key_disk::KeyFileError};
use devarch_core::secret::Undecryptable;
use std::{fmt, path::PathBuf};

/// The way out if there is no copy.
const LOST: &str = "if it is lost for good, `devarch secret key reset` lists what is discarded with it and creates a new one";

/// Why an encrypted value cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// The key file is missing.
    #[error(
        "the key of this store's secrets, {needs}, is missing: {} not found",
        path.display()
    )]
    NoKey {
        /// The expected path of the key file.
        path: PathBuf,
        /// The id of the key it was encrypted with.
        needs: KeyId,
    },
    /// The key file has only other keys.
    #[error(
        "this store's secrets are encrypted with key {needs}, but {} has {}",
        path.display(),
        List(has)
    )]
    WrongKey {
        /// The key file.
        path: PathBuf,
        /// The id of the key it was encrypted with.
        needs: KeyId,
        /// The ids of the keys in the file.
        has: Vec<KeyId>,
    },
    /// The key file is damaged, possibly on the line of the key.
    #[error(
        "{} is damaged, so that the key of this store's secrets, {needs}, cannot be read",
        path.display()
    )]
    BadKey {
        /// The key file.
        path: PathBuf,
        /// The id of the key it was encrypted with.
        needs: KeyId,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key exists, but the value was changed, cut off, or belongs to another row.
    #[error("the stored value is damaged")]
    Damaged,
}

impl CannotOpen {
    /// Returns what to do about it, as a phrase.
    pub fn hint(&self) -> String {
        match self {
            Self::NoKey { .. } | Self::BadKey { .. } => {
                format!(
                    "restore that file from a backup, or import the key with `devarch secret key import FILE`; {LOST}"
                )
            }
            Self::WrongKey { .. } => format!(
                "import the right key with `devarch secret key import FILE`, or restore the file from a backup; {LOST}"
            ),
            Self::KeyFile(error) => error.hint(),
            Self::Damaged => "set it again with `devarch secret set`, or restore the database".to_owned(),
        }
    }

    /// Converts the reason to core's type for locked values.
    pub fn locked(&self) -> Undecryptable {
        match self {
            Self::NoKey { .. } => Undecryptable::NoKey,
            Self::WrongKey { .. } => Undecryptable::WrongKey,
            Self::BadKey { .. } | Self::KeyFile(_) => Undecryptable::BadKey,
            Self::Damaged => Undecryptable::Damaged,
        }
    }
}

struct List<'a>(&'a [KeyId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, id) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{id}")?;
        }
        if self.0.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}
