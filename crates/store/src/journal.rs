//! The journal of applies and the plans they apply; part of [`Store`].
//!
//! Every write to the journal proves in the same transaction that the stack's lock is held. An apply writes hundreds
//! of times, so no write waits for the disk: a killed program loses nothing, and after a power loss the apply ids on
//! the engine's objects show what was created.

use crate::{
    applies::{self, Apply, ApplyOutcome},
    db::{Result, Tx},
    error::JournalError,
    lock::StackLock,
    locks::{self, Lease},
    objects::{self, Settlement},
    plans::{self, SavedPlan},
    steps::{self, StepMark, StepRecord},
    store::Store,
};
use devarch_core::{
    id::{ApplyId, EngineId, PlanId, StackId},
    ownership::{CreatedObject, Ownership},
};

/// A write under a stack's lock. Each is idempotent: if the connection broke, it is unknown whether the write
/// happened.
pub(crate) enum Entry<'a> {
    /// Nothing; only proves the lock.
    Nothing,
    /// The lock is reserved for a plan.
    Leased(&'a Lease),
    /// An apply has started.
    Begun(&'a Apply),
    /// A step is about to run.
    StepBegun { apply: &'a ApplyId, at: u32, when: i64 },
    /// A step has ended.
    StepEnded { apply: &'a ApplyId, at: u32, when: i64, error: Option<&'a str> },
    /// A step that creates an object is about to run.
    CreationBegun { step: StepMark<'a>, engine: &'a EngineId, object: &'a CreatedObject },
    /// A step that created an object has ended.
    CreationEnded { step: StepMark<'a>, engine: &'a EngineId, object: &'a CreatedObject },
    /// The engine's objects were compared with the records.
    Settled { engine: &'a EngineId, settlement: &'a Settlement },
    /// Everything new is ready.
    Committed { apply: &'a ApplyId, when: i64 },
    /// An apply has ended.
    Ended { apply: &'a ApplyId, outcome: ApplyOutcome, when: i64, error: Option<&'a str> },
}

impl Entry<'_> {
    pub(crate) async fn write(&self, tx: &mut Tx, stack: &StackId) -> Result<()> {
        match *self {
            Self::Nothing => Ok(()),
            Self::Leased(lease) => locks::lease(tx, stack, lease).await,
            Self::Begun(apply) => begin(tx, stack, apply).await,
            Self::StepBegun { apply, at, when } => steps::begin(tx, (stack, apply), at, when).await,
            Self::StepEnded { apply, at, when, error } => {
                steps::end(tx, (stack, apply), at, when, error).await
            }
            Self::CreationBegun { step, engine, object } => {
                steps::begin(tx, (stack, step.apply), step.at, step.when).await?;
                objects::write(tx, engine, object, step.when).await
            }
            Self::CreationEnded { step, engine, object } => {
                steps::end(tx, (stack, step.apply), step.at, step.when, None).await?;
                objects::record(tx, engine, object, step.when).await
            }
            Self::Settled { engine, settlement } => objects::settle(tx, stack, engine, settlement).await,
            Self::Committed { apply, when } => applies::commit(tx, stack, apply, when).await,
            Self::Ended { apply, outcome, when, error } => {
                applies::end(tx, (stack, apply), outcome, when, error).await
            }
        }
    }
}

impl Store {
    /// Saves a plan, and deletes those that expired more than a week before it was created.
    pub async fn save_plan(&self, plan: &SavedPlan) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = plans::save(&mut tx, plan).await;
        tx.end(done).await
    }

    /// Returns the saved plan with this id, even if it expired or was applied.
    pub async fn plan(&self, id: &PlanId) -> Result<Option<SavedPlan>> {
        let mut tx = self.database.read().await?;
        let found = plans::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// Records the start of an apply of the locked stack, marks its saved plan as used and ends that plan's lease;
    /// fails with [`JournalError::PlanUsed`] if the plan was already applied. Of older applies that have ended, the
    /// last 199 are kept.
    pub async fn begin_apply(&self, lock: &StackLock, apply: &Apply) -> Result<()> {
        self.under(lock, &Entry::Begun(apply)).await
    }

    /// Records that a step is about to run. `at` is its index in the plan, `when` is in milliseconds since the Unix
    /// epoch.
    pub async fn step_begun(&self, lock: &StackLock, apply: &ApplyId, at: u32, when: i64) -> Result<()> {
        self.under(lock, &Entry::StepBegun { apply, at, when }).await
    }

    /// Records that a step has ended, and its error if it failed.
    #[expect(clippy::too_many_arguments, reason = "five beside the store itself")]
    pub async fn step_ended(
        &self,
        lock: &StackLock,
        apply: &ApplyId,
        at: u32,
        when: i64,
        error: Option<&str>,
    ) -> Result<()> {
        self.under(lock, &Entry::StepEnded { apply, at, when, error }).await
    }

    /// Records that a step is about to run and what it creates, so that the object can be attributed whatever
    /// happens.
    pub async fn creation_begun(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        self.under(lock, &Entry::CreationBegun { step, engine, object }).await
    }

    /// Records that a step has ended, and the id of the object it created.
    pub async fn creation_ended(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        self.under(lock, &Entry::CreationEnded { step, engine, object }).await
    }

    /// Records the result of comparing the engine's objects with the records of the locked stack.
    pub async fn settle_objects(
        &self,
        lock: &StackLock,
        engine: &EngineId,
        settlement: &Settlement,
    ) -> Result<()> {
        self.under(lock, &Entry::Settled { engine, settlement }).await
    }

    /// Returns the owners of the objects on an engine.
    pub async fn ownership(&self, engine: Option<&EngineId>) -> Result<Ownership> {
        let mut tx = self.database.read().await?;
        let found = objects::ownership(&mut tx, engine).await;
        tx.end(found).await
    }

    /// Records that everything new is ready: from now on the apply only goes forward.
    pub async fn commit_apply(&self, lock: &StackLock, apply: &ApplyId, when: i64) -> Result<()> {
        self.under(lock, &Entry::Committed { apply, when }).await
    }

    /// Records how an apply ended: this one, or an interrupted one of the same stack.
    #[expect(clippy::too_many_arguments, reason = "five beside the store itself")]
    pub async fn end_apply(
        &self,
        lock: &StackLock,
        apply: &ApplyId,
        outcome: ApplyOutcome,
        when: i64,
        error: Option<&str>,
    ) -> Result<()> {
        self.under(lock, &Entry::Ended { apply, outcome, when, error }).await
    }

    /// Returns at most `limit` applies of a stack, newest first.
    pub async fn applies(&self, stack: &StackId, limit: u32) -> Result<Vec<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::newest(&mut tx, stack, limit).await;
        tx.end(found).await
    }

    /// Returns the most recent apply of every stack that was ever applied.
    pub async fn latest_applies(&self) -> Result<Vec<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::latest(&mut tx).await;
        tx.end(found).await
    }

    /// Returns the apply with this id.
    pub async fn apply(&self, id: &ApplyId) -> Result<Option<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// Returns the steps of an apply that were begun, in the plan's order.
    pub async fn apply_steps(&self, id: &ApplyId) -> Result<Vec<StepRecord>> {
        let mut tx = self.database.read().await?;
        let found = steps::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// Returns a stack's unfinished applies, oldest first. If the stack's lock is free, they were interrupted.
    pub async fn unfinished_applies(&self, stack: &StackId) -> Result<Vec<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::unfinished(&mut tx, stack).await;
        tx.end(found).await
    }
}

async fn begin(tx: &mut Tx, stack: &StackId, apply: &Apply) -> Result<()> {
    if apply.stack != *stack {
        return Err(JournalError::NotJournalled { apply: apply.id.clone() }.into());
    }
    // If the connection broke, the first attempt may have been written.
    if applies::load(tx, &apply.id).await?.is_some() {
        return Ok(());
    }
    // Before anything is written: a key rotation waits for these rows.
    let sealed = applies::seal(tx, &apply.id, &apply.definition.secret).await?;
    if let Some(plan) = &apply.plan {
        plans::mark_applied(tx, stack, plan, &apply.id).await?;
        locks::end_lease(tx, stack, plan).await?;
    }
    applies::insert(tx, apply, sealed).await?;
    applies::prune(tx, stack).await
}
