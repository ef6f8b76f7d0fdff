//! The two databases behind one set of queries.
//!
//! [`fetch!`], [`execute!`] and [`fetch_one!`] run one SQL text on whichever database a [`Tx`] belongs to.

use crate::{
    error::StoreError,
    identity,
    lock_backend::LockBackend,
    vault::{CannotOpen, Decryptor, Key, KeyId, Place, Vault},
};
use sqlx::{Executor as _, PgPool, Postgres, Sqlite, SqlitePool, pool::PoolConnection};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The result type of this crate.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// An error for a column whose value does not parse.
pub(crate) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// A connection pool for either database.
#[derive(Clone)]
pub(crate) enum Db {
    Lite(SqlitePool),
    Pg(PgPool),
}

/// A database and its name in messages.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) db: Db,
    pub(crate) place: Arc<str>,
    pub(crate) lock_backend: LockBackend,
    pub(crate) vault: Arc<Vault>,
    /// Whether the server did not answer last time.
    pub(crate) away: Arc<AtomicBool>,
}

/// The timeout for a server that did not answer last time. For one that did, only the pool's timeout applies.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// A transaction on either database. [`Tx::end`] ends it; if it is dropped before that, its connection is closed,
/// which rolls it back.
///
/// The driver's own transaction is not used: it returns its connection asynchronously, so that the next query opens
/// another one meanwhile, which takes longer than most queries here.
pub(crate) struct Tx {
    pub(crate) conn: Conn,
    pub(crate) place: Arc<str>,
    pub(crate) vault: Arc<Vault>,
    decryptor: Decryptor,
    sealing: Option<Arc<Key>>,
    active: Option<KeyId>,
}

pub(crate) enum Conn {
    Lite(PoolConnection<Sqlite>),
    Pg(PoolConnection<Postgres>),
}

impl Database {
    /// Begins a transaction that reads one snapshot of the database.
    pub(crate) async fn read(&self) -> Result<Tx> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
    }

    /// Begins a transaction that writes rows no other process writes. SQLite has one writer at a time and must know
    /// at the start: upgrading from reader to writer fails at once if another writer was faster, whatever the
    /// timeout.
    pub(crate) async fn write(&self) -> Result<Tx> {
        self.begin("BEGIN IMMEDIATE", "BEGIN").await
    }

    /// Begins a transaction that writes rows no other process writes and does not wait for the disk. (On SQLite no
    /// write does.)
    pub(crate) async fn journal(&self) -> Result<Tx> {
        self.begin("BEGIN IMMEDIATE", "BEGIN; SET LOCAL synchronous_commit = off").await
    }

    /// Begins a transaction that edits stacks. Both databases run one of them at a time, so that what it compares
    /// itself with stays true until it ends.
    pub(crate) async fn edit(&self) -> Result<Tx> {
        let mut tx = self.write().await?;
        if matches!(self.db, Db::Pg(_)) {
            execute!(&mut tx, "LOCK TABLE stacks IN SHARE ROW EXCLUSIVE MODE")?;
        }
        Ok(tx)
    }

    /// Closes the pool.
    pub(crate) async fn close(&self) {
        match &self.db {
            Db::Lite(pool) => pool.close().await,
            Db::Pg(pool) => pool.close().await,
        }
    }

    async fn reach(&self, pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
        let reached = if self.away.load(Ordering::Relaxed) {
            let asked = timeout(MOMENT, pool.acquire()).await;
            asked.unwrap_or(Err(sqlx::Error::PoolTimedOut))
        } else {
            pool.acquire().await
        };
        self.away.store(reached.is_err(), Ordering::Relaxed);
        reached
    }

    async fn begin(&self, lite: &'static str, pg: &'static str) -> Result<Tx> {
        let (conn, begin) = match &self.db {
            Db::Lite(pool) => (pool.acquire().await.map(Conn::Lite), lite),
            Db::Pg(pool) => (self.reach(pool).await.map(Conn::Pg), pg),
        };
        let mut conn = conn.map_err(|error| StoreError::of(&self.place, error))?;
        match &mut conn {
            Conn::Lite(conn) => conn.close_on_drop(),
            Conn::Pg(conn) => conn.close_on_drop(),
        }
        let mut tx = Tx {
            conn,
            place: Arc::clone(&self.place),
            vault: Arc::clone(&self.vault),
            decryptor: self.vault.decryptor(),
            sealing: None,
            active: None,
        };
        tx.say(begin).await?;
        Ok(tx)
    }
}

