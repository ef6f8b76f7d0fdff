//! Who a store is. Table `identity`, one row.

use crate::db::{Database, Result, Tx, execute, fetch_one};
use devarch_core::id::StoreId;
use std::fmt;
use uuid::Uuid;

/// A store's own values, made when they are first needed and never changed by DevArch.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreIdentity {
    /// The objects it owns on engines carry it.
    pub id: StoreId,
    /// The key of its config hashes and the salt of its choices.
    pub hash_key: [u8; 32],
}

impl fmt::Debug for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreIdentity").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reads the identity, making it where there is none yet.
pub(crate) async fn get(database: &Database) -> Result<StoreIdentity> {
    let mut tx = database.read().await?;
    let found = read(&mut tx).await;
    if let Some(identity) = tx.end(found).await? {
        return Ok(identity);
    }
    let mut tx = database.write().await?;
    let made = make(&mut tx).await;
    tx.end(made).await
}

/// Makes it, unless somebody was first.
async fn make(tx: &mut Tx) -> Result<StoreIdentity> {
    // Two random UUIDs: 244 bits from the operating system.
    let key = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    execute!(
        tx,
        "INSERT INTO identity (one, store_id, hash_key) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING",
        Uuid::now_v7().to_string(),
        key.concat(),
    )?;
    let made = read(tx).await?;
    made.ok_or_else(|| tx.damaged("its identity can't be read".into()))
}

async fn read(tx: &mut Tx) -> Result<Option<StoreIdentity>> {
    let row: Option<(String, Vec<u8>)> = fetch_one!(tx, "SELECT store_id, hash_key FROM identity")?;
    Ok(row.and_then(|(id, key)| Some(StoreIdentity { id: StoreId::new(id), hash_key: key.try_into().ok()? })))
}
