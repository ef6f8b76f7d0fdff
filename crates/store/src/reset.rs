//! Replaces a key that is lost for good; part of [`Store`].
//!
//! The new key is in the key file before the transaction that re-encrypts everything with it is committed: if
//! interrupted anywhere, the reset has happened or not, and can be repeated.

use crate::{
    clock::now,
    db::{Result, Tx, execute},
    error::KeyError,
    identity, keys,
    sealed::{self, Remade},
    store::Store,
    vault::{CannotOpen, Key, KeyFileError, KeyId, Writing},
};
use std::sync::Arc;

/// Deletes or invalidates what depends on the hash key.
const GIVEN_UP: [&str; 2] = [
    "DELETE FROM plans WHERE applied_by IS NULL",
    // Anyone who read a stack before has to read it again.
    "UPDATE stacks SET revision = revision + 1",
];

impl Store {
    /// Returns why the store's own key cannot be read, if only a copy of it could help; fails if the key exists, or
    /// may exist.
    pub async fn lost_key(&self) -> Result<CannotOpen> {
        match self.identity().await?.hash_key {
            Ok(_) => Err(KeyError::KeyThere.into()),
            Err(CannotOpen::KeyFile(trouble)) => Err(trouble.into()),
            // That file has to be moved away first: it is not overwritten.
            Err(_) if self.database.vault.known().is_other() => {
                Err(KeyFileError::NotKeys { path: self.database.vault.path().to_owned() }.into())
            }
            Err(lost) => Ok(lost),
        }
    }

    /// Generates a new key and a new hash key for the store if the old ones cannot be read, and discards what was
    /// encrypted with them. Every undecryptable stored secret must be named in `remade`, with its new value; in
    /// definitions, secrets are marked as discarded. The owners of objects on engines are kept.
    pub async fn reset_key(&self, remade: &Remade) -> Result<KeyId> {
        self.lost_key().await?;
        let writing = Writing::begin(self.database.vault.path()).await?;
        let new = Arc::new(Key::generate()?);
        let mut tx = self.database.edit().await?;
        let reset = reset(&mut tx, &writing, &new, remade).await;
        tx.end(reset).await?;
        // The key that a killed reset left in the key file decrypts nothing; the next program that opens the store
        // tries again.
        let _ = keys::settle(&self.database, &writing).await;
        Ok(new.id())
    }
}

async fn reset(tx: &mut Tx, writing: &Writing, new: &Arc<Key>, remade: &Remade) -> Result<()> {
    // In this order, because encrypting locks the identity before it writes.
    let row = identity::seize(tx).await?.ok_or(CannotOpen::Damaged)?;
    sealed::seize(tx).await?;
    match tx.open(&identity::HASH_KEY, &row.hash_key).await? {
        // Another process restored the key meanwhile.
        Ok(_) => return Err(KeyError::KeyThere.into()),
        Err(trouble @ CannotOpen::KeyFile(_)) => return Err(trouble.into()),
        Err(_) => {}
    }
    sealed::give_up(tx, new, remade).await?;
    for (id, _) in remade.iter().filter(|(_, value)| value.is_some()) {
        execute!(tx, "UPDATE secrets SET changed_at = $2 WHERE id = $1", id.as_str(), now())?;
    }
    for statement in GIVEN_UP {
        execute!(tx, statement)?;
    }
    // Any key would do: 256 random bits.
    let hash_key = new.seal(&identity::HASH_KEY, Key::generate()?.bytes())?;
    identity::reseal(tx, new.id(), hash_key).await?;
    writing.change(|file| file.with(&row.store, new))?;
    Ok(())
}
