//! Rotating, exporting and importing the key of the store's secrets; part of [`Store`].
//!
//! The database names its key, the key file contains it. During a rotation the file has both keys until the database
//! is committed to the new one, so the database's key exists whenever the program is killed. The next program that
//! opens the store removes what an interrupted rotation left.

use crate::{
    db::{Database, Result, Tx},
    error::KeyError,
    identity, sealed,
    store::Store,
    vault::{CannotOpen, Key, KeyId, Writing, open_key, seal_key},
};
use devarch_core::id::StoreId;
use std::sync::Arc;

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The previous key.
    pub from: KeyId,
    /// The new key.
    pub to: KeyId,
    /// How many values were re-encrypted.
    pub values: usize,
    /// Why the previous key could not be removed from the key file, if so; the next program that opens the store does
    /// it.
    pub left: Option<String>,
}

impl Store {
    /// Generates a new key for the store and re-encrypts everything in one transaction; fails if any value cannot be
    /// decrypted. Writers of secrets wait meanwhile. The old key then only decrypts copies of the database.
    pub async fn rotate_key(&self) -> Result<Rotation> {
        self.identity().await?.hash_key?;
        let writing = Writing::begin(self.database.vault.path()).await?;
        let new = Arc::new(Key::generate()?);
        let mut tx = self.database.edit().await?;
        let rotated = rotate(&mut tx, &writing, &new).await;
        let failed = rotated.is_err();
        let rotated = tx.end(rotated).await;
        if failed {
            // It was never used. If the file cannot be written, the next program that opens the store removes it.
            let _ = writing.change(|file| file.without(new.id()));
        }
        let rotated = rotated?;
        // The rotation is complete, even if the old key cannot be removed.
        let left = settle(&self.database, &writing).await.err().map(|error| error.to_string());
        Ok(Rotation { left, ..rotated })
    }

    /// Returns the store's key encrypted with a passphrase, as text.
    pub async fn export_key(&self, passphrase: &str) -> Result<String> {
        let (store, key) = self.needed_key().await?;
        let key = self.database.vault.decryptor().key(key)?;
        Ok(seal_key(&store, &key, passphrase)?)
    }

    /// Adds an exported key to the key file if it is the one the store needs; returns whether it was missing.
    pub async fn import_key(&self, text: &str, passphrase: &str) -> Result<bool> {
        let (_, key) = open_key(text, passphrase)?;
        let (store, needs) = self.needed_key().await?;
        let here = self.database.vault.decryptor().key(needs).is_ok();
        if key.id() != needs {
            return Err(KeyError::AnotherKey { given: key.id(), needs, here }.into());
        }
        if !here {
            let key = Arc::new(key);
            let writing = Writing::begin(self.database.vault.path()).await?;
            writing.change(|file| file.with(&store, &key))?;
            settle(&self.database, &writing).await?;
        }
        Ok(!here)
    }

    /// Returns the store's id and the key it needs.
    async fn needed_key(&self) -> Result<(StoreId, KeyId)> {
        let identity = self.identity().await?;
        let mut tx = self.database.read().await?;
        let row = identity::load(&mut tx).await;
        let row = tx.end(row).await?;
        let key = row.map(|row| row.key_id).ok_or(CannotOpen::Damaged)?;
        Ok((identity.id, key))
    }
}

/// Re-encrypts everything with the new key, which is in the key file before the first value is.
async fn rotate(tx: &mut Tx, writing: &Writing, new: &Arc<Key>) -> Result<Rotation> {
    // In this order, because encrypting locks the identity before it writes.
    let row = identity::seize(tx).await?.ok_or(CannotOpen::Damaged)?;
    sealed::seize(tx).await?;
    let old = tx.key(row.key_id)?;
    writing.change(|file| file.with_only(&row.store, old.id()).with(&row.store, new))?;
    let plain = old.open(&identity::HASH_KEY, &row.hash_key).map_err(|_| CannotOpen::Damaged)?;
    let hash_key = new.seal(&identity::HASH_KEY, &plain)?;
    let values = sealed::reseal(tx, new).await?;
    identity::reseal(tx, new.id(), hash_key).await?;
    Ok(Rotation { from: old.id(), to: new.id(), values: values + 1, left: None })
}

/// Leaves only the store's current key in the key file, if it is there: any other is from a rotation that has ended
/// or was killed. Waits for a rotation that the database does not show as ended yet.
pub(crate) async fn settle(database: &Database, writing: &Writing) -> Result<()> {
    let mut tx = database.write().await?;
    let settled = leave_one(&mut tx, writing).await;
    tx.end(settled).await
}

/// Does the same after a killed rotation, if no other program is changing the key file. Errors are ignored: the keys
/// in the file still decrypt everything.
pub(crate) async fn clean_up(database: &Database, store: &StoreId) {
    let left = database.vault.known().ids_of(store).len() > 1;
    if left && let Ok(Some(writing)) = Writing::try_begin(database.vault.path()) {
        let _ = settle(database, &writing).await;
    }
}

async fn leave_one(tx: &mut Tx, writing: &Writing) -> Result<()> {
    let Some(row) = identity::seize(tx).await? else {
        return Ok(());
    };
    let ids = tx.vault.read()?.ids_of(&row.store);
    if ids.len() > 1 && ids.contains(&row.key_id) {
        writing.change(|file| file.with_only(&row.store, row.key_id))?;
        tx.vault.read()?;
    }
    Ok(())
}
