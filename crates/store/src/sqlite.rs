//! Opens an SQLite database. Every command does this, so it does as little as possible if the schema is current.

use crate::{
    contents::take_out_contents,
    db::{Database, Db, Result},
    error::{OpeningError, StoreError},
    lock_backend::LockBackend,
    place::{self, Gate},
    schema::{self, Schema},
    vault::Vault,
};
use sqlx::{
    AssertSqlSafe, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, sync::Arc, time::Duration};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a writer waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the database, creating it if it is missing and migrating it if it is older.
pub(crate) async fn open(path: &Path, vault: Arc<Vault>) -> Result<Database> {
    let there = place::prepare(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        // Deleted data is overwritten: it may have been a secret before it was marked as one.
        .pragma("secure_delete", "ON");
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let database = Database {
        db: Db::Lite(pool.clone()),
        place: path.display().to_string().into(),
        lock_backend: LockBackend::files(path),
        vault,
        away: Arc::default(),
    };
    let failed = |error| StoreError::of(&database.place, error);

    if !there {
        // Another process that finds the file waits until it is a database.
        let _gate = Gate::exclusive(path).await?;
        if place::make_file(path)? {
            migrate(options).await.map_err(failed)?;
            mark(&pool).await.map_err(failed)?;
            return Ok(database);
        }
    }
    let gate = Gate::shared(path).await?;
    let found = version(&pool).await.map_err(failed)?;
    drop(gate);
    if schema::judge(&MIGRATIONS, found, &database.place)? == Schema::Older {
        let _gate = Gate::exclusive(path).await?;
        if found == 0 {
            refuse_emptied(path, &pool, &database).await?;
        }
        migrate(options).await.map_err(failed)?;
        if found > 0 {
            take_out_contents(&database).await?;
        }
        mark(&pool).await.map_err(failed)?;
    }
    Ok(database)
}

/// Rejects an empty database next to the keys of a store: that store was lost, and would silently be replaced.
async fn refuse_emptied(path: &Path, pool: &SqlitePool, database: &Database) -> Result<()> {
    let failed = |error| StoreError::of(&database.place, error);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let tables: sqlx::Result<i64> =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut *connection).await;
    connection.return_to_pool().await;
    if tables.map_err(failed)? > 0 || database.vault.read()?.ids().is_empty() {
        return Ok(());
    }
    Err(OpeningError::Emptied { path: path.to_owned(), key_file: database.vault.path().to_owned() }.into())
}

/// The schema's version is in the file's header, where it is read fastest.
async fn version(pool: &SqlitePool) -> sqlx::Result<i64> {
    let mut connection = pool.acquire().await?;
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    connection.return_to_pool().await;
    Ok(version)
}

/// Migrates the schema. The journal mode is stored in the file; changing it is safe only while no other process opens
/// the database.
async fn migrate(options: SqliteConnectOptions) -> sqlx::Result<()> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options.journal_mode(SqliteJournalMode::Wal))
        .await?;
    MIGRATIONS.run(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Marks the schema as the newest. If killed before that, the next program that opens the database migrates again.
async fn mark(pool: &SqlitePool) -> sqlx::Result<()> {
    let version = schema::known(&MIGRATIONS);
    sqlx::query(AssertSqlSafe(format!("PRAGMA user_version = {version}"))).execute(pool).await?;
    Ok(())
}
