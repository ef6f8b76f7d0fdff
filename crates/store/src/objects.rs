//! The objects this store created on engines. Table `objects`.

use crate::{
    db::{Result, Tx, Unreadable, execute, fetch},
    identity,
};
use devarch_core::{
    id::{ApplyId, EngineId, InstanceId, StackId, StoreId},
    name::{ContainerName, InstanceName, StackName},
    ownership::{CreatedObject, ObjectKind, Ownership, UnrecordedStack},
};
use std::collections::BTreeMap;

/// The result of comparing the objects on an engine with the records of a locked stack.
#[derive(Debug, Default)]
pub struct Settlement {
    /// Objects of the stack whose ids were not recorded.
    pub found: Vec<CreatedObject>,
    /// Recorded objects that no longer exist, of this stack or of a deleted one.
    pub gone: Vec<CreatedObject>,
    /// Creations of the stack that began before this time (milliseconds since the Unix epoch) and left no object have
    /// failed.
    pub void_before: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    apply_id: String,
    name: String,
    object_id: Option<String>,
    stack_id: String,
    instance_id: Option<String>,
    hash: String,
}

impl Row {
    fn read(self) -> std::result::Result<CreatedObject, Unreadable> {
        Ok(CreatedObject {
            kind: self.kind.parse().map_err(|()| format!("{:?} is no kind of object", self.kind))?,
            name: self.name,
            id: self.object_id,
            stack: StackId::new(self.stack_id),
            instance: self.instance_id.map(InstanceId::new),
            apply: ApplyId::new(self.apply_id),
            hash: self.hash,
        })
    }
}

/// Returns what is recorded of the objects on an engine, with the current names of stacks and instances. Without an
/// engine nothing was ever created.
pub(crate) async fn ownership(tx: &mut Tx, engine: Option<&EngineId>) -> Result<Ownership> {
    let identity = identity::load(tx).await?;
    let store = identity.map_or_else(|| StoreId::new(""), |row| row.store);
    let mut ownership = Ownership::new(store);
    names(tx, &mut ownership).await?;
    if let Some(engine) = engine {
        let rows: Vec<Row> = fetch!(
            tx,
            "SELECT kind, apply_id, name, object_id, stack_id, instance_id, hash FROM objects \
             WHERE engine_id = $1",
            engine.as_str()
        )?;
        for row in rows {
            ownership.remember(row.read().map_err(|error| tx.damaged(error))?);
        }
        kept(tx, engine, &mut ownership).await?;
        unrecorded(tx, engine, &mut ownership).await?;
    }
    Ok(ownership)
}

/// Adds the names of stacks, instances and their volumes.
async fn names(tx: &mut Tx, ownership: &mut Ownership) -> Result<()> {
    let stacks: Vec<(String, String)> = fetch!(tx, "SELECT id, name FROM stacks")?;
    for (id, name) in stacks {
        let name = name.parse::<StackName>().map_err(|error| tx.damaged(error.into()))?;
        ownership.remember_stack(StackId::new(id), name);
    }
    let instances: Vec<(String, String, String)> =
        fetch!(tx, "SELECT i.id, s.name, i.name FROM instances i JOIN stacks s ON s.id = i.stack_id")?;
    for (id, stack, name) in instances {
        let (stack, name) = named(tx, &stack, &name)?;
        ownership.remember_instance(InstanceId::new(id), stack, name);
    }
    let volumes: Vec<(String, String)> = fetch!(tx, "SELECT physical_name, instance_id FROM volumes")?;
    for (volume, instance) in volumes {
        ownership.remember_volume(volume, InstanceId::new(instance));
    }
    Ok(())
}

async fn kept(tx: &mut Tx, engine: &EngineId, ownership: &mut Ownership) -> Result<()> {
    let kept: Vec<(String, String, String, String)> = fetch!(
        tx,
        "SELECT physical_name, instance_id, stack_name, instance_name FROM kept_volumes WHERE engine_id = $1",
        engine.as_str()
    )?;
    for (volume, instance, stack, name) in kept {
        let (stack, name) = named(tx, &stack, &name)?;
        ownership.remember_kept_volume(volume, InstanceId::new(instance), stack, name);
    }
    Ok(())
}

fn named(tx: &Tx, stack: &str, instance: &str) -> Result<(StackName, InstanceName)> {
    let read = || -> std::result::Result<_, Unreadable> { Ok((stack.parse()?, instance.parse()?)) };
    read().map_err(|error| tx.damaged(error))
}

