//! All columns with encrypted values, for re-encrypting or discarding them in one transaction.

use crate::{
    db::{Conn, Result, Tx, execute, fetch, on},
    error::KeyError,
    vault::{CannotOpen, Key, Place},
};
use devarch_core::{
    id::SecretId,
    secret::{GIVEN_UP, Secret},
};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// How many rows one statement writes.
const BATCH: usize = 250;

/// How many undecryptable values are named.
const NAMED: usize = 5;

/// A table with a column `sealed`.
struct Table {
    name: &'static str,
    /// The columns of its primary key, all texts.
    key: &'static [&'static str],
    /// The name of a row in messages, as SQL.
    called: &'static str,
}

const TABLES: [Table; 8] = [
    Table { name: "stacks", key: &["id"], called: "'the file of stack ' || name" },
    Table { name: "wirings", key: &["stack_id"], called: "'the wires of stack ' || stack_id" },
    Table { name: "instances", key: &["id"], called: "'instance ' || name" },
    Table { name: "templates", key: &["digest"], called: "'template ' || name" },
    Table { name: "secrets", key: &["id"], called: "'secret ' || name" },
    Table {
        name: "applied",
        key: &["stack_id", "instance_id", "hash"],
        called: "'what was applied of instance ' || instance_id",
    },
    Table { name: "applies", key: &["id"], called: "'the definition of apply ' || id" },
    Table {
        name: "kept_volumes",
        key: &["engine_id", "physical_name"],
        called: "'the values of volume ' || physical_name",
    },
];

#[derive(sqlx::FromRow)]
struct Row {
    one: String,
    two: String,
    three: String,
    called: String,
    sealed: Option<Vec<u8>>,
}

impl Row {
    /// Returns the primary key, which has this many columns.
    fn key(&self, columns: usize) -> Vec<&str> {
        [self.one.as_str(), &self.two, &self.three].into_iter().take(columns).collect()
    }
}

/// Locks all encrypted values against writes until the transaction ends.
pub(crate) async fn seize(tx: &mut Tx) -> Result<()> {
    if matches!(tx.conn, Conn::Pg(_)) {
        for table in &TABLES {
            let lock = AssertSqlSafe(format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.name));
            execute!(tx, lock)?;
        }
    }
    Ok(())
}

/// Re-encrypts everything with another key; returns the number of values.
pub(crate) async fn reseal(tx: &mut Tx, new: &Key) -> Result<usize> {
    let mut locked = Vec::new();
    let mut values = 0;
    for table in &TABLES {
        let rows = load(tx, table, "sealed IS NOT NULL").await?;
        values += rows.len();
        let resealed = reseal_rows(tx, table, rows, new, &mut locked).await?;
        if locked.is_empty() {
            write(tx, table, &resealed).await?;
        }
    }
    let count = locked.len();
    let reason = locked.first().map(|(_, reason)| reason.clone());
    match reason {
        None => Ok(values),
        Some(reason) => {
            let names = locked.into_iter().map(|(name, _)| name).take(NAMED).collect();
            Err(KeyError::NotRotated { count, names, reason }.into())
        }
    }
}

/// New values of stored secrets that cannot be decrypted; a secret with `None` is deleted.
pub type Remade = BTreeMap<SecretId, Option<Secret>>;

/// Re-encrypts everything that can be decrypted, and discards the rest.
pub(crate) async fn give_up(tx: &mut Tx, new: &Key, remade: &Remade) -> Result<()> {
    for table in &TABLES {
        // The applied state cannot be compared any more: its hashes depend on the discarded hash key.
        let which = if table.name == "applied" { "TRUE" } else { "sealed IS NOT NULL" };
        let mut kept = Vec::new();
        for mut row in load(tx, table, which).await? {
            let key = row.key(table.key.len());
            let place = Place { table: table.name, column: "sealed", row: &key };
            let Some(plain) = left(tx, table, &row, remade, &place).await? else {
                execute!(tx, "DELETE FROM secrets WHERE id = $1", &row.one)?;
                continue;
            };
            row.sealed = Some(new.seal(&place, &plain)?);
            kept.push(row);
        }
        write(tx, table, &kept).await?;
    }
    Ok(())
}

/// Returns what remains of a value.
async fn left(
    tx: &mut Tx,
    table: &Table,
    row: &Row,
    remade: &Remade,
    place: &Place<'_>,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let given_up = || Zeroizing::new(GIVEN_UP.as_bytes().to_vec());
    let Some(sealed) = &row.sealed else { return Ok(Some(given_up())) };
    match tx.open(place, sealed).await? {
        Ok(_) if table.name == "applied" => Ok(Some(given_up())),
        Ok(plain) => Ok(Some(plain)),
        // The key may still exist.
        Err(trouble @ CannotOpen::KeyFile(_)) => Err(trouble.into()),
        Err(_) if table.name == "secrets" => match remade.get(&SecretId::new(row.one.as_str())) {
            Some(value) => {
                Ok(value.as_ref().map(|secret| Zeroizing::new(secret.reveal().as_bytes().to_vec())))
            }
            None => Err(KeyError::NotReset.into()),
        },
        Err(_) => Ok(Some(given_up())),
    }
}

async fn load(tx: &mut Tx, table: &Table, which: &str) -> Result<Vec<Row>> {
    let column = |at: usize| table.key.get(at).map_or("''", |name| *name);
    fetch!(
        tx,
        AssertSqlSafe(format!(
            "SELECT {} AS one, {} AS two, {} AS three, {} AS called, sealed FROM {} WHERE {which}",
            column(0),
            column(1),
            column(2),
            table.called,
            table.name,
        ))
    )
}

async fn reseal_rows(
    tx: &mut Tx,
    table: &Table,
    rows: Vec<Row>,
    new: &Key,
    locked: &mut Vec<(String, CannotOpen)>,
) -> Result<Vec<Row>> {
    let mut resealed = Vec::with_capacity(rows.len());
    for mut row in rows {
        let key = row.key(table.key.len());
        let place = Place { table: table.name, column: "sealed", row: &key };
        match tx.open(&place, row.sealed.as_deref().unwrap_or_default()).await? {
            Ok(plain) => {
                row.sealed = Some(new.seal(&place, &plain)?);
                resealed.push(row);
            }
            Err(reason) => locked.push((row.called, reason)),
        }
    }
    Ok(resealed)
}

/// Writes many rows with few statements, because each is a round trip to the server.
async fn write(tx: &mut Tx, table: &Table, rows: &[Row]) -> Result<()> {
    let width = table.key.len() + 1;
    for batch in rows.chunks(BATCH) {
        let statement = update(table, batch.len());
        on!(
            tx,
            |conn| {
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for row in batch {
                    for part in row.key(width - 1) {
                        query = query.bind(part);
                    }
                    query = query.bind(row.sealed.as_deref());
                }
                query.execute(conn)
            },
            |_| ()
        )?;
    }
    Ok(())
}

/// `UPDATE t SET sealed = v.column2 FROM (VALUES ($1, $2), ($3, $4)) AS v WHERE t.id = v.column1`.
fn update(table: &Table, rows: usize) -> String {
    let (name, width) = (table.name, table.key.len() + 1);
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let places: Vec<String> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    let same: Vec<String> = (1..width)
        .zip(table.key)
        .map(|(place, column)| format!("{name}.{column} = v.column{place}"))
        .collect();
    format!(
        "UPDATE {name} SET sealed = v.column{width} FROM (VALUES {}) AS v WHERE {}",
        values.join(", "),
        same.join(" AND ")
    )
}
