//! Volumes that stayed on an engine when their stack or instance went. Table `kept_volumes`.

use crate::{
    clock::now,
    db::{Result, Tx, Unreadable, execute, fetch},
};
use devarch_core::{
    id::{EngineId, InstanceId, StackId},
    name::{InstanceName, PhysicalVolume, StackName, VolumeName},
};
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A volume nothing uses any more and nothing deletes unless the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVolume {
    /// The engine it is on.
    pub engine: EngineId,
    /// Its name there.
    pub physical: PhysicalVolume,
    /// The stack it belonged to, as its labels say.
    pub stack_id: StackId,
    /// That stack's last name.
    pub stack: StackName,
    /// The instance it belonged to, as its labels say.
    pub instance_id: InstanceId,
    /// That instance's last name.
    pub instance: InstanceName,
    /// What the instance called it.
    pub volume: VolumeName,
    /// When stack or instance were removed.
    pub deleted_at: SystemTime,
}

/// What is known of the volumes of a stack that is deleted.
#[derive(Debug, Clone, Default)]
pub struct LetGo {
    /// Those that are not on the engine: nothing is remembered of them.
    pub gone: BTreeSet<PhysicalVolume>,
}

/// One row but for its time.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct KeptRow {
    pub(crate) engine_id: String,
    pub(crate) physical_name: String,
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    pub(crate) instance_id: String,
    pub(crate) instance_name: String,
    pub(crate) volume: String,
}

#[derive(sqlx::FromRow)]
struct Dated {
    #[sqlx(flatten)]
    row: KeptRow,
    deleted_at: i64,
}

impl Dated {
    fn read(self) -> std::result::Result<KeptVolume, Unreadable> {
        let row = self.row;
        Ok(KeptVolume {
            engine: EngineId::new(row.engine_id),
            physical: PhysicalVolume::from_stored(row.physical_name),
            stack_id: StackId::new(row.stack_id),
            stack: row.stack_name.parse()?,
            instance_id: InstanceId::new(row.instance_id),
            instance: row.instance_name.parse()?,
            volume: row.volume.parse()?,
            deleted_at: UNIX_EPOCH + Duration::from_millis(self.deleted_at.try_into()?),
        })
    }
}

/// All of them.
pub(crate) async fn load(tx: &mut Tx) -> Result<Vec<KeptVolume>> {
    let rows: Vec<Dated> = fetch!(tx, "SELECT * FROM kept_volumes ORDER BY physical_name, engine_id")?;
    let parsed: std::result::Result<_, Unreadable> = rows.into_iter().map(Dated::read).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Remembers one.
pub(crate) async fn insert(tx: &mut Tx, row: &KeptRow) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO kept_volumes (engine_id, physical_name, stack_id, stack_name, instance_id, \
         instance_name, volume, deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (engine_id, physical_name) DO UPDATE SET stack_id = $3, stack_name = $4, \
         instance_id = $5, instance_name = $6, volume = $7, deleted_at = $8",
        &row.engine_id,
        &row.physical_name,
        &row.stack_id,
        &row.stack_name,
        &row.instance_id,
        &row.instance_name,
        &row.volume,
        now(),
    )?;
    Ok(())
}

/// An instance has its volume back.
pub(crate) async fn regained(tx: &mut Tx, physical: &str, instance: &str) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM kept_volumes WHERE physical_name = $1 AND instance_id = $2",
        physical,
        instance,
    )?;
    Ok(())
}

/// Forgets one: it was deleted or has found a new owner.
pub(crate) async fn forget(tx: &mut Tx, engine: &EngineId, physical: &PhysicalVolume) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM kept_volumes WHERE engine_id = $1 AND physical_name = $2",
        engine.as_str(),
        physical.as_str(),
    )?;
    Ok(())
}
