//! The journal of applies, and the plans they carry out: a part of the store's interface.
//!
//! What writes into the journal proves in the same transaction that it holds the stack's lock. It is written hundreds of
//! times in an apply, so no write waits for the disk: the death of a program loses nothing of it, and after a loss of
//! power the applies' ids on the engine's objects tell what was made.

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

/// What is written under a stack's lock. Written twice it says the same: what became of a write is not known where its
/// connection broke.
pub(crate) enum Entry<'a> {
    /// Nothing; the lock is only proved.
    Nothing,
    /// The lock is kept for a plan.
    Leased(&'a Lease),
    /// An apply begins.
    Begun(&'a Apply),
    /// A step is about to be made.
    StepBegun { apply: &'a ApplyId, at: u32, when: i64 },
    /// A step has ended.
    StepEnded { apply: &'a ApplyId, at: u32, when: i64, error: Option<&'a str> },
    /// A step is about to be made that creates an object.
    CreationBegun { step: StepMark<'a>, engine: &'a EngineId, object: &'a CreatedObject },
    /// A step has ended that created an object.
    CreationEnded { step: StepMark<'a>, engine: &'a EngineId, object: &'a CreatedObject },
    /// The engine was looked at.
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
    /// Saves a plan, and forgets those that had expired a week before it was made.
    pub async fn save_plan(&self, plan: &SavedPlan) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = plans::save(&mut tx, plan).await;
        tx.end(done).await
    }

    /// The saved plan of that id, also one that expired or was applied.
    pub async fn plan(&self, id: &PlanId) -> Result<Option<SavedPlan>> {
        let mut tx = self.database.read().await?;
        let found = plans::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// Writes an apply of the locked stack into the journal, marks its saved plan as used and ends that plan's lease;
    /// refused with [`JournalError::PlanUsed`] where the plan was applied already. Of older applies that have ended the
    /// last 199 stay.
    pub async fn begin_apply(&self, lock: &StackLock, apply: &Apply) -> Result<()> {
        self.under(lock, &Entry::Begun(apply)).await
    }

    /// Writes that a step is about to be made. `at` is its place in the plan, `when` is in milliseconds since the
    /// Unix epoch.
    pub async fn step_begun(&self, lock: &StackLock, apply: &ApplyId, at: u32, when: i64) -> Result<()> {
        self.under(lock, &Entry::StepBegun { apply, at, when }).await
    }

    /// Writes that a step has ended, and why where it failed.
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

    /// Writes that a step is about to be made, and what it creates: whatever happens, that object can be explained.
    pub async fn creation_begun(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        self.under(lock, &Entry::CreationBegun { step, engine, object }).await
    }

    /// Writes that a step has ended, and the id of what it created.
    pub async fn creation_ended(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        self.under(lock, &Entry::CreationEnded { step, engine, object }).await
    }

    /// Writes down what a look at the engine told about the objects of the locked stack.
    pub async fn settle_objects(
        &self,
        lock: &StackLock,
        engine: &EngineId,
        settlement: &Settlement,
    ) -> Result<()> {
        self.under(lock, &Entry::Settled { engine, settlement }).await
    }

    /// Whose the objects on an engine are.
    pub async fn ownership(&self, engine: Option<&EngineId>) -> Result<Ownership> {
        let mut tx = self.database.read().await?;
        let found = objects::ownership(&mut tx, engine).await;
        tx.end(found).await
    }

    /// Writes that everything new is ready: from now on the apply only goes forward.
    pub async fn commit_apply(&self, lock: &StackLock, apply: &ApplyId, when: i64) -> Result<()> {
        self.under(lock, &Entry::Committed { apply, when }).await
    }

    /// Writes what became of an apply, this one or an interrupted one of the same stack.
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

    /// The last applies of a stack, at most so many, the newest first.
    pub async fn applies(&self, stack: &StackId, limit: u32) -> Result<Vec<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::newest(&mut tx, stack, limit).await;
        tx.end(found).await
    }

    /// The last apply of every stack that was ever applied.
    pub async fn latest_applies(&self) -> Result<Vec<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::latest(&mut tx).await;
        tx.end(found).await
    }

    /// The apply of that id.
    pub async fn apply(&self, id: &ApplyId) -> Result<Option<Apply>> {
        let mut tx = self.database.read().await?;
        let found = applies::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// The steps of an apply that were begun, in the plan's order.
    pub async fn apply_steps(&self, id: &ApplyId) -> Result<Vec<StepRecord>> {
        let mut tx = self.database.read().await?;
        let found = steps::load(&mut tx, id).await;
        tx.end(found).await
    }

    /// The applies of a stack that have no end, the oldest first: where nobody holds the stack's lock they were
    /// interrupted.
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
    // What a connection that broke was not told may have been written.
    if applies::load(tx, &apply.id).await?.is_some() {
        return Ok(());
    }
    // Before anything is written: who rotates the key waits for what is.
    let sealed = applies::seal(tx, &apply.id, &apply.definition.secret).await?;
    if let Some(plan) = &apply.plan {
        plans::mark_applied(tx, stack, plan, &apply.id).await?;
        locks::end_lease(tx, stack, plan).await?;
    }
    applies::insert(tx, apply, sealed).await?;
    applies::prune(tx, stack).await
}
