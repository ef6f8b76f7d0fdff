//! Gives a copied store an identity of its own; part of [`Store`].

use crate::{
    db::{Result, Tx, execute},
    identity,
    store::Store,
    vault::{CannotOpen, Writing},
};
use devarch_core::id::StoreId;
use uuid::Uuid;

/// Records that are only valid in the store that created the objects on an engine.
const FORGOTTEN: [&str; 8] = [
    "DELETE FROM objects",
    "DELETE FROM applied",
    "DELETE FROM applies",
    "DELETE FROM plans",
    "DELETE FROM locks",
    "DELETE FROM kept_volumes",
    "DELETE FROM ports",
    "UPDATE stacks SET host = NULL, engine_kind = NULL, engine_id = NULL, engine_endpoint = NULL, \
     subnet = NULL, unrecorded = (1 = 0), revision = revision + 1",
];

impl Store {
    /// Gives this store, a copy of another, a new identity: it no longer owns the objects the other created on
    /// engines. Definitions and secrets are kept; host ports and the applied state are deleted.
    ///
    /// If interrupted, it has happened or not, and can be repeated.
    pub async fn renew(&self) -> Result<StoreId> {
        let writing = Writing::begin(self.database.vault.path()).await?;
        let mut tx = self.database.edit().await?;
        let renewed = renew(&mut tx, &writing).await;
        tx.end(renewed).await
    }
}

async fn renew(tx: &mut Tx, writing: &Writing) -> Result<StoreId> {
    let row = identity::seize(tx).await?.ok_or(CannotOpen::Damaged)?;
    let key = tx.key(row.key_id)?;
    let id = StoreId::new(Uuid::new_v4().to_string());
    // A key is looked up by its own id: if the rest fails, it still decrypts everything.
    writing.change(|file| file.with(&id, &key))?;
    execute!(tx, "UPDATE identity SET store_id = $1", id.as_str())?;
    for statement in FORGOTTEN {
        execute!(tx, statement)?;
    }
    Ok(id)
}
