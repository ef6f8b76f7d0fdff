//! The two databases behind one set of queries.
//!
//! [`fetch!`], [`execute!`] and [`fetch_one!`] run one SQL text on whichever database a [`Tx`] belongs to.

use crate::error::StoreError;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::sync::Arc;

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
}

/// A transaction on either. Dropped without [`Tx::commit`] it leaves nothing behind.
pub(crate) struct Tx {
    pub(crate) conn: Conn,
    pub(crate) place: Arc<str>,
}

pub(crate) enum Conn {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Database {
    /// A transaction that sees one state of the database, whatever others write meanwhile.
    pub(crate) async fn read(&self) -> Result<Tx> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
    }

    /// A transaction that writes rows nobody else writes. SQLite has one writer at a time: it must say so at the
    /// start, because a reader that becomes a writer fails when another was quicker, however long it would wait.
    pub(crate) async fn write(&self) -> Result<Tx> {
        self.begin("BEGIN IMMEDIATE", "BEGIN").await
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

    async fn begin(&self, lite: &'static str, pg: &'static str) -> Result<Tx> {
        let conn = match &self.db {
            Db::Lite(pool) => pool.begin_with(lite).await.map(Conn::Lite),
            Db::Pg(pool) => pool.begin_with(pg).await.map(Conn::Pg),
        };
        Ok(Tx {
            conn: conn.map_err(|error| StoreError::of(&self.place, error))?,
            place: Arc::clone(&self.place),
        })
    }
}

impl Tx {
    /// Makes what was written visible, all at once.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.conn {
            Conn::Lite(tx) => tx.commit().await,
            Conn::Pg(tx) => tx.commit().await,
        }
        .map_err(|error| StoreError::of(&self.place, error))
    }

    /// An error for rows that don't parse.
    pub(crate) fn damaged(&self, source: Unreadable) -> StoreError {
        StoreError::damaged(&self.place, source)
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
