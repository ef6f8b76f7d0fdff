//! The physical names of instances' volumes. Table `volumes`.

use crate::{
    claims::Held,
    db::{Result, Tx, Unreadable, execute, fetch},
};
use devarch_core::name::{PhysicalVolume, VolumeName};

/// One row of `volumes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct VolumeRow {
    pub(crate) instance_id: String,
    pub(crate) name: String,
    pub(crate) physical_name: String,
}

impl VolumeRow {
    pub(crate) fn of(instance: &str, name: &VolumeName, physical: &PhysicalVolume) -> Self {
        Self { instance_id: instance.to_owned(), name: name.to_string(), physical_name: physical.to_string() }
    }

    pub(crate) fn read(&self) -> std::result::Result<(VolumeName, PhysicalVolume), Unreadable> {
        let physical = PhysicalVolume::from_stored(self.physical_name.as_str());
        Ok((self.name.parse()?, physical))
    }
}

/// Loads the rows of one stack, or of all.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<Vec<VolumeRow>> {
    match stack {
        None => fetch!(tx, "SELECT * FROM volumes"),
        Some(stack) => fetch!(
            tx,
            "SELECT v.* FROM volumes v JOIN instances i ON i.id = v.instance_id WHERE i.stack_id = $1",
            stack
        ),
    }
}

/// Returns the physical names that other stacks hold.
pub(crate) async fn held_by_others(tx: &mut Tx, stack: &str) -> Result<Vec<Held>> {
    fetch!(
        tx,
        "SELECT v.physical_name AS value, s.name AS stack, i.name AS instance \
         FROM volumes v JOIN instances i ON i.id = v.instance_id JOIN stacks s ON s.id = i.stack_id \
         WHERE s.id <> $1",
        stack
    )
}

/// Inserts a row.
pub(crate) async fn insert(tx: &mut Tx, row: &VolumeRow) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO volumes (instance_id, name, physical_name) VALUES ($1, $2, $3)",
        &row.instance_id,
        &row.name,
        &row.physical_name,
    )?;
    Ok(())
}

/// Deletes a row.
pub(crate) async fn delete(tx: &mut Tx, row: &VolumeRow) -> Result<()> {
    execute!(tx, "DELETE FROM volumes WHERE instance_id = $1 AND name = $2", &row.instance_id, &row.name,)?;
    Ok(())
}
