//! The step graph: steps run as soon as those before them have ended.

use crate::execution::{
    Event, EventSink, failure::Failure, journal::Journal, runner::StepRunner, stop_limiter::StopLimiter,
};
use devarch_core::plan::{Action, Step, StepId};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::collections::{BTreeSet, VecDeque};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Concurrent engine calls; more make neither engine faster. Waits do not count: what is waited for may need a step
/// that has not started yet.
const AT_ONCE: usize = 8;

/// What a failure means for steps that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// None of them starts.
    Stop,
    /// Those that do not depend on it start. A cancel does not stop them either: it only ends waits.
    GoOn,
}

/// A run of some of a plan's steps.
pub(crate) struct Run<'a> {
    /// All steps of the plan.
    pub(crate) steps: &'a [Step],
    /// What executes them.
    pub(crate) runner: &'a StepRunner<'a>,
    /// The journal of the apply they belong to.
    pub(crate) journal: &'a Journal<'a>,
    /// Whether they are recorded in it; the steps of a rollback are not.
    pub(crate) recorded: bool,
    /// The receiver of events.
    pub(crate) events: EventSink<'a>,
    /// What a failure means.
    pub(crate) on_failure: OnFailure,
}

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// The steps that succeeded.
    pub(crate) done: BTreeSet<StepId>,
    /// The steps that failed, in order.
    pub(crate) failed: VecDeque<(StepId, Failure)>,
    /// Whether the user cancelled before the last step had started.
    pub(crate) cancelled: bool,
}

/// Why a run stopped before all its steps had ended.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// The step that failed; `None` after a cancel, or if only the commit failed.
    pub(crate) step: Option<StepId>,
    /// The failure.
    pub(crate) failure: Failure,
}

impl Executed {
    /// Returns why not all steps were executed, if so. A lost lock takes precedence.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        let lost = self.failed.iter().find(|(_, failure)| failure.is_lock_lost());
        match lost.or(self.failed.front()) {
            Some((step, failure)) => Some(Stopped { step: Some(*step), failure: failure.clone() }),
            None if self.cancelled => Some(Stopped { step: None, failure: Failure::Cancelled }),
            None => None,
        }
    }

    /// Returns how the lock was lost, if it was: another command decides about the executed steps.
    pub(crate) fn lock_lost(&self) -> Option<&str> {
        self.failed.iter().find_map(|(_, failure)| match failure {
            Failure::LockLost(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

/// Steps that have not started, each with those it waits for.
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

    /// Returns the next step to start: a wait, or a call if one more is allowed.
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
    /// Executes the steps that `wanted` selects; the others count as done. After a failure or a cancel, waits for the
    /// steps under way, so that their outcome is known.
    ///
    /// No step starts once the stack's lock is lost, regardless of `on_failure`.
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
                // A rollback waits for what it starts, and continues if the wait fails.
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

    /// Executes a step; a container's stop waits for its turn first, so that no stop is recorded before it starts.
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

    /// Executes a step under the lock: recorded before and after, or not started if another command has the lock by
    /// now.
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
