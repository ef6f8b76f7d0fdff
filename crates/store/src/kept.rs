//! Volumes that were kept on an engine when their stack or instance was deleted. Table `kept_volumes`.

use crate::{
    clock::now,
    db::{Result, Tx, Unreadable, execute, fetch},
    stored::{self, At},
};
use devarch_core::{
    id::{EngineId, InstanceId, StackId},
    kept::KeptValues,
    name::{InstanceName, PhysicalVolume, StackName, VolumeName},
    secret::Stored,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// An unused volume that is deleted only if the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVolume {
    /// The engine it is on.
    pub engine: EngineId,
    /// Its name there.
    pub physical: PhysicalVolume,
    /// The stack it belonged to, according to its labels.
    pub stack_id: StackId,
    /// That stack's last name.
    pub stack: StackName,
    /// The instance it belonged to, according to its labels.
    pub instance_id: InstanceId,
    /// That instance's last name.
    pub instance: InstanceName,
    /// Its name in the instance's definition.
    pub volume: VolumeName,
    /// When the stack or instance was deleted.
    pub deleted_at: SystemTime,
    /// The values that belong to its data.
    pub values: KeptValues,
}

/// What is known of the volumes that an edit or a stack's deletion lets go of.
#[derive(Debug, Clone, Default)]
pub struct LetGo {
    /// Volumes that do not exist on the engine, which are not recorded.
    pub gone: BTreeSet<PhysicalVolume>,
    /// The values that belong to the data of volumes that had a container. For the others, recorded values are kept.
    pub values: BTreeMap<PhysicalVolume, KeptValues>,
    /// Copies of their data, mapped to the originals.
    pub copies: BTreeMap<PhysicalVolume, PhysicalVolume>,
}

impl KeptVolume {
    pub(crate) fn row(&self) -> KeptRow {
        KeptRow {
            engine_id: self.engine.to_string(),
            physical_name: self.physical.to_string(),
            stack_id: self.stack_id.to_string(),
            stack_name: self.stack.to_string(),
            instance_id: self.instance_id.to_string(),
            instance_name: self.instance.to_string(),
            volume: self.volume.to_string(),
        }
    }
}

/// One row of `kept_volumes`, without its time and values.
#[derive(Debug, Clone, sqlx::FromRow)]
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
    used_with: String,
    sealed: Option<Vec<u8>>,
}

impl Dated {
    fn read(self, values: &Stored) -> std::result::Result<KeptVolume, Unreadable> {
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
            values: values.read()?,
        })
    }
}

/// Loads all kept volumes.
pub(crate) async fn load(tx: &mut Tx) -> Result<Vec<KeptVolume>> {
    let rows: Vec<Dated> = fetch!(tx, "SELECT * FROM kept_volumes ORDER BY physical_name, engine_id")?;
    let mut all = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (text, sealed) = (std::mem::take(&mut row.used_with), row.sealed.take());
        let values = stored::open(tx, at(&key(&row.row)), text, sealed).await?;
        all.push(row.read(&values).map_err(|error| tx.damaged(error))?);
    }
    Ok(all)
}

fn key(row: &KeptRow) -> [&str; 2] {
    [&row.engine_id, &row.physical_name]
}

fn at<'a>(row: &'a [&'a str; 2]) -> At<'a> {
    At { table: "kept_volumes", row }
}

/// Records a kept volume. Without `values`, values that were recorded earlier are kept.
pub(crate) async fn insert(tx: &mut Tx, row: &KeptRow, values: Option<&KeptValues>) -> Result<()> {
    let stored = Stored::from_definition(values.unwrap_or(&KeptValues::default()))?;
    let called = format!("the data of volume {}", row.physical_name);
    let sealed = stored::seal(tx, at(&key(row)), &stored.secret, &called).await?;
    let statement = if values.is_some() {
        "INSERT INTO kept_volumes (engine_id, physical_name, stack_id, stack_name, instance_id, \
         instance_name, volume, deleted_at, used_with, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (engine_id, physical_name) DO UPDATE SET stack_id = $3, stack_name = $4, \
         instance_id = $5, instance_name = $6, volume = $7, deleted_at = $8, used_with = $9, sealed = $10"
    } else {
        "INSERT INTO kept_volumes (engine_id, physical_name, stack_id, stack_name, instance_id, \
         instance_name, volume, deleted_at, used_with, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (engine_id, physical_name) DO NOTHING"
    };
    execute!(
        tx,
        statement,
        &row.engine_id,
        &row.physical_name,
        &row.stack_id,
        &row.stack_name,
        &row.instance_id,
        &row.instance_name,
        &row.volume,
        now(),
        stored.open,
        sealed,
    )?;
    Ok(())
}

/// Records that an instance uses its volume again.
pub(crate) async fn regained(tx: &mut Tx, physical: &str, instance: &str) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM kept_volumes WHERE physical_name = $1 AND instance_id = $2",
        physical,
        instance,
    )?;
    Ok(())
}

/// Deletes the record of a volume that was deleted or has a new owner.
pub(crate) async fn forget(tx: &mut Tx, engine: &EngineId, physical: &PhysicalVolume) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM kept_volumes WHERE engine_id = $1 AND physical_name = $2",
        engine.as_str(),
        physical.as_str(),
    )?;
    Ok(())
}

/// Deletes the records of those of the volumes that are kept.
pub(crate) async fn forget_all(tx: &mut Tx, engine: &EngineId, volumes: &[&PhysicalVolume]) -> Result<()> {
    let kept: Vec<(String,)> =
        fetch!(tx, "SELECT physical_name FROM kept_volumes WHERE engine_id = $1", engine.as_str())?;
    for volume in volumes {
        if kept.iter().any(|(name,)| name == volume.as_str()) {
            forget(tx, engine, volume).await?;
        }
    }
    Ok(())
}
