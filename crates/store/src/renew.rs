//! A copied store as one of its own: a part of the store's interface.

use crate::{
    db::{Result, Tx, execute},
    identity,
    store::Store,
    vault::{CannotOpen, Writing},
};
use devarch_core::id::StoreId;
use uuid::Uuid;

/// What is only true of the store that made the objects on an engine.
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
    /// Makes this store, a copy of another, a new owner of nothing: what the other made on engines is not its own any
    /// more. Definitions and secrets stay; host ports and everything that was applied are forgotten.
    ///
    /// Cut off, it has happened or not, and can be done again.
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
    // A key is found by its own id: should the rest not come to be, it still opens everything.
    writing.change(|file| file.with(&id, &key))?;
    execute!(tx, "UPDATE identity SET store_id = $1", id.as_str())?;
    for statement in FORGOTTEN {
        execute!(tx, statement)?;
    }
    Ok(id)
}