impl Tx {
    /// Ends the transaction: commits it if `outcome` is `Ok`, otherwise rolls it back.
    pub(crate) async fn end<T>(mut self, outcome: Result<T>) -> Result<T> {
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match (outcome, self.say(end).await) {
            (outcome, Ok(())) => {
                self.release().await;
                outcome
            }
            (Ok(_), Err(error)) | (Err(error), Err(_)) => Err(error),
        }
    }

    /// Loads the store's key for encryption and keeps it current until the transaction ends. To be called before
    /// anything is written: a key rotation then waits for these rows.
    pub(crate) async fn hold_key(&mut self) -> Result<()> {
        if self.sealing.is_none() {
            let identity = identity::hold(self).await?;
            self.sealing = Some(self.decryptor.key(identity.key_id)?);
        }
        Ok(())
    }

    /// Encrypts a value for its place.
    pub(crate) async fn seal(&mut self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        self.hold_key().await?;
        let key = self.sealing.as_ref().ok_or(CannotOpen::Damaged)?;
        Ok(key.seal(place, plain)?)
    }

    /// Decrypts a value that was encrypted for that place.
    pub(crate) async fn open(
        &mut self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<std::result::Result<Zeroizing<Vec<u8>>, CannotOpen>> {
        let opened = self.decryptor.open(place, sealed);
        let Err(CannotOpen::NoKey { needs, .. } | CannotOpen::WrongKey { needs, .. }) = opened else {
            return Ok(opened);
        };
        // A store has one key for everything: a value that names another was tampered with.
        if self.active.is_none() {
            self.active = identity::load(self).await?.map(|identity| identity.key_id);
        }
        Ok(if self.active == Some(needs) { opened } else { Err(CannotOpen::Damaged) })
    }

    /// Returns the key with this id.
    pub(crate) fn key(&mut self, id: KeyId) -> std::result::Result<Arc<Key>, CannotOpen> {
        self.decryptor.key(id)
    }

    /// Returns an error for rows that do not parse.
    pub(crate) fn damaged(&self, source: Unreadable) -> StoreError {
        StoreError::damaged(&self.place, source)
    }

    async fn say(&mut self, statement: &'static str) -> Result<()> {
        on!(self, |conn| conn.execute(statement), |_| ())
    }

    async fn release(mut self) {
        match &mut self.conn {
            Conn::Lite(conn) => conn.return_to_pool().await,
            Conn::Pg(conn) => conn.return_to_pool().await,
        }
    }
}

/// Runs one query on the transaction's connection, on either database; `$then` handles its result.
macro_rules! on {
    ($tx:expr, |$conn:ident| $query:expr, $then:expr) => {{
        let tx: &mut $crate::db::Tx = $tx;
        match &mut tx.conn {
            $crate::db::Conn::Lite(lite) => {
                let $conn = &mut **lite;
                $query.await.map($then)
            }
            $crate::db::Conn::Pg(pg) => {
                let $conn = &mut **pg;
                $query.await.map($then)
            }
        }
        .map_err(|error| $crate::error::StoreError::of(&tx.place, error))
    }};
}

/// `execute!(tx, SQL, values...)`: returns the number of changed rows.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!(
            $tx,
            |conn| sqlx::query($sql)$(.bind($value))*.execute(conn),
            |done| done.rows_affected()
        )
    };
}

/// `fetch!(tx, SQL, values...)`: returns all rows as a `Vec` of a `FromRow` type.
macro_rules! fetch {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!($tx, |conn| sqlx::query_as($sql)$(.bind($value))*.fetch_all(conn), |rows| rows)
    };
}

/// `fetch_one!(tx, SQL, values...)`: returns the row, if there is one.
macro_rules! fetch_one {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!($tx, |conn| sqlx::query_as($sql)$(.bind($value))*.fetch_optional(conn), |row| row)
    };
}

pub(crate) use {execute, fetch, fetch_one, on};
