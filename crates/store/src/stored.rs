//! Definitions in two columns: a text without secrets, and beside it, in the column `sealed`, the encrypted secrets.

use crate::{
    db::{Result, Tx},
    error::{EncryptionError, StoreError},
    vault::Place,
};
use devarch_core::secret::{Sealable, Stored, Undecryptable};
use zeroize::Zeroizing;

/// A row of a table with a column `sealed`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) table: &'static str,
    /// The parts of its primary key.
    pub(crate) row: &'a [&'a str],
}

impl<'a> At<'a> {
    fn place(&self) -> Place<'a> {
        Place { table: self.table, column: "sealed", row: self.row }
    }
}

/// Combines a row's columns. Secrets that cannot be decrypted are locked, with the reason.
pub(crate) async fn open(tx: &mut Tx, at: At<'_>, text: String, sealed: Option<Vec<u8>>) -> Result<Stored> {
    let secret = match sealed {
        None => Sealable::Nothing,
        Some(sealed) => match open_text(tx, at, &sealed).await? {
            Ok(secret) => Sealable::Open(secret),
            Err(why) => Sealable::Locked(why),
        },
    };
    Ok(Stored { open: text, secret })
}

/// Decrypts a text.
pub(crate) async fn open_text(
    tx: &mut Tx,
    at: At<'_>,
    sealed: &[u8],
) -> Result<std::result::Result<Zeroizing<String>, Undecryptable>> {
    let opened = tx.open(&at.place(), sealed).await?;
    Ok(match opened {
        Ok(plain) => match std::str::from_utf8(&plain) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(Undecryptable::Damaged),
        },
        Err(why) => Err(why.locked()),
    })
}

/// Returns the content of the column `sealed`. Locked secrets are an error.
pub(crate) async fn seal(tx: &mut Tx, at: At<'_>, secret: &Sealable, what: &str) -> Result<Option<Vec<u8>>> {
    match secret {
        Sealable::Nothing => Ok(None),
        Sealable::Open(text) => seal_text(tx, at, text).await.map(Some),
        Sealable::Locked(reason) => Err(locked(what, *reason)),
    }
}

/// Encrypts a text.
pub(crate) async fn seal_text(tx: &mut Tx, at: At<'_>, text: &str) -> Result<Vec<u8>> {
    tx.seal(&at.place(), text.as_bytes()).await
}

/// Returns the error for overwriting undecryptable values.
pub(crate) fn locked(what: &str, reason: Undecryptable) -> StoreError {
    EncryptionError::LockedValues { what: what.to_owned(), reason }.into()
}
