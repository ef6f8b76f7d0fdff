//! The applied state of instances. Table `applied`.

use crate::{
    db::{Result, Tx, Unreadable, execute, fetch},
    error::StackError,
    stored::{self, At},
};
use devarch_core::{
    id::{EngineId, ImageId, InstanceId, StackId},
    plan::SpecState,
    secret::Stored,
};
use std::{collections::BTreeMap, fmt};

/// What an instance's container was created from.
#[derive(Clone, PartialEq, Eq)]
pub struct Applied {
    /// The engine it runs on.
    pub engine_id: EngineId,
    /// The hash of its config.
    pub hash: String,
    /// The version of the canonical form that was hashed.
    pub form: u32,
    /// The container's spec, in the caller's format; its secrets are encrypted.
    pub spec: Stored,
    /// The image it was planned with; `None` if a step of the plan pulled or built it.
    pub image_id: Option<ImageId>,
    /// What is known of the container.
    pub state: SpecState,
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied")
            .field("engine_id", &self.engine_id)
            .field("hash", &self.hash)
            .field("form", &self.form)
            .field("image_id", &self.image_id)
            .field("state", &self.state)
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
    sealed: Option<Vec<u8>>,
    image_id: String,
    state: String,
}

impl Row {
    fn read(self, spec: Stored) -> std::result::Result<(InstanceId, Applied), Unreadable> {
        let applied = Applied {
            engine_id: EngineId::new(self.engine_id),
            hash: self.hash,
            form: self.form.try_into()?,
            spec,
            image_id: Some(self.image_id).filter(|id| !id.is_empty()).map(ImageId::new),
            state: self.state.parse().map_err(|()| "it is in no known state")?,
        };
        Ok((InstanceId::new(self.instance_id), applied))
    }
}

/// Loads the applied states of one stack, including removed instances, newest first per instance.
pub(crate) async fn load(tx: &mut Tx, stack: &StackId) -> Result<BTreeMap<InstanceId, Vec<Applied>>> {
    let rows: Vec<Row> =
        fetch!(tx, "SELECT * FROM applied WHERE stack_id = $1 ORDER BY written DESC", stack.as_str())?;
    let mut all: BTreeMap<InstanceId, Vec<Applied>> = BTreeMap::new();
    for mut row in rows {
        let (text, sealed) = (std::mem::take(&mut row.spec), row.sealed.take());
        let key = [stack.as_str(), &row.instance_id, &row.hash];
        let spec = stored::open(tx, At { table: "applied", row: &key }, text, sealed).await?;
        let (instance, applied) = row.read(spec).map_err(|error| tx.damaged(error))?;
        all.entry(instance).or_default().push(applied);
    }
    Ok(all)
}

/// Records a state as the newest, replacing the one with the same instance and hash.
pub(crate) async fn record(
    tx: &mut Tx,
    stack: &StackId,
    instance: &InstanceId,
    applied: &Applied,
) -> Result<()> {
    let key = [stack.as_str(), instance.as_str(), &applied.hash];
    let called = format!("what was applied of instance {instance}");
    let at = At { table: "applied", row: &key };
    // Before anything is written: a key rotation waits for these rows.
    let sealed = stored::seal(tx, at, &applied.spec.secret, &called).await?;
    let written = execute!(
        tx,
        "INSERT INTO applied \
         (stack_id, instance_id, hash, written, engine_id, form, spec, image_id, state, sealed) \
         SELECT id, $2, $3, \
         (SELECT coalesce(max(written), 0) + 1 FROM applied WHERE stack_id = $1 AND instance_id = $2), \
         $4, $5, $6, $7, $8, $9 FROM stacks WHERE id = $1 \
         ON CONFLICT (stack_id, instance_id, hash) DO UPDATE SET written = excluded.written, \
         engine_id = $4, form = $5, spec = $6, image_id = $7, state = $8, sealed = $9",
        stack.as_str(),
        instance.as_str(),
        &applied.hash,
        applied.engine_id.as_str(),
        i64::from(applied.form),
        &applied.spec.open,
        applied.image_id.as_ref().map_or("", ImageId::as_str),
        applied.state.as_str(),
        sealed,
    )?;
    if written == 0 {
        return Err(StackError::Gone { stack: stack.clone() }.into());
    }
    Ok(())
}

/// Deletes all states of each instance except the one with this hash: its container exists, and no other does.
pub(crate) async fn settle(tx: &mut Tx, stack: &StackId, made: &[(&InstanceId, &str)]) -> Result<()> {
    for (instance, hash) in made {
        execute!(
            tx,
            "DELETE FROM applied WHERE stack_id = $1 AND instance_id = $2 AND hash <> $3",
            stack.as_str(),
            instance.as_str(),
            *hash,
        )?;
        mark(tx, stack, instance, SpecState::Completed).await?;
    }
    Ok(())
}

/// Marks all states of an instance: its containers were removed on purpose.
pub(crate) async fn removed(tx: &mut Tx, stack: &StackId, instance: &InstanceId) -> Result<()> {
    mark(tx, stack, instance, SpecState::Removed).await
}

async fn mark(tx: &mut Tx, stack: &StackId, instance: &InstanceId, state: SpecState) -> Result<()> {
    execute!(
        tx,
        "UPDATE applied SET state = $3 WHERE stack_id = $1 AND instance_id = $2",
        stack.as_str(),
        instance.as_str(),
        state.as_str(),
    )?;
    Ok(())
}
