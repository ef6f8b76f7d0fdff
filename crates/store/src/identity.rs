//! The identity of a store. Table `identity`, one row.

use crate::{
    db::{Conn, Database, Result, Tx, execute, fetch_one},
    keys,
    vault::{CannotOpen, Key, KeyId, Place, Writing},
};
use devarch_core::id::StoreId;
use std::{fmt, sync::Arc};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The place of the hash key.
pub(crate) const HASH_KEY: Place<'_> = Place { table: "identity", column: "hash_key", row: &["1"] };

/// A store's own values, created when first needed and never changed by DevArch.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreIdentity {
    /// The id on the objects it owns on engines.
    pub id: StoreId,
    /// The key of its config hashes and the salt of its random choices, or why it cannot be decrypted.
    pub hash_key: std::result::Result<Zeroizing<[u8; 32]>, CannotOpen>,
}

impl fmt::Debug for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreIdentity").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The table's row.
pub(crate) struct IdentityRow {
    pub(crate) store: StoreId,
    /// The key that everything in the store is encrypted with.
    pub(crate) key_id: KeyId,
    pub(crate) hash_key: Vec<u8>,
}

type Columns = (String, Vec<u8>, Vec<u8>);

/// Reads the identity, creating it if it does not exist.
pub(crate) async fn get(database: &Database) -> Result<StoreIdentity> {
    let mut found = look(database).await?;
    if matches!(&found, Some(identity) if identity.hash_key.is_err()) {
        // A rotation may have ended between reading the row and the key file.
        found = look(database).await?;
    }
    if let Some(identity) = found {
        keys::clean_up(database, &identity.id).await;
        return Ok(identity);
    }
    let mut tx = database.write().await?;
    let made = made(&mut tx).await;
    tx.end(made).await
}

async fn look(database: &Database) -> Result<Option<StoreIdentity>> {
    let mut tx = database.read().await?;
    let found = read(&mut tx).await;
    tx.end(found).await
}

async fn made(tx: &mut Tx) -> Result<StoreIdentity> {
    make(tx).await?;
    let made = read(tx).await?;
    made.ok_or_else(|| tx.damaged("its identity cannot be read".into()))
}

async fn read(tx: &mut Tx) -> Result<Option<StoreIdentity>> {
    let Some(row) = load(tx).await? else {
        return Ok(None);
    };
    let opened = tx.open(&HASH_KEY, &row.hash_key).await?;
    let hash_key = opened.and_then(|key| match key.as_slice().try_into() {
        Ok(key) => Ok(Zeroizing::new(key)),
        Err(_) => Err(CannotOpen::Damaged),
    });
    Ok(Some(StoreIdentity { id: row.store, hash_key }))
}

/// Reads the row, if it exists.
pub(crate) async fn load(tx: &mut Tx) -> Result<Option<IdentityRow>> {
    let row: Option<Columns> = fetch_one!(tx, "SELECT store_id, key_id, hash_key FROM identity")?;
    row.map(|row| parse(tx, row)).transpose()
}

/// Reads the row, creating it if it is missing, and locks it against changes until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx) -> Result<IdentityRow> {
    if let Some(row) = locked(tx, "SELECT store_id, key_id, hash_key FROM identity FOR SHARE").await? {
        return Ok(row);
    }
    make(tx).await?;
    let made = load(tx).await?;
    made.ok_or_else(|| tx.damaged("its identity cannot be read".into()))
}

/// Reads the row, if it exists, and locks it against everyone who encrypts until the transaction ends.
pub(crate) async fn seize(tx: &mut Tx) -> Result<Option<IdentityRow>> {
    locked(tx, "SELECT store_id, key_id, hash_key FROM identity FOR UPDATE").await
}

/// Reads and locks the row. On SQLite a writer is alone anyway.
async fn locked(tx: &mut Tx, postgres: &'static str) -> Result<Option<IdentityRow>> {
    if matches!(tx.conn, Conn::Lite(_)) {
        return load(tx).await;
    }
    let row: Option<Columns> = fetch_one!(tx, postgres)?;
    row.map(|row| parse(tx, row)).transpose()
}

fn parse(tx: &Tx, (store, key, hash_key): Columns) -> Result<IdentityRow> {
    let key: [u8; 8] = key.try_into().map_err(|_| tx.damaged("the id of its key is damaged".into()))?;
    Ok(IdentityRow { store: StoreId::new(store), key_id: KeyId::from_bytes(key), hash_key })
}

/// Creates the row with a new key, unless another process was first.
async fn make(tx: &mut Tx) -> Result<()> {
    let (store, key) = (StoreId::new(Uuid::new_v4().to_string()), Arc::new(Key::generate()?));
    // Any key would do: 256 random bits.
    let hash_key = Key::generate()?;
    let sealed = key.seal(&HASH_KEY, hash_key.bytes())?;
    let path = tx.vault.path().to_owned();
    let writing = Writing::begin(&path).await?;
    writing.change(|file| file.with(&store, &key))?;
    let made = execute!(
        tx,
        "INSERT INTO identity (one, store_id, key_id, hash_key) VALUES (1, $1, $2, $3) \
         ON CONFLICT (one) DO NOTHING",
        store.as_str(),
        key.id().bytes().to_vec(),
        sealed,
    )?;
    if made == 0 {
        writing.change(|file| file.without(key.id()))?;
    }
    Ok(())
}

/// Records the key that everything is encrypted with now.
pub(crate) async fn reseal(tx: &mut Tx, key: KeyId, hash_key: Vec<u8>) -> Result<()> {
    execute!(tx, "UPDATE identity SET key_id = $1, hash_key = $2", key.bytes().to_vec(), hash_key)?;
    Ok(())
}
