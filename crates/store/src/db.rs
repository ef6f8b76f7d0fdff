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

/// Every result here.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// What a column holds does not parse.
pub(crate) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// The pool of one of the two.
#[derive(Clone)]
pub(crate) enum Db {
    Lite(SqlitePool),
    Pg(PgPool),
}

/// A database and how it is called in messages.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) db: Db,
    pub(crate) place: Arc<str>,
    pub(crate) lock_backend: LockBackend,
    pub(crate) vault: Arc<Vault>,
    /// Whether its server did not answer the last time.
    pub(crate) away: Arc<AtomicBool>,
}

/// How long a server that did not answer the last time may take. One that does is only waited for by its pool.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// A transaction on either. It ends with [`Tx::end`]; dropped before that, its connection is closed, so that the
/// database forgets what it did.
///
/// Not the driver's own transaction: that one hands its connection back behind the scenes, and what comes next opens
/// another meanwhile, which takes longer than most of what is done here.
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
    /// A transaction that sees one state of the database, whatever others write meanwhile.
    pub(crate) async fn read(&self) -> Result<Tx> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
    }

    /// A transaction that writes rows nobody else writes. SQLite has one writer at a time: it must say so at the
    /// start, because a reader that becomes a writer fails when another was quicker, however long it would wait.
    pub(crate) async fn write(&self) -> Result<Tx> {
        self.begin("BEGIN IMMEDIATE", "BEGIN").await
    }

    /// A transaction that writes rows nobody else writes, and does not wait until they are on the disk. (On SQLite no
    /// write does.)
    pub(crate) async fn journal(&self) -> Result<Tx> {
        self.begin("BEGIN IMMEDIATE", "BEGIN; SET LOCAL synchronous_commit = off").await
    }

    /// A transaction that edits stacks. On both databases there is one of them at a time, so that what it compares
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
    /// Ends the transaction: if what was done in it came to a result it becomes visible, all at once; if it failed,
    /// nothing of it was.
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

    /// Makes ready to seal: gets the store's key, and keeps it the store's key until the transaction ends. To be done
    /// before anything is written: who rotates the key holds it, and waits for the rows.
    pub(crate) async fn hold_key(&mut self) -> Result<()> {
        if self.sealing.is_none() {
            let identity = identity::hold(self).await?;
            self.sealing = Some(self.decryptor.key(identity.key_id)?);
        }
        Ok(())
    }

    /// Seals a value for its place.
    pub(crate) async fn seal(&mut self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        self.hold_key().await?;
        let key = self.sealing.as_ref().ok_or(CannotOpen::Damaged)?;
        Ok(key.seal(place, plain)?)
    }

    /// Opens a value that was sealed for that place.
    pub(crate) async fn open(
        &mut self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<std::result::Result<Zeroizing<Vec<u8>>, CannotOpen>> {
        let opened = self.decryptor.open(place, sealed);
        let Err(CannotOpen::NoKey { needs, .. } | CannotOpen::WrongKey { needs, .. }) = opened else {
            return Ok(opened);
        };
        // All of a store is sealed with one key: what claims another was changed.
        if self.active.is_none() {
            self.active = identity::load(self).await?.map(|identity| identity.key_id);
        }
        Ok(if self.active == Some(needs) { opened } else { Err(CannotOpen::Damaged) })
    }

    /// The key of that id.
    pub(crate) fn key(&mut self, id: KeyId) -> std::result::Result<Arc<Key>, CannotOpen> {
        self.decryptor.key(id)
    }

    /// An error for rows that don't parse.
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

/// Runs one query on the transaction's connection, on either database; `$then` is what becomes of its result.
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

/// `execute!(tx, SQL, values...)`: how many rows it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!(
            $tx,
            |conn| sqlx::query($sql)$(.bind($value))*.execute(conn),
            |done| done.rows_affected()
        )
    };
}

/// `fetch!(tx, SQL, values...)`: all rows, as a `Vec` of something that is `FromRow`.
macro_rules! fetch {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!($tx, |conn| sqlx::query_as($sql)$(.bind($value))*.fetch_all(conn), |rows| rows)
    };
}

/// `fetch_one!(tx, SQL, values...)`: the row, if there is one.
macro_rules! fetch_one {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::db::on!($tx, |conn| sqlx::query_as($sql)$(.bind($value))*.fetch_optional(conn), |row| row)
    };
}

pub(crate) use {execute, fetch, fetch_one, on};
