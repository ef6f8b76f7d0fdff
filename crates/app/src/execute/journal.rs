//! The journal of one apply: each step is written down before it is made and after it ended.

use super::Failure;
use devarch_core::{id::ApplyId, plan::StepId, surroundings::Clock};
use devarch_store::{ApplyOutcome, StackLock, Store};

/// Writes one apply's journal under the stack's lock.
pub(crate) struct Journal<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) lock: &'a StackLock,
    pub(crate) apply: ApplyId,
}

impl Journal<'_> {
    /// A step is going to be made.
    pub(super) async fn begun(&self, step: StepId) -> Result<(), Failure> {
        let written = self.store.step_begun(self.lock, &self.apply, at(step), self.clock.now()).await;
        written.map_err(Failure::from)
    }

    /// A step ended.
    pub(super) async fn ended(&self, step: StepId, failure: Option<&Failure>) -> Result<(), Failure> {
        let error = failure.map(ToString::to_string);
        let now = self.clock.now();
        let written = self.store.step_ended(self.lock, &self.apply, at(step), now, error.as_deref()).await;
        written.map_err(Failure::from)
    }

    /// Everything is ready: from now on there is no way back.
    pub(crate) async fn committed(&self) -> Result<(), Failure> {
        let written = self.store.commit_apply(self.lock, &self.apply, self.clock.now()).await;
        written.map_err(Failure::from)
    }

    /// The apply is over.
    pub(crate) async fn over(&self, outcome: ApplyOutcome, error: Option<&str>) -> Result<(), Failure> {
        let now = self.clock.now();
        let written = self.store.end_apply(self.lock, &self.apply, outcome, now, error).await;
        written.map_err(Failure::from)
    }
}

fn at(step: StepId) -> u32 {
    u32::try_from(step.0).unwrap_or(u32::MAX)
}
