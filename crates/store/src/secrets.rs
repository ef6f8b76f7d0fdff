//! Stored secrets: those of a stack, and those generated for instances. Table `secrets`.

use crate::{
    db::{Result, Tx, Unreadable, execute, fetch},
    stored::{self, At},
};
use devarch_core::{
    id::SecretId,
    secret::{KeptSecret, Secret, SecretValue},
};

/// One row of `secrets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretRow {
    pub(crate) id: String,
    pub(crate) stack_id: String,
    /// The instance it was generated for; `None` for a stack's secret.
    pub(crate) instance_id: Option<String>,
    /// The secret's name, or the instance's variable.
    pub(crate) name: String,
    value: SecretValue,
    changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct Columns {
    id: String,
    stack_id: String,
    instance_id: Option<String>,
    name: String,
    sealed: Vec<u8>,
    changed_at: i64,
}

impl SecretRow {
    pub(crate) fn of(stack: &str, instance: Option<&str>, name: &str, secret: &KeptSecret) -> Self {
        Self {
            id: secret.id.to_string(),
            stack_id: stack.to_owned(),
            instance_id: instance.map(str::to_owned),
            name: name.to_owned(),
            value: secret.value.clone(),
            changed_at: secret.changed_at,
        }
    }

    /// Returns the parsed name and the secret.
    pub(crate) fn read<N>(self) -> std::result::Result<(N, KeptSecret), Unreadable>
    where
        N: std::str::FromStr<Err: Into<Unreadable>>,
    {
        let name = self.name.parse().map_err(Into::into)?;
        let secret =
            KeptSecret { id: SecretId::new(self.id), value: self.value, changed_at: self.changed_at };
        Ok((name, secret))
    }

    fn called(&self) -> String {
        format!("secret '{}'", self.name)
    }
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "secrets", row }
}

/// Loads the rows of one stack, or of all.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<Vec<SecretRow>> {
    let found: Vec<Columns> = match stack {
        None => fetch!(tx, "SELECT * FROM secrets")?,
        Some(stack) => fetch!(tx, "SELECT * FROM secrets WHERE stack_id = $1", stack)?,
    };
    let mut rows = Vec::with_capacity(found.len());
    for columns in found {
        let opened = stored::open_text(tx, at(&[&columns.id]), &columns.sealed).await?;
        let value = match opened {
            Ok(text) => SecretValue::Known(Secret::new(text.as_str())),
            Err(why) => SecretValue::Locked(why),
        };
        let Columns { id, stack_id, instance_id, name, changed_at, .. } = columns;
        rows.push(SecretRow { id, stack_id, instance_id, name, value, changed_at });
    }
    Ok(rows)
}

async fn sealed(tx: &mut Tx, row: &SecretRow) -> Result<Vec<u8>> {
    let secret = row.value.open().map_err(|why| stored::locked(&row.called(), why))?;
    stored::seal_text(tx, at(&[&row.id]), secret.reveal()).await
}

/// Inserts a row.
pub(crate) async fn insert(tx: &mut Tx, row: &SecretRow) -> Result<()> {
    let sealed = sealed(tx, row).await?;
    execute!(
        tx,
        "INSERT INTO secrets (id, stack_id, instance_id, name, sealed, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &row.id,
        &row.stack_id,
        row.instance_id.as_deref(),
        &row.name,
        sealed,
        row.changed_at,
    )?;
    Ok(())
}

/// Moves a row aside for rows that take its name in the same edit.
pub(crate) async fn park(tx: &mut Tx, id: &str) -> Result<()> {
    execute!(tx, "UPDATE secrets SET name = id WHERE id = $1", id)?;
    Ok(())
}

/// Updates a row. An unchanged value is not rewritten, even if it cannot be decrypted.
pub(crate) async fn update(tx: &mut Tx, before: &SecretRow, row: &SecretRow) -> Result<()> {
    if before.value != row.value {
        let sealed = sealed(tx, row).await?;
        execute!(tx, "UPDATE secrets SET sealed = $2 WHERE id = $1", &row.id, sealed)?;
    }
    execute!(
        tx,
        "UPDATE secrets SET instance_id = $2, name = $3, changed_at = $4 WHERE id = $1",
        &row.id,
        row.instance_id.as_deref(),
        &row.name,
        row.changed_at,
    )?;
    Ok(())
}

/// Deletes a row.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    execute!(tx, "DELETE FROM secrets WHERE id = $1", id)?;
    Ok(())
}
