//! Who a store is. Table `identity`, one row.

use crate::{
    db::{Database, Result, Tx, execute, fetch_one},
    error::StoreError,
};
use devarch_core::id::StoreId;
use std::fmt;

/// A store's own values, made when it is first opened and never changed by DevArch.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreIdentity {
    /// The objects it owns on engines carry it.
    pub id: StoreId,
    /// The key of its config hashes and the salt of its choices.
    pub hash_key: [u8; 32],
}

impl fmt::Debug for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreIdentity")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Makes the identity unless there is one.
pub(crate) async fn make(database: &Database) -> Result<()> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| StoreError::damaged(&database.place, error))?;
    let mut tx = database.write().await?;
    execute!(
        &mut tx,
        "INSERT INTO identity (one, store_id, hash_key) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING",
        uuid::Uuid::now_v7().to_string(),
        key.to_vec(),
    )?;
    tx.commit().await
}

/// Reads it.
pub(crate) async fn read(tx: &mut Tx) -> Result<StoreIdentity> {
    let row: Option<(String, Vec<u8>)> = fetch_one!(tx, "SELECT store_id, hash_key FROM identity")?;
    let identity = row.and_then(|(id, key)| {
        Some(StoreIdentity {
            id: StoreId::new(id),
            hash_key: key.try_into().ok()?,
        })
    });
    identity.ok_or_else(|| tx.damaged("it has no identity".into()))
}
