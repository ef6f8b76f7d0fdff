//! The key of the store's secrets, changed and carried: a part of the store's interface.
//!
//! The database says which key it is sealed with, the key file has it. A rotation has both keys in the file until the
//! database has the new one for sure; whenever it is killed, the key of the database is there. What it left is removed by
//! the next who opens the store.

use crate::{
    db::{Database, Result, Tx},
    error::KeyError,
    identity, sealed,
    store::Store,
    vault::{CannotOpen, Key, KeyId, Writing, open_key, seal_key},
};
use devarch_core::id::StoreId;
use std::sync::Arc;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key before.
    pub from: KeyId,
    /// The key now.
    pub to: KeyId,
    /// How many values were sealed anew.
    pub values: usize,
    /// Why the key before is still in the key file, where it could not be removed: the next who opens the store does.
    pub left: Option<String>,
}

impl Store {
    /// Gives the store a new key, and seals with it all that is sealed, at once; refused where any of that can't be
    /// opened. Who writes secrets meanwhile waits. The old key opens nothing any more but copies of the database.
    pub async fn rotate_key(&self) -> Result<Rotation> {
        self.identity().await?.hash_key?;
        let writing = Writing::begin(self.database.vault.path()).await?;
        let new = Arc::new(Key::generate()?);
        let mut tx = self.database.edit().await?;
        let rotated = rotate(&mut tx, &writing, &new).await;
        let failed = rotated.is_err();
        let rotated = tx.end(rotated).await;
        if failed {
            // It was never used. Where the file can't be written, the next who opens the store removes it.
            let _ = writing.change(|file| file.without(new.id()));
        }
        let rotated = rotated?;
        // It is done, whatever keeps the old key from being removed.
        let left = settle(&self.database, &writing).await.err().map(|error| error.to_string());
        Ok(Rotation { left, ..rotated })
    }

    /// The store's key as a text that opens with that passphrase.
    pub async fn export_key(&self, passphrase: &str) -> Result<String> {
        let (store, key) = self.needed_key().await?;
        let key = self.database.vault.decryptor().key(key)?;
        Ok(seal_key(&store, &key, passphrase)?)
    }

    /// Takes an exported key into the key file, if it is the one the store needs; says whether it was not there yet.
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

    /// Who the store is, and the key it needs.
    async fn needed_key(&self) -> Result<(StoreId, KeyId)> {
        let identity = self.identity().await?;
        let mut tx = self.database.read().await?;
        let row = identity::load(&mut tx).await;
        let row = tx.end(row).await?;
        let key = row.map(|row| row.key_id).ok_or(CannotOpen::Damaged)?;
        Ok((identity.id, key))
    }
}

/// Seals everything with the new key, which is in the key file before the first value is.
async fn rotate(tx: &mut Tx, writing: &Writing, new: &Arc<Key>) -> Result<Rotation> {
    // In this order: who seals holds the identity first, and then writes.
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

/// Leaves in the key file the one key the store is sealed with, if it is there: what else it had is a rotation's that has
/// ended or was killed. Waits for one whose end the database has yet to see.
pub(crate) async fn settle(database: &Database, writing: &Writing) -> Result<()> {
    let mut tx = database.write().await?;
    let settled = leave_one(&mut tx, writing).await;
    tx.end(settled).await
}

/// The same where a rotation was killed, if nobody changes the key file now. Whatever keeps it from being done, what is in
/// the file still opens everything.
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
