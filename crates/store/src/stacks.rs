//! The stacks' own rows. Table `stacks`.

use crate::{
    db::{Result, Tx, Unreadable, execute, fetch, fetch_one},
    stored::{self, At},
};
use devarch_core::{
    engine::{EngineBinding, EngineKind},
    id::{EngineId, StackId},
    name::StackName,
    policy::Allowance,
    secret::Stored,
    stack::Stack,
    wire::Wiring,
};
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};

/// One row of `stacks`.
#[derive(sqlx::FromRow)]
struct Columns {
    id: String,
    name: String,
    project: Option<String>,
    enabled: bool,
    revision: i64,
    allowed: String,
    imported: Option<String>,
    sealed: Option<Vec<u8>>,
    engine_kind: Option<String>,
    engine_id: Option<String>,
    engine_endpoint: Option<String>,
    subnet: Option<String>,
}

/// One row, its secrets decrypted or locked.
pub(crate) struct StackRow {
    columns: Columns,
    imported: Option<Stored>,
}

impl StackRow {
    /// Returns the stack's id.
    pub(crate) fn id(&self) -> &str {
        &self.columns.id
    }

    /// Returns the stack without its instances, secrets and wires.
    pub(crate) fn read(self) -> std::result::Result<Stack, Unreadable> {
        let Self { columns, imported } = self;
        let engine = match (columns.engine_kind, columns.engine_id, columns.engine_endpoint) {
            (Some(kind), Some(id), Some(endpoint)) => Some(EngineBinding {
                kind: kind.parse::<EngineKind>().map_err(|()| "unknown engine")?,
                id: EngineId::new(id),
                endpoint,
            }),
            _ => None,
        };
        Ok(Stack {
            id: StackId::new(columns.id),
            name: columns.name.parse()?,
            project: columns.project,
            enabled: columns.enabled,
            revision: columns.revision,
            engine,
            subnet: columns.subnet.as_deref().map(str::parse).transpose()?,
            imported: imported.map(|file| file.read()).transpose()?,
            allow: allowed_of(&columns.allowed)?,
            secrets: BTreeMap::new(),
            wiring: Wiring::default(),
            instances: BTreeMap::new(),
        })
    }
}

fn allowed_words(allow: &BTreeSet<Allowance>) -> String {
    let words: Vec<&str> = allow.iter().map(|allowance| allowance.as_str()).collect();
    words.join(" ")
}

fn allowed_of(words: &str) -> std::result::Result<BTreeSet<Allowance>, Unreadable> {
    words
        .split_whitespace()
        .map(|word| word.parse().map_err(|()| format!("{word:?} is not an allowance").into()))
        .collect()
}

/// Returns all names, sorted.
pub(crate) async fn names(tx: &mut Tx) -> Result<Vec<StackName>> {
    let rows = fetch!(tx, "SELECT name FROM stacks ORDER BY name")?;
    parsed(tx, rows)
}

/// Returns the names of stacks that were created from a project's directory, sorted.
pub(crate) async fn names_in(tx: &mut Tx, project: &str) -> Result<Vec<StackName>> {
    let rows = fetch!(tx, "SELECT name FROM stacks WHERE project = $1 ORDER BY name", project)?;
    parsed(tx, rows)
}

fn parsed(tx: &Tx, rows: Vec<(String,)>) -> Result<Vec<StackName>> {
    let parsed: std::result::Result<_, Unreadable> =
        rows.into_iter().map(|(name,)| Ok(name.parse()?)).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Loads the row with this name, or all rows by name.
pub(crate) async fn load(tx: &mut Tx, name: Option<&StackName>) -> Result<Vec<StackRow>> {
    let found: Vec<Columns> = match name {
        None => fetch!(tx, "SELECT * FROM stacks ORDER BY name")?,
        Some(name) => fetch!(tx, "SELECT * FROM stacks WHERE name = $1", name.as_str())?,
    };
    let mut rows = Vec::with_capacity(found.len());
    for mut columns in found {
        let imported = match columns.imported.take() {
            None => None,
            Some(text) => {
                let sealed = columns.sealed.take();
                Some(stored::open(tx, at(&[&columns.id]), text, sealed).await?)
            }
        };
        rows.push(StackRow { columns, imported });
    }
    Ok(rows)
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "stacks", row }
}

/// Returns the file a stack was imported from, and its encrypted secrets.
async fn imported(tx: &mut Tx, stack: &Stack) -> Result<(Option<String>, Option<Vec<u8>>)> {
    let Stored { open, secret } = match &stack.imported {
        None => return Ok((None, None)),
        Some(file) => Stored::from_definition(file)?,
    };
    let called = format!("the file of stack '{}'", stack.name);
    let sealed = stored::seal(tx, at(&[stack.id.as_str()]), &secret, &called).await?;
    Ok((Some(open), sealed))
}

