//! The journal of applies, and the plans they carry out: a part of the store's interface.
//!
//! What writes into the journal proves in the same transaction that it holds the stack's lock. It is written hundreds of
//! times in an apply, so no write waits for the disk: the death of a program loses nothing of it, and after a loss of
//! power the applies' ids on the engine's objects tell what was made.

use crate::{
    applies::{self, Apply, ApplyOutcome},
    db::{Result, Tx},
    error::StoreError,
    lock::StackLock,
    locks,
    objects::{self, Settlement},
    plans::{self, SavedPlan},
    steps::{self, StepMark, StepRecord},
    store::Store,
};
use devarch_core::{
    id::{ApplyId, EngineId, PlanId, StackId},
    ownership::{CreatedObject, Ownership},
};

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
    /// refused with [`StoreError::PlanUsed`] where the plan was applied already. Of older applies that have ended the
    /// last 199 stay.
    pub async fn begin_apply(&self, lock: &StackLock, apply: &Apply) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = begin(&mut tx, lock.stack(), apply).await;
        tx.end(done).await
    }

    /// Writes that a step is about to be made. `at` is its place in the plan, `when` is in milliseconds since the
    /// Unix epoch.
    pub async fn step_begun(&self, lock: &StackLock, apply: &ApplyId, at: u32, when: i64) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = steps::begin(&mut tx, (lock.stack(), apply), at, when).await;
        tx.end(done).await
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
        let mut tx = self.journal(lock).await?;
        let done = steps::end(&mut tx, (lock.stack(), apply), at, when, error).await;
        tx.end(done).await
    }

    /// Writes that a step is about to be made, and what it creates: whatever happens, that object can be explained.
    pub async fn creation_begun(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = async {
            steps::begin(&mut tx, (lock.stack(), step.apply), step.at, step.when).await?;
            objects::write(&mut tx, engine, object, step.when).await
        };
        let done = done.await;
        tx.end(done).await
    }

    /// Writes that a step has ended, and the id of what it created.
    pub async fn creation_ended(
        &self,
        lock: &StackLock,
        step: StepMark<'_>,
        engine: &EngineId,
        object: &CreatedObject,
    ) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = async {
            steps::end(&mut tx, (lock.stack(), step.apply), step.at, step.when, None).await?;
            objects::record(&mut tx, engine, object, step.when).await
        };
        let done = done.await;
        tx.end(done).await
    }

    /// Writes down what a look at the engine told about the objects of the locked stack.
    pub async fn settle_objects(
        &self,
        lock: &StackLock,
        engine: &EngineId,
        settlement: &Settlement,
    ) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = objects::settle(&mut tx, lock.stack(), engine, settlement).await;
        tx.end(done).await
    }

    /// Whose the objects on an engine are.
    pub async fn ownership(&self, engine: Option<&EngineId>) -> Result<Ownership> {
        let mut tx = self.database.read().await?;
        let found = objects::ownership(&mut tx, engine).await;
        tx.end(found).await
    }

    /// Writes that everything new is ready: from now on the apply only goes forward.
    pub async fn commit_apply(&self, lock: &StackLock, apply: &ApplyId, when: i64) -> Result<()> {
        let mut tx = self.journal(lock).await?;
        let done = applies::commit(&mut tx, lock.stack(), apply, when).await;
        tx.end(done).await
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
        let mut tx = self.journal(lock).await?;
        let done = applies::end(&mut tx, (lock.stack(), apply), outcome, when, error).await;
        tx.end(done).await
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

    /// A transaction that writes under a lock which is still held.
    async fn journal(&self, lock: &StackLock) -> Result<Tx> {
        let mut tx = self.database.journal().await?;
        match lock.prove(&mut tx).await {
            Ok(()) => Ok(tx),
            Err(lost) => tx.end(Err(lost)).await,
        }
    }
}

async fn begin(tx: &mut Tx, stack: &StackId, apply: &Apply) -> Result<()> {
    if apply.stack != *stack {
        return Err(StoreError::NotJournalled { apply: apply.id.clone() });
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
