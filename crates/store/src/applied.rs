//! What was last applied of each instance. Table `applied`.

use crate::{
    db::{Result, Tx, Unreadable, execute, fetch},
    error::StoreError,
};
use devarch_core::id::{ContainerId, EngineId, ImageId, InstanceId, StackId};
use std::{collections::BTreeMap, fmt};

/// The container this store remembers making for an instance.
#[derive(Clone, PartialEq, Eq)]
pub struct Applied {
    /// The engine it is on.
    pub engine_id: EngineId,
    /// The hash of its config.
    pub hash: String,
    /// The version of the canonical form that was hashed.
    pub form: u32,
    /// What it was made from, as the caller writes it. May hold secrets, so it must not be printed.
    pub spec: String,
    /// The image it was made from.
    pub image_id: ImageId,
    /// Its id, once the engine has told.
    pub container_id: Option<ContainerId>,
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied")
            .field("engine_id", &self.engine_id)
            .field("hash", &self.hash)
            .field("form", &self.form)
            .field("image_id", &self.image_id)
            .field("container_id", &self.container_id)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    instance_id: String,
    engine_id: String,
    hash: String,
    form: i64,
    spec: String,
    image_id: String,
    container_id: Option<String>,
}

impl Row {
    fn read(self) -> std::result::Result<(InstanceId, Applied), Unreadable> {
        let applied = Applied {
            engine_id: EngineId::new(self.engine_id),
            hash: self.hash,
            form: self.form.try_into()?,
            spec: self.spec,
            image_id: ImageId::new(self.image_id),
            container_id: self.container_id.map(ContainerId::new),
        };
        Ok((InstanceId::new(self.instance_id), applied))
    }
}

/// All of one stack, also of instances that are no more.
pub(crate) async fn load(tx: &mut Tx, stack: &StackId) -> Result<BTreeMap<InstanceId, Applied>> {
    let rows: Vec<Row> = fetch!(tx, "SELECT * FROM applied WHERE stack_id = $1", stack.as_str())?;
    let parsed: std::result::Result<_, Unreadable> = rows.into_iter().map(Row::read).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Remembers one, instead of what was remembered of that instance.
pub(crate) async fn record(
    tx: &mut Tx,
    stack: &StackId,
    instance: &InstanceId,
    applied: &Applied,
) -> Result<()> {
    let written = execute!(
        tx,
        "INSERT INTO applied \
         (stack_id, instance_id, engine_id, hash, form, spec, image_id, container_id) \
         SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM stacks WHERE id = $1 \
         ON CONFLICT (stack_id, instance_id) DO UPDATE SET engine_id = $3, hash = $4, form = $5, \
         spec = $6, image_id = $7, container_id = $8",
        stack.as_str(),
        instance.as_str(),
        applied.engine_id.as_str(),
        &applied.hash,
        i64::from(applied.form),
        &applied.spec,
        applied.image_id.as_str(),
        applied.container_id.as_ref().map(ContainerId::as_str),
    )?;
    if written == 0 {
        return Err(StoreError::Gone { stack: stack.clone() });
    }
    Ok(())
}

/// Forgets one: its container was removed.
pub(crate) async fn forget(tx: &mut Tx, stack: &StackId, instance: &InstanceId) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM applied WHERE stack_id = $1 AND instance_id = $2",
        stack.as_str(),
        instance.as_str(),
    )?;
    Ok(())
}
