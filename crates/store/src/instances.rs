//! Instances of templates. Table `instances`.

use crate::{
    claims::Held,
    db::{Result, Tx, Unreadable, execute, fetch},
    stored::{self, At},
    templates::Templates,
};
use devarch_core::{
    id::InstanceId,
    name::{ContainerName, InstanceName},
    secret::Stored,
    stack::{DesiredRun, Instance, Pinned, Stack},
    template::TemplateDigest,
};
use std::{collections::BTreeMap, sync::Arc};

/// One row of `instances`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceRow {
    pub(crate) id: String,
    pub(crate) stack_id: String,
    pub(crate) name: String,
    pub(crate) container_name: String,
    template: String,
    overrides: Stored,
    enabled: bool,
    wanted: String,
    slot: i64,
}

#[derive(sqlx::FromRow)]
struct Columns {
    id: String,
    stack_id: String,
    name: String,
    container_name: String,
    template: String,
    overrides: String,
    sealed: Option<Vec<u8>>,
    enabled: bool,
    wanted: String,
    slot: i64,
}

impl InstanceRow {
    pub(crate) fn of(stack: &Stack, name: &InstanceName, instance: &Instance) -> Result<Self> {
        Ok(Self {
            id: instance.id.to_string(),
            stack_id: stack.id.to_string(),
            name: name.to_string(),
            container_name: ContainerName::for_instance(&stack.name, name)?.as_str().to_owned(),
            template: instance.template.digest.to_string(),
            overrides: Stored::from_definition(&instance.overrides)?,
            enabled: instance.enabled,
            wanted: wanted_word(instance.wanted).to_owned(),
            slot: i64::from(instance.slot),
        })
    }

    /// Returns the instance without its ports, volumes and generated secrets.
    pub(crate) fn read(
        self,
        templates: &Templates,
    ) -> std::result::Result<(InstanceName, Instance), Unreadable> {
        let digest = TemplateDigest::from_stored(self.template);
        let template = templates.get(&digest).ok_or("its template is missing")?;
        let instance = Instance {
            id: InstanceId::new(self.id),
            template: Pinned { template: Arc::clone(template), digest },
            overrides: self.overrides.read()?,
            enabled: self.enabled,
            wanted: wanted_of(&self.wanted)?,
            slot: self.slot.try_into()?,
            ports: BTreeMap::new(),
            volumes: BTreeMap::new(),
            generated: BTreeMap::new(),
        };
        Ok((self.name.parse()?, instance))
    }

    /// Returns whether the change to `after` could collide with a row that is updated later in the same edit.
    pub(crate) fn moves(&self, after: &Self) -> bool {
        self.container_name != after.container_name || self.slot != after.slot
    }

    fn called(&self) -> String {
        format!("instance '{}'", self.name)
    }
}

fn wanted_word(wanted: DesiredRun) -> &'static str {
    match wanted {
        DesiredRun::Running => "running",
        DesiredRun::Stopped => "stopped",
        DesiredRun::Absent => "absent",
    }
}

fn wanted_of(word: &str) -> std::result::Result<DesiredRun, Unreadable> {
    [DesiredRun::Running, DesiredRun::Stopped, DesiredRun::Absent]
        .into_iter()
        .find(|wanted| wanted_word(*wanted) == word)
        .ok_or_else(|| format!("{word:?} is not a wanted state").into())
}

/// Loads the rows of one stack, or of all.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<Vec<InstanceRow>> {
    let found: Vec<Columns> = match stack {
        None => fetch!(tx, "SELECT * FROM instances")?,
        Some(stack) => fetch!(tx, "SELECT * FROM instances WHERE stack_id = $1", stack)?,
    };
    let mut rows = Vec::with_capacity(found.len());
    for columns in found {
        rows.push(open(tx, columns).await?);
    }
    Ok(rows)
}

async fn open(tx: &mut Tx, columns: Columns) -> Result<InstanceRow> {
    let overrides = stored::open(tx, at(&[&columns.id]), columns.overrides, columns.sealed).await?;
    Ok(InstanceRow {
        id: columns.id,
        stack_id: columns.stack_id,
        name: columns.name,
        container_name: columns.container_name,
        template: columns.template,
        overrides,
        enabled: columns.enabled,
        wanted: columns.wanted,
        slot: columns.slot,
    })
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "instances", row }
}

/// Returns the container names that other stacks hold.
pub(crate) async fn held_by_others(tx: &mut Tx, stack: &str) -> Result<Vec<Held>> {
    fetch!(
        tx,
        "SELECT i.container_name AS value, s.name AS stack, i.name AS instance \
         FROM instances i JOIN stacks s ON s.id = i.stack_id WHERE s.id <> $1",
        stack
    )
}

/// Inserts a row.
pub(crate) async fn insert(tx: &mut Tx, row: &InstanceRow) -> Result<()> {
    let sealed = stored::seal(tx, at(&[&row.id]), &row.overrides.secret, &row.called()).await?;
    execute!(
        tx,
        "INSERT INTO instances \
         (id, stack_id, name, container_name, template, overrides, sealed, enabled, wanted, slot) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &row.id,
        &row.stack_id,
        &row.name,
        &row.container_name,
        &row.template,
        &row.overrides.open,
        sealed,
        row.enabled,
        &row.wanted,
        row.slot,
    )?;
    Ok(())
}

/// Moves a row aside for rows that take its name or slot in the same edit.
pub(crate) async fn park(tx: &mut Tx, id: &str) -> Result<()> {
    execute!(tx, "UPDATE instances SET name = id, container_name = id, slot = -1 - slot WHERE id = $1", id)?;
    Ok(())
}

/// Updates a row. Unchanged overrides are not rewritten, even if they cannot be decrypted.
pub(crate) async fn update(tx: &mut Tx, before: &InstanceRow, row: &InstanceRow) -> Result<()> {
    if before.overrides != row.overrides {
        write_overrides(tx, row).await?;
    }
    execute!(
        tx,
        "UPDATE instances SET name = $2, container_name = $3, template = $4, \
         enabled = $5, wanted = $6, slot = $7 WHERE id = $1",
        &row.id,
        &row.name,
        &row.container_name,
        &row.template,
        row.enabled,
        &row.wanted,
        row.slot,
    )?;
    Ok(())
}

async fn write_overrides(tx: &mut Tx, row: &InstanceRow) -> Result<()> {
    let sealed = stored::seal(tx, at(&[&row.id]), &row.overrides.secret, &row.called()).await?;
    execute!(
        tx,
        "UPDATE instances SET overrides = $2, sealed = $3 WHERE id = $1",
        &row.id,
        &row.overrides.open,
        sealed,
    )?;
    Ok(())
}

/// Deletes a row and with it its ports and volumes.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    execute!(tx, "DELETE FROM instances WHERE id = $1", id)?;
    Ok(())
}
