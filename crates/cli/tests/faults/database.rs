//! A store that refuses all writes from a chosen moment until it is repaired.

use crate::common::{Sandbox, postgres::Postgres};
use devarch_testkit::proxy::Cable;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;

/// The sandbox's store, and how it is broken.
pub(crate) enum Database {
    /// The home's SQLite file.
    Sqlite {
        /// Its URL.
        url: String,
    },
    /// A separate database on the test server; dropped with it.
    Postgres {
        /// The database.
        _own: Postgres,
        /// The connection of a faulty run; replaced for each run, because a pulled cable stays pulled.
        cable: Arc<Mutex<Option<Cable>>>,
    },
}

impl Database {
    /// The home's SQLite file.
    pub(crate) fn sqlite(sandbox: &Sandbox) -> Self {
        Self::Sqlite { url: sandbox.database() }
    }

    /// A new database for the sandbox; `None` without a server.
    pub(crate) fn postgres(sandbox: &mut Sandbox) -> Option<Self> {
        Some(Self::Postgres { _own: Postgres::create(sandbox)?, cable: Arc::default() })
    }

    /// The URL for a run that may break the connection.
    pub(crate) fn breakable(&self, sandbox: &Sandbox) -> String {
        let Self::Postgres { cable, .. } = self else { return sandbox.database() };
        let url = sandbox.database();
        let (before, rest) = url.split_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let new = sandbox.wait(Cable::to(server.to_owned()));
        let through = format!("{before}@{}/{name}", new.address());
        *cable.lock().unwrap() = Some(new);
        through
    }

    /// Returns a function that breaks the store: SQLite refuses every write as if the disk were full, PostgreSQL
    /// becomes unreachable.
    pub(crate) fn breaker(&self) -> Arc<dyn Fn() + Send + Sync> {
        match self {
            Self::Sqlite { url } => {
                let url = url.clone();
                Arc::new(move || Handle::current().block_on(refuse_writes(&url)))
            }
            Self::Postgres { cable, .. } => {
                let cable = Arc::clone(cable);
                Arc::new(move || {
                    if let Some(cable) = cable.lock().unwrap().as_ref() {
                        cable.pull();
                    }
                })
            }
        }
    }

    /// Undoes the break.
    pub(crate) fn repair(&self, sandbox: &Sandbox) {
        if let Self::Sqlite { url } = self {
            sandbox.wait(accept_writes(url));
        }
    }
}

/// Triggers rather than a lock: with a lock, each writer would wait for many seconds before it fails.
async fn refuse_writes(url: &str) {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
    let trigger = |table: &String, write: &str| {
        format!(
            "CREATE TRIGGER broken_{table}_{write} BEFORE {write} ON {table} \
             BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END;"
        )
    };
    let triggers_for = |table| ["INSERT", "UPDATE", "DELETE"].map(|write| trigger(table, write)).concat();
    let triggers: String = tables.iter().map(triggers_for).collect();
    connection.execute(AssertSqlSafe(format!("BEGIN IMMEDIATE; {triggers} COMMIT"))).await.unwrap();
    connection.close().await.unwrap();
}

async fn accept_writes(url: &str) {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'broken_%'";
    let triggers: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
    for trigger in triggers {
        connection.execute(AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).await.unwrap();
    }
    connection.close().await.unwrap();
}
