//! The journal of one apply: each step is recorded before it starts and after it ends.

use crate::execution::failure::Failure;
use devarch_core::{
    environment::Clock,
    id::{ApplyId, EngineId},
    ownership::CreatedObject,
    plan::StepId,
};
use devarch_store::{ApplyOutcome, StackLock, StepMark, Store};

/// Writes one apply's journal under the stack's lock.
pub(crate) struct Journal<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) lock: &'a StackLock,
    pub(crate) engine: &'a EngineId,
    pub(crate) apply: ApplyId,
}

impl Journal<'_> {
    /// Records that a step starts that creates this object.
    pub(crate) async fn begun(&self, step: StepId, creates: Option<&CreatedObject>) -> Result<(), Failure> {
        let mark = self.mark(step);
        let written = match creates {
            Some(object) => self.store.creation_begun(self.lock, mark, self.engine, object).await,
            None => self.store.step_begun(self.lock, mark.apply, mark.at, mark.when).await,
        };
        written.map_err(Failure::from)
    }

    /// Fails an unrecorded step if another command has the lock by now. A store that does not answer must not prevent
    /// a rollback.
    pub(crate) async fn allows(&self) -> Result<(), Failure> {
        self.store.holds(self.lock).await.map(drop).map_err(Failure::from)
    }

    /// Records that a step succeeded and created this object.
    pub(crate) async fn done(&self, step: StepId, created: Option<&CreatedObject>) -> Result<(), Failure> {
        let mark = self.mark(step);
        let written = match created {
            Some(object) => self.store.creation_ended(self.lock, mark, self.engine, object).await,
            None => self.store.step_ended(self.lock, mark.apply, mark.at, mark.when, None).await,
        };
        written.map_err(Failure::from)
    }

    /// Records that a step failed. The object it was to create may exist nevertheless.
    pub(crate) async fn failed(&self, step: StepId, failure: &Failure) -> Result<(), Failure> {
        let (mark, error) = (self.mark(step), failure.to_string());
        let written = self.store.step_ended(self.lock, mark.apply, mark.at, mark.when, Some(&error)).await;
        written.map_err(Failure::from)
    }

    fn mark(&self, step: StepId) -> StepMark<'_> {
        let at = u32::try_from(step.0).unwrap_or(u32::MAX);
        StepMark { apply: &self.apply, at, when: self.clock.now() }
    }

    /// Records the commit point: everything is ready, and from now on there is no way back.
    pub(crate) async fn committed(&self) -> Result<(), Failure> {
        let written = self.store.commit_apply(self.lock, &self.apply, self.clock.now()).await;
        written.map_err(Failure::from)
    }

    /// Records that the apply has ended.
    pub(crate) async fn over(&self, outcome: ApplyOutcome, error: Option<&str>) -> Result<(), Failure> {
        let now = self.clock.now();
        let written = self.store.end_apply(self.lock, &self.apply, outcome, now, error).await;
        written.map_err(Failure::from)
    }
}