/// Returns the project of another stack with this name.
pub(crate) async fn namesake(tx: &mut Tx, stack: &Stack) -> Result<Option<Option<String>>> {
    let row: Option<(Option<String>,)> = fetch_one!(
        tx,
        "SELECT project FROM stacks WHERE name = $1 AND id <> $2",
        stack.name.as_str(),
        stack.id.as_str(),
    )?;
    Ok(row.map(|(project,)| project))
}

/// Returns the subnets on this host, except one stack's.
pub(crate) async fn subnets(tx: &mut Tx, host: &str, except: &str) -> Result<Vec<(StackName, Ipv4Net)>> {
    let rows: Vec<(String, String)> = fetch!(
        tx,
        "SELECT name, subnet FROM stacks \
         WHERE host = $1 AND subnet IS NOT NULL AND id <> $2 ORDER BY name",
        host,
        except,
    )?;
    let parsed: std::result::Result<_, Unreadable> =
        rows.into_iter().map(|(name, subnet)| Ok((name.parse()?, subnet.parse()?))).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Inserts a row that is not bound to an engine.
pub(crate) async fn insert(tx: &mut Tx, stack: &Stack) -> Result<()> {
    let (imported, sealed) = imported(tx, stack).await?;
    execute!(
        tx,
        "INSERT INTO stacks (id, name, project, enabled, revision, allowed, imported, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        stack.id.as_str(),
        stack.name.as_str(),
        stack.project.as_deref(),
        stack.enabled,
        stack.revision,
        allowed_words(&stack.allow),
        imported,
        sealed,
    )?;
    Ok(())
}

/// Advances a stack's revision from the one that was read; `None` if it has changed since.
pub(crate) async fn advance(tx: &mut Tx, read: &Stack) -> Result<Option<i64>> {
    let row: Option<(i64,)> = fetch_one!(
        tx,
        "UPDATE stacks SET revision = revision + 1 WHERE id = $1 AND revision = $2 RETURNING revision",
        read.id.as_str(),
        read.revision,
    )?;
    Ok(row.map(|(revision,)| revision))
}

/// Updates what an edit can change. The imported file is not rewritten if it is unchanged.
pub(crate) async fn update(tx: &mut Tx, before: &Stack, stack: &Stack) -> Result<()> {
    if before.imported != stack.imported {
        let (imported, sealed) = imported(tx, stack).await?;
        execute!(
            tx,
            "UPDATE stacks SET imported = $2, sealed = $3 WHERE id = $1",
            stack.id.as_str(),
            imported,
            sealed,
        )?;
    }
    execute!(
        tx,
        "UPDATE stacks SET name = $2, project = $3, enabled = $4, allowed = $5 WHERE id = $1",
        stack.id.as_str(),
        stack.name.as_str(),
        stack.project.as_deref(),
        stack.enabled,
        allowed_words(&stack.allow),
    )?;
    Ok(())
}

/// Records a stack's engine and network as far as given; returns whether the stack exists.
pub(crate) async fn bind(
    tx: &mut Tx,
    host: &str,
    id: &StackId,
    engine: Option<&EngineBinding>,
    subnet: Option<Ipv4Net>,
) -> Result<bool> {
    let changed = execute!(
        tx,
        "UPDATE stacks SET host = $2, engine_kind = coalesce($3, engine_kind), \
         engine_id = coalesce($4, engine_id), engine_endpoint = coalesce($5, engine_endpoint), \
         subnet = coalesce($6, subnet) WHERE id = $1",
        id.as_str(),
        host,
        engine.map(|engine| engine.kind.as_str()),
        engine.map(|engine| engine.id.as_str()),
        engine.map(|engine| engine.endpoint.as_str()),
        subnet.map(|subnet| subnet.to_string()),
    )?;
    Ok(changed > 0)
}

/// Clears a stack's engine and network.
pub(crate) async fn unbind(tx: &mut Tx, id: &StackId) -> Result<()> {
    execute!(
        tx,
        "UPDATE stacks SET host = NULL, engine_kind = NULL, engine_id = NULL, engine_endpoint = NULL, \
         subnet = NULL WHERE id = $1",
        id.as_str(),
    )?;
    Ok(())
}

/// Deletes the row and everything that belongs to it, if it still has the revision that was read.
pub(crate) async fn delete(tx: &mut Tx, read: &Stack) -> Result<bool> {
    let deleted =
        execute!(tx, "DELETE FROM stacks WHERE id = $1 AND revision = $2", read.id.as_str(), read.revision,)?;
    Ok(deleted > 0)
}
