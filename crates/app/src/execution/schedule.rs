//! The graph: steps run as soon as those before them have ended.

use crate::execution::{
    Event, EventSink, failure::Failure, journal::Journal, runner::StepRunner, stop_limiter::StopLimiter,
};
use devarch_core::plan::{Action, Step, StepId};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::collections::{BTreeSet, VecDeque};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Engine calls under way at once; more make neither engine faster. Waits are none of them: what is waited for may need
/// what has not begun yet.
const AT_ONCE: usize = 8;

/// What a failure means for steps that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// None of them begins.
    Stop,
    /// Those that don't come after it begin. Nor does a cancel stop them: it only ends waits.
    GoOn,
}

/// Some of a plan's steps to be made.
pub(crate) struct Run<'a> {
    /// All steps of the plan.
    pub(crate) steps: &'a [Step],
    /// What carries them out.
    pub(crate) runner: &'a StepRunner<'a>,
    /// The journal of the apply they belong to.
    pub(crate) journal: &'a Journal<'a>,
    /// Whether they are written down in it; what is rolled back after a failure is not.
    pub(crate) recorded: bool,
    /// Who is told.
    pub(crate) events: EventSink<'a>,
    /// What a failure means.
    pub(crate) on_failure: OnFailure,
}

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// Those that succeeded.
    pub(crate) done: BTreeSet<StepId>,
    /// Those that failed, the first one first.
    pub(crate) failed: VecDeque<(StepId, Failure)>,
    /// Whether the user cancelled before the last step had begun.
    pub(crate) cancelled: bool,
}

/// Why no further step was begun, though not all had ended.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// The step that failed; `None` where the user cancelled, or nothing but the commit failed.
    pub(crate) step: Option<StepId>,
    /// How it failed.
    pub(crate) failure: Failure,
}

impl Executed {
    /// Why not all steps were carried out, if they were not: that the lock was lost comes before all else.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        let lost = self.failed.iter().find(|(_, failure)| failure.is_lock_lost());
        match lost.or(self.failed.front()) {
            Some((step, failure)) => Some(Stopped { step: Some(*step), failure: failure.clone() }),
            None if self.cancelled => Some(Stopped { step: None, failure: Failure::Cancelled }),
            None => None,
        }
    }

    /// How the lock was lost, if it was: what is done is somebody else's to decide.
    pub(crate) fn lock_lost(&self) -> Option<&str> {
        self.failed.iter().find_map(|(_, failure)| match failure {
            Failure::LockLost(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

/// Steps not begun yet, each with those it waits for.
struct Waiting {
    ready: BTreeSet<StepId>,
    missing: Vec<usize>,
    after: Vec<Vec<StepId>>,
}

impl Waiting {
    fn new(steps: &[Step], wanted: impl Fn(&Action) -> bool) -> Self {
        let wanted: Vec<bool> = steps.iter().map(|step| wanted(&step.action)).collect();
        let mut after = vec![Vec::new(); steps.len()];
        let mut missing = vec![0; steps.len()];
        for (at, step) in steps.iter().enumerate().filter(|(at, _)| wanted[*at]) {
            for before in step.after.iter().filter(|before| wanted[before.0]) {
                after[before.0].push(StepId(at));
                missing[at] += 1;
            }
        }
        let ready = (0..steps.len()).filter(|at| wanted[*at] && missing[*at] == 0).map(StepId).collect();
        Self { ready, missing, after }
    }

    /// The next to begin: a wait, or a call if there may be one more.
    fn next(&mut self, steps: &[Step], one_more: bool) -> Option<StepId> {
        let may_begin = |step: &&StepId| one_more || steps[step.0].action.is_wait();
        let next = self.ready.iter().find(may_begin).copied()?;
        self.ready.remove(&next);
        Some(next)
    }

    fn ended(&mut self, step: StepId) {
        for next in &self.after[step.0] {
            self.missing[next.0] -= 1;
            if self.missing[next.0] == 0 {
                self.ready.insert(*next);
            }
        }
    }
}

impl Run<'_> {
    /// Makes the steps that are wanted; those that are not count as made. After a failure or a cancel the steps under
    /// way are waited for, so that their outcome is known.
    ///
    /// Once the stack's lock is lost no step begins any more, whatever a failure means.
    pub(crate) async fn execute(
        &self,
        wanted: impl Fn(&Action) -> bool,
        cancel: &CancellationToken,
    ) -> Executed {
        let limiter = &StopLimiter::new(self.runner.engine.info());
        let mut waiting = Waiting::new(self.steps, wanted);
        let mut running = FuturesUnordered::new();
        let mut calls = 0;
        let mut executed = Executed::default();
        loop {
            let stops = self.on_failure == OnFailure::Stop;
            executed.cancelled |= stops && cancel.is_cancelled() && !waiting.ready.is_empty();
            let stopped = (stops && !executed.failed.is_empty()) || executed.lock_lost().is_some();
            let goes_on = !stopped && !executed.cancelled;
            while goes_on && let Some(id) = waiting.next(self.steps, calls < AT_ONCE) {
                calls += usize::from(!self.is_wait(id));
                running.push(async move { (id, self.in_turn(limiter, id, cancel).await) });
            }
            let Some((id, result)) = running.next().await else { break };
            calls -= usize::from(!self.is_wait(id));
            match result {
                Ok(()) => {
                    executed.done.insert(id);
                    waiting.ended(id);
                }
                // What is put back is waited for, and goes on where that is in vain.
                Err(_) if self.on_failure == OnFailure::GoOn && self.is_wait(id) => {
                    waiting.ended(id);
                }
                Err(Failure::Cancelled) => executed.cancelled = true,
                Err(failure) => {
                    (self.events)(Event::Failed(id));
                    executed.failed.push_back((id, failure));
                }
            }
        }
        executed
    }

    fn is_wait(&self, id: StepId) -> bool {
        self.steps[id.0].action.is_wait()
    }

    /// One step; a container's end when it is its turn, so that none is written down that has not begun.
    async fn in_turn(
        &self,
        limiter: &StopLimiter,
        id: StepId,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let span = tracing::info_span!("step", number = id.0, action = %self.steps[id.0].action);
        let step = Box::pin(self.step(id, cancel).instrument(span));
        match self.steps[id.0].action {
            Action::Stop { .. } => limiter.take(step).await,
            _ => step.await,
        }
    }

    /// One step, under the lock: written down before and after, or not begun once the lock is somebody else's.
    async fn step(&self, id: StepId, cancel: &CancellationToken) -> Result<(), Failure> {
        let creates = self.steps[id.0].action.creates(&self.runner.apply);
        if self.recorded {
            self.journal.begun(id, creates.as_ref()).await?;
        } else if !self.is_wait(id) {
            self.journal.allows().await?;
        }
        if let Some(object) = creates {
            self.runner.ledger.begin(id, object);
        }
        (self.events)(Event::Started(id));
        let begun = self.runner.clock.running();
        let made = self.runner.perform(id, &self.steps[id.0], self.events, cancel).await;
        let made = made.map_err(|failure| failure.masked(self.runner.mask));
        if self.recorded {
            let written = match &made {
                Ok(()) => self.journal.done(id, self.runner.ledger.of(id).as_ref()).await,
                Err(failure) => self.journal.failed(id, failure).await,
            };
            made.and(written)?;
        } else {
            made?;
        }
        (self.events)(Event::Ended(id, self.runner.clock.running().saturating_sub(begun)));
        Ok(())
    }
}
