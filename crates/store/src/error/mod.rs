//! The store's errors: small enums with hints, combined in [`StoreError`].

mod database;
mod encryption;
mod journal;
mod key;
mod lock;
mod opening;
mod stack;

pub use database::{DatabaseError, Fault};
pub use encryption::EncryptionError;
pub use journal::JournalError;
pub use key::KeyError;
pub use lock::LockError;
pub use opening::OpeningError;
pub use stack::{StackError, TakenWhat};

use crate::vault::{CannotOpen, CannotSeal, ExportError, KeyFileError};
use devarch_core::{name::NameTooLong, serialize::SerializeError};

/// Any error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A stack could not be read or written.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A stack's lock is not held.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal rejected a plan or an apply.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A value cannot be decrypted or encrypted.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// The key cannot be replaced, exported or imported.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database must not be opened.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A value could not be serialized.
    #[error("nothing was stored: {0}")]
    Unwritable(#[from] SerializeError),
}

impl StoreError {
    /// Returns what to do about it, as a phrase.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Stack(error) => error.hint().map(str::to_owned),
            Self::Lock(error) => Some(error.hint()),
            Self::Journal(error) => Some(error.hint().to_owned()),
            Self::Encryption(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Opening(error) => Some(error.hint()),
            Self::Database(error) => error.fault.hint().map(str::to_owned),
            Self::Unwritable(_) => None,
        }
    }

    /// Converts an error of the driver.
    pub(crate) fn of(place: &str, source: impl Into<sqlx::Error>) -> Self {
        DatabaseError::of_driver(place, source.into()).into()
    }

    /// Returns an error for a row that does not parse.
    pub(crate) fn damaged(place: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        DatabaseError { place: place.to_owned(), fault: Fault::Damaged, source: source.into() }.into()
    }
}

/// Implements `From` for errors two levels down, so that `?` converts them.
macro_rules! through {
    ($($inner:ty => $outer:ty),+ $(,)?) => {
        $(impl From<$inner> for StoreError {
            fn from(error: $inner) -> Self {
                Self::from(<$outer>::from(error))
            }
        })+
    };
}

through! {
    NameTooLong => StackError,
    CannotOpen => EncryptionError,
    CannotSeal => EncryptionError,
    KeyFileError => EncryptionError,
    ExportError => KeyError,
}
