//! Opens a PostgreSQL database.

use crate::{
    contents::take_out_contents,
    db::{Database, Db, Result},
    error::StoreError,
    lock_backend::LockBackend,
    schema::{self, Schema},
    url::PostgresUrl,
    vault::Vault,
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The longest a healthy server takes to answer.
const MOMENT: Duration = Duration::from_secs(1);

/// The timeout for a server's answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Timeouts for waiting and idling, so that a client that is gone does not block a team.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];

/// Opens the database, migrating an empty or older one.
pub(crate) async fn open(url: &PostgresUrl, vault: Arc<Vault>) -> Result<Database> {
    let place = url.to_string();
    let failed = |error| StoreError::of(&place, error);
    let options = url
        .with_password()
        .parse::<PgConnectOptions>()
        .map_err(failed)?
        .application_name("devarch")
        .options(SETTINGS);
    let pool =
        PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_lazy_with(options.clone());
    let database = Database {
        db: Db::Pg(pool.clone()),
        place: place.as_str().into(),
        lock_backend: LockBackend::sessions(options.clone()),
        vault,
        away: Arc::default(),
    };

    let mut connection = first(&pool, &options).await.map_err(failed)?;
    let found = version(&mut connection).await.map_err(failed)?;
    connection.return_to_pool().await;
    if schema::judge(&MIGRATIONS, found, &place)? == Schema::Older {
        let migrated = MIGRATIONS.run(&pool).await;
        migrated.map_err(|error| StoreError::of(&place, error))?;
        if found > 0 {
            take_out_contents(&database).await?;
        }
    }
    Ok(database)
}

/// Opens the first connection. A pool does not report why it has none yet, so after a moment the server is asked
/// directly.
async fn first(pool: &PgPool, options: &PgConnectOptions) -> sqlx::Result<PoolConnection<Postgres>> {
    if let Ok(connection) = timeout(MOMENT, pool.acquire()).await {
        return connection;
    }
    let asked = timeout(PATIENCE, options.connect()).await;
    let connection = asked.unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))?;
    connection.close().await?;
    pool.acquire().await
}

/// Returns the newest migration that was run; 0 if there is none.
async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    const UNDEFINED_TABLE: &str = "42P01";
    let newest: sqlx::Result<Option<i64>> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await;
    match newest {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => Ok(0),
        other => other.map(Option::unwrap_or_default),
    }
}
