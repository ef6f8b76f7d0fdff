//! A database of a sandbox's own on the test server; gone in the end.

#![allow(clippy::print_stdout, reason = "what is skipped is told on stdout")]

use super::Sandbox;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::env;
use tokio::runtime::Runtime;

/// A database.
pub(crate) struct Postgres {
    /// The server's URL, with the database that is always there.
    pub(crate) server: String,
    /// The database.
    pub(crate) name: String,
}

impl Postgres {
    /// Makes a database that the sandbox uses from then on, where there is a server.
    pub(crate) fn of(sandbox: &mut Sandbox) -> Option<Self> {
        let Ok(server) = env::var("DEVARCH_TEST_POSTGRES") else {
            assert!(env::var("CI").as_deref() != Ok("true"), "DEVARCH_TEST_POSTGRES must be set in CI");
            println!("SKIPPED: no PostgreSQL server in DEVARCH_TEST_POSTGRES");
            return None;
        };
        let name = format!("devarch_{}", sandbox.stack.replace('-', "_"));
        sandbox.wait(tell(&server, format!("CREATE DATABASE {name}")));
        let (address, _) = server.rsplit_once('/').unwrap();
        sandbox.database = Some(format!("{address}/{name}"));
        Some(Self { server, name })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let (server, drop) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // In a thread with a runtime of its own: the test may be panicking.
        let dropper = std::thread::spawn(move || Runtime::new().unwrap().block_on(tell(&server, drop)));
        let _ = dropper.join();
    }
}

/// Has a statement carried out.
pub(crate) async fn tell(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
