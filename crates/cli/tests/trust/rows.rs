//! The database's rows, accessed without the store's code.

use crate::common::Sandbox;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::collections::BTreeMap;

/// The sorted rows of each table, as text.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

/// Executes a statement.
pub(crate) fn change(sandbox: &Sandbox, statement: &str) {
    let statement = AssertSqlSafe(statement.to_owned());
    let changed = sandbox.wait(async {
        if let Some(url) = &sandbox.database {
            let mut connection = PgConnection::connect(url).await.unwrap();
            connection.execute(statement).await.unwrap().rows_affected()
        } else {
            let mut connection = SqliteConnection::connect(&sandbox.database()).await.unwrap();
            let done = connection.execute(statement).await.unwrap();
            connection.close().await.unwrap();
            done.rows_affected()
        }
    });
    assert_ne!(changed, 0, "no row was changed");
}

/// Runs a query that returns texts.
pub(crate) fn texts(sandbox: &Sandbox, query: &str) -> Vec<String> {
    let query = sqlx::AssertSqlSafe(query.to_owned());
    sandbox.wait(async {
        if let Some(url) = &sandbox.database {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&sandbox.database()).await.unwrap();
            let found = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            found
        }
    })
}

/// All rows of all tables.
pub(crate) fn all(sandbox: &Sandbox) -> Tables {
    let postgres = sandbox.database.is_some();
    let tables = if postgres {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    let rows = |table: &String| {
        if postgres {
            return texts(sandbox, &format!("SELECT t::text FROM {table} t ORDER BY 1"));
        }
        let columns = texts(sandbox, &format!("SELECT name FROM pragma_table_info('{table}')"));
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        texts(sandbox, &format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || ")))
    };
    texts(sandbox, tables).iter().map(|table| (table.clone(), rows(table))).collect()
}