/// Adds the stacks whose objects were created before ids were recorded.
async fn unrecorded(tx: &mut Tx, engine: &EngineId, ownership: &mut Ownership) -> Result<()> {
    let stacks: Vec<(String, bool)> = fetch!(
        tx,
        "SELECT s.id, EXISTS (SELECT 1 FROM applies a WHERE a.stack_id = s.id AND a.ended_at IS NULL) \
         FROM stacks s WHERE s.engine_id = $1 AND s.unrecorded",
        engine.as_str()
    )?;
    if stacks.is_empty() {
        return Ok(());
    }
    let mut all: BTreeMap<String, UnrecordedStack> = stacks
        .into_iter()
        .map(|(id, interrupted)| (id, UnrecordedStack { interrupted, ..UnrecordedStack::default() }))
        .collect();
    let containers: Vec<(String, String, String)> = fetch!(
        tx,
        "SELECT i.stack_id, i.id, i.container_name FROM instances i JOIN stacks s ON s.id = i.stack_id \
         WHERE s.engine_id = $1 AND s.unrecorded",
        engine.as_str()
    )?;
    for (stack, instance, container) in containers {
        let stack = all.entry(stack).or_default();
        stack.containers.insert(InstanceId::new(instance), ContainerName::from_stored(container));
    }
    let applied: Vec<(String, String, String)> = fetch!(
        tx,
        "SELECT a.stack_id, a.instance_id, a.hash FROM applied a JOIN stacks s ON s.id = a.stack_id \
         WHERE s.engine_id = $1 AND s.unrecorded",
        engine.as_str()
    )?;
    for (stack, instance, hash) in applied {
        let stack = all.entry(stack).or_default();
        stack.applied.entry(InstanceId::new(instance)).or_default().insert(hash);
    }
    for (stack, unrecorded) in all {
        ownership.remember_unrecorded(StackId::new(stack), unrecorded);
    }
    Ok(())
}

/// Records the id the engine gave an object. An earlier object with the same id is gone: the ids of volumes are
/// names.
pub(crate) async fn record(tx: &mut Tx, engine: &EngineId, object: &CreatedObject, when: i64) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM objects WHERE engine_id = $1 AND kind = $2 AND object_id = $3",
        engine.as_str(),
        object.kind.as_str(),
        object.id.as_deref(),
    )?;
    write(tx, engine, object, when).await
}

/// Records an object that is about to be created, so that it can be attributed whatever happens.
pub(crate) async fn write(tx: &mut Tx, engine: &EngineId, object: &CreatedObject, when: i64) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO objects (engine_id, kind, apply_id, name, object_id, stack_id, instance_id, hash, begun_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (engine_id, kind, apply_id, name) \
         DO UPDATE SET object_id = $5, stack_id = $6, instance_id = $7, hash = $8, begun_at = $9",
        engine.as_str(),
        object.kind.as_str(),
        object.apply.as_str(),
        &object.name,
        object.id.as_deref(),
        object.stack.as_str(),
        object.instance.as_ref().map(InstanceId::as_str),
        &object.hash,
        when,
    )?;
    Ok(())
}

/// Records the result of a comparison for the objects of a stack.
pub(crate) async fn settle(
    tx: &mut Tx,
    stack: &StackId,
    engine: &EngineId,
    settlement: &Settlement,
) -> Result<()> {
    for object in &settlement.gone {
        forget(tx, engine, object.kind, object.id.as_deref()).await?;
    }
    for object in &settlement.found {
        // It may have been renamed since it was to be created.
        execute!(
            tx,
            "DELETE FROM objects WHERE engine_id = $1 AND kind = $2 AND apply_id = $3 AND hash = $4 \
             AND instance_id IS NOT DISTINCT FROM $5 AND object_id IS NULL",
            engine.as_str(),
            object.kind.as_str(),
            object.apply.as_str(),
            &object.hash,
            object.instance.as_ref().map(InstanceId::as_str),
        )?;
        record(tx, engine, object, settlement.void_before).await?;
    }
    execute!(
        tx,
        "DELETE FROM objects WHERE engine_id = $1 AND stack_id = $2 AND object_id IS NULL AND begun_at < $3",
        engine.as_str(),
        stack.as_str(),
        settlement.void_before,
    )?;
    execute!(tx, "UPDATE stacks SET unrecorded = $2 WHERE id = $1", stack.as_str(), false)?;
    Ok(())
}

/// Deletes the record of an object that is gone or no longer owned.
pub(crate) async fn forget(tx: &mut Tx, engine: &EngineId, kind: ObjectKind, id: Option<&str>) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM objects WHERE engine_id = $1 AND kind = $2 AND object_id = $3",
        engine.as_str(),
        kind.as_str(),
        id,
    )?;
    Ok(())
}
