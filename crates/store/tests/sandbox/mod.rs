//! The sandbox of a test: an empty database of its own, SQLite or PostgreSQL, removed when the test ends.

#![allow(
    dead_code,
    unused_macros,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test binary uses a part of it; a sandbox that cannot be created fails the test"
)]

pub(crate) mod samples;
pub(crate) mod statements;

use devarch_store::{Store, StoreUrl};
use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::{future::Future, panic::AssertUnwindSafe, path::PathBuf};

/// Location of a test's database.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    /// The URL as text, to hand to another process.
    pub(crate) text: String,
    /// The key file.
    pub(crate) key: PathBuf,
}

impl Sandbox {
    /// The sandbox of another process.
    pub(crate) fn at(text: impl Into<String>, key: impl Into<PathBuf>) -> Self {
        Self { text: text.into(), key: key.into() }
    }

    /// The URL.
    pub(crate) fn url(&self) -> StoreUrl {
        self.text.parse().unwrap()
    }

    /// The store as the machine `here` opens it.
    pub(crate) async fn open(&self) -> Store {
        self.open_on("here").await
    }

    /// The store as another machine opens it.
    pub(crate) async fn open_on(&self, host: &str) -> Store {
        Store::open(&self.url(), host, &self.key).await.unwrap()
    }

    /// Runs a statement, bypassing the store.
    pub(crate) async fn execute(&self, statement: &str) -> sqlx::Result<()> {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.text.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.text).await?;
            connection.execute(statement).await?;
            connection.close().await
        } else {
            let mut connection = PgConnection::connect(&self.text).await?;
            connection.execute(statement).await?;
            connection.close().await
        }
    }

    /// How many rows a table has, seen without the store.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        if self.text.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.text).await.unwrap();
            let rows = sqlx::query_scalar(query).fetch_one(&mut connection).await;
            rows.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.text).await.unwrap();
            let rows = sqlx::query_scalar(query).fetch_one(&mut connection).await;
            rows.unwrap()
        }
    }
}

impl Sandbox {
    /// All bytes that anyone but the owner of the key file could read: SQLite's files, or the files of all tables of a
    /// PostgreSQL database.
    pub(crate) async fn bytes(&self) -> Vec<u8> {
        let Some(path) = self.text.strip_prefix("sqlite:") else {
            return self.table_files().await;
        };
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(std::path::Path::new(path).parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path != self.key {
                bytes.extend(std::fs::read(path).unwrap());
            }
        }
        bytes
    }

    async fn table_files(&self) -> Vec<u8> {
        const FILES: &str = "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class \
             WHERE relkind IN ('r', 'i', 't') AND relfilenode <> 0 \
             AND relnamespace IN ('public'::regnamespace, 'pg_toast'::regnamespace) AND oid >= 16384";
        let mut connection = PgConnection::connect(&self.text).await.unwrap();
        connection.execute("CHECKPOINT").await.unwrap();
        let files: Vec<Vec<u8>> = sqlx::query_scalar(FILES).fetch_all(&mut connection).await.unwrap();
        files.concat()
    }
}

/// Runs a test on SQLite.
pub(crate) fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Sandbox) -> F) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("home/devarch.db");
    let sandbox = Sandbox::at(format!("sqlite:{}", path.display()), path.with_file_name("secret.key"));
    runtime().block_on(test(sandbox));
}

/// Runs a test on PostgreSQL, if there is a server.
pub(crate) fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Sandbox) -> F) {
    let Ok(server) = std::env::var("DEVARCH_TEST_POSTGRES") else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "DEVARCH_TEST_POSTGRES must be set in CI");
        println!("SKIPPED: no PostgreSQL server in DEVARCH_TEST_POSTGRES");
        return;
    };
    runtime().block_on(async {
        let name = format!("devarch_{}", uuid::Uuid::new_v4().simple());
        run(&server, format!("CREATE DATABASE {name}")).await;
        let (address, _) = server.rsplit_once('/').unwrap();
        let home = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::at(format!("{address}/{name}"), home.path().join("secret.key"));
        let kept = AssertUnwindSafe(test(sandbox)).catch_unwind().await;
        run(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        if let Err(panic) = kept {
            std::panic::resume_unwind(panic);
        }
    });
}

async fn run(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

/// A runtime with threads, so that writers are at it at the same time.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// Runs each test on each database.
macro_rules! contract_tests {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::sandbox::on_sqlite(super::$test);
            })+
        }
        mod postgres {
            $(#[test]
            fn $test() {
                super::sandbox::on_postgres(super::$test);
            })+
        }
    };
}
