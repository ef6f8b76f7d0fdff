//! A new key where the old one is lost for good: a part of the store's interface.
//!
//! The new key is in the key file before the one transaction ends in which everything is sealed with it: cut off anywhere,
//! the reset has happened or not, and can be done again.

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

/// What goes, or is no longer true, with the key of hashes.
const GIVEN_UP: [&str; 2] = [
    "DELETE FROM plans WHERE applied_by IS NULL",
    // Whoever read a stack before reads it again.
    "UPDATE stacks SET revision = revision + 1",
];

impl Store {
    /// Why the store's own key can't be read, if nothing but a copy of its key could help; an error where the key is there,
    /// or may be.
    pub async fn lost_key(&self) -> Result<CannotOpen> {
        match self.identity().await?.hash_key {
            Ok(_) => Err(KeyError::KeyThere.into()),
            Err(CannotOpen::KeyFile(trouble)) => Err(trouble.into()),
            // It has to be moved away first: it is not written over.
            Err(_) if self.database.vault.known().is_other() => {
                Err(KeyFileError::NotKeys { path: self.database.vault.path().to_owned() }.into())
            }
            Err(lost) => Ok(lost),
        }
    }

    /// Gives the store a new key, and a new key of hashes, where the old ones can't be read; and gives up what was sealed
    /// with them. Secrets that are kept for their own sake get the values in `remade`, where each has to be named; in
    /// definitions they are marked as given up. Who made the objects on engines stays known.
    pub async fn reset_key(&self, remade: &Remade) -> Result<KeyId> {
        self.lost_key().await?;
        let writing = Writing::begin(self.database.vault.path()).await?;
        let new = Arc::new(Key::generate()?);
        let mut tx = self.database.edit().await?;
        let reset = reset(&mut tx, &writing, &new, remade).await;
        tx.end(reset).await?;
        // What a reset that was killed left in the key file opens nothing; the next who opens the store tries again.
        let _ = keys::settle(&self.database, &writing).await;
        Ok(new.id())
    }
}

async fn reset(tx: &mut Tx, writing: &Writing, new: &Arc<Key>, remade: &Remade) -> Result<()> {
    // In this order: who seals holds the identity first, and then writes.
    let row = identity::seize(tx).await?.ok_or(CannotOpen::Damaged)?;
    sealed::seize(tx).await?;
    match tx.open(&identity::HASH_KEY, &row.hash_key).await? {
        // Somebody brought the key back meanwhile.
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
