//! Stack locks in PostgreSQL: advisory locks, each held by a session of its own.
//!
//! <https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>

use crate::{
    db::{Result, Tx, fetch_one},
    error::{LockError, StoreError},
    postgres::PATIENCE,
};
use devarch_core::id::StackId;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::time::timeout;
use uuid::Uuid;

/// A machine that vanished is detected within a minute; without these settings, after hours.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")];

/// A session that holds one lock, or is about to.
pub(crate) struct Session {
    connection: PgConnection,
    backend: i32,
}

impl Session {
    /// Opens a session and verifies that no pooler shares it.
    pub(crate) async fn open(options: &PgConnectOptions, place: &str) -> Result<Self> {
        let opened = timeout(PATIENCE, connect(options)).await;
        let opened = opened.unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())));
        let session = opened.map_err(|error| StoreError::of(place, error))?;
        session.ok_or_else(|| LockError::Pooler { place: place.to_owned() }.into())
    }

    /// Tries to take the lock; returns whether it succeeded.
    pub(crate) async fn try_take(&mut self, stack: &StackId, fence: i64) -> sqlx::Result<bool> {
        sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext($1), $2::bigint::int4)")
            .bind(stack.as_str())
            .bind(fence)
            .fetch_one(&mut self.connection)
            .await
    }

    /// Returns the server process of this session.
    pub(crate) fn backend(&self) -> i32 {
        self.backend
    }

    /// Ends the session and waits until its lock is free. If that fails, the server frees the lock when it detects
    /// the closed connection.
    pub(crate) async fn end(mut self) {
        let freed = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut self.connection).await;
        if freed.is_ok() {
            let _ = self.connection.close().await;
        }
    }
}

/// Returns whether the server considers that process's session the lock's holder. Asked on another connection,
/// because the server's view is what keeps others out.
pub(crate) async fn holds(tx: &mut Tx, stack: &StackId, fence: i64, backend: i32) -> Result<bool> {
    Ok(holder(tx, stack, fence).await? == Some(backend))
}

/// Returns whether any session holds the lock.
pub(crate) async fn is_held(tx: &mut Tx, stack: &StackId, fence: i64) -> Result<bool> {
    Ok(holder(tx, stack, fence).await?.is_some())
}

/// Returns the process id of the session that holds the lock.
async fn holder(tx: &mut Tx, stack: &StackId, fence: i64) -> Result<Option<i32>> {
    let row: Option<(i32,)> = fetch_one!(
        tx,
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND classid = hashtext($1)::oid AND objid = $2::bigint::int4::oid",
        stack.as_str(),
        fence,
    )?;
    Ok(row.map(|(backend,)| backend))
}

/// Opens a session; `None` if its settings are not those this program connected with.
///
/// A pooler starts its sessions itself. A name generated for this connection is sent in the startup message, so the
/// session knows it only if that message reached the server, and then no other program shares the session. The
/// setting's source shows that it came from the startup message, rather than from a pooler that replays its client's
/// settings later.
async fn connect(options: &PgConnectOptions) -> sqlx::Result<Option<Session>> {
    let name = Uuid::new_v4().to_string();
    let options = options.clone().options(KEEPALIVE).options([("devarch.session", &name)]);
    let mut connection = options.connect().await?;
    // As a simple query, which every pooler passes on.
    let told = sqlx::raw_sql(
        "SELECT pg_backend_pid(), current_setting('devarch.session', true), \
         (SELECT source FROM pg_settings WHERE name = 'tcp_keepalives_count')",
    )
    .fetch_one(&mut connection)
    .await?;
    let backend = told.try_get(0)?;
    let ours = told.try_get::<Option<String>, _>(1)? == Some(name)
        && told.try_get::<Option<String>, _>(2)?.as_deref() == Some("client");
    if !ours {
        connection.close().await?;
        return Ok(None);
    }
    // It idles while the engine works. Servers before 14 do not know the setting.
    sqlx::query("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
        .execute(&mut connection)
        .await?;
    Ok(Some(Session { connection, backend }))
}
