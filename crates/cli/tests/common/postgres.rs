//! A database for one sandbox on the test server; dropped with it.

#![allow(clippy::print_stdout, reason = "skipped tests are reported on stdout")]

use super::Sandbox;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::env;
use tokio::runtime::Runtime;

pub(crate) struct Postgres {
    /// The server's URL, with its default database.
    pub(crate) server: String,
    /// The database's name.
    pub(crate) name: String,
}

impl Postgres {
    /// Creates a database and makes the sandbox use it; `None` without a server.
    pub(crate) fn create(sandbox: &mut Sandbox) -> Option<Self> {
        let Ok(server) = env::var("DEVARCH_TEST_POSTGRES") else {
            assert!(env::var("CI").as_deref() != Ok("true"), "DEVARCH_TEST_POSTGRES must be set in CI");
            println!("SKIPPED: no PostgreSQL server in DEVARCH_TEST_POSTGRES");
            return None;
        };
        let name = format!("devarch_{}", sandbox.stack.replace('-', "_"));
        sandbox.wait(execute(&server, format!("CREATE DATABASE {name}")));
        let (address, _) = server.rsplit_once('/').unwrap();
        sandbox.database = Some(format!("{address}/{name}"));
        Some(Self { server, name })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let (server, drop) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // In a thread with its own runtime: the test may be panicking.
        let dropper = std::thread::spawn(move || Runtime::new().unwrap().block_on(execute(&server, drop)));
        let _ = dropper.join();
    }
}

/// Executes a statement.
pub(crate) async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
