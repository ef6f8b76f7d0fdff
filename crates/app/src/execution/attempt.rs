//! An apply in progress: recorded, executed up to the commit point, cleaned up after it or rolled back before it.

use crate::{
    Context, OperationError, Prepared,
    definition::recorded::Definition,
    execution::{
        Event,
        applied::{settle_applied, unsettle_applied},
        bind::{bind_engine, remember_image_volumes, save_given_values},
        failure::{ApplyFailure, Ending},
        journal::Journal,
        ledger::Ledger,
        options::ApplyOptions,
        recover::close_taken_over,
        report::{ending, left_behind, report, untold},
        rollback::{Uncertain, Undoing, roll_back},
        runner::StepRunner,
        schedule::{Executed, OnFailure, Run, Stopped},
        start_timings::StartTimings,
    },
    planning::{interrupted::Interrupted, json::json, redaction::secret_mask, shown_plan::ShownPlan},
};
use devarch_core::{
    id::{ApplyId, EngineId, PlanId},
    ownership::Ownership,
    plan::{Action, Before, VolumeCopy, before},
    secret::{Mask, Sealable, Stored},
    stack::Stack,
};
use devarch_store::{Apply, ApplyOutcome, StackLock, StoreError};
use std::{collections::BTreeSet, sync::Mutex};
use tokio_util::sync::CancellationToken;

/// An apply in progress.
pub(crate) struct Attempt<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) engine_id: EngineId,
    pub(crate) apply: ApplyId,
    /// The state to restore if it fails.
    pub(crate) before: Before,
    /// The applies whose objects are removed in that case: this one and those it took over.
    pub(crate) applies: BTreeSet<ApplyId>,
    /// The complete volume copies of the applies it took over.
    pub(crate) copies: Vec<VolumeCopy>,
    /// The objects it has created, or may have.
    pub(crate) ledger: Ledger,
    /// The stack's secrets, redacted in output of engine and containers.
    pub(crate) mask: Mask,
}

impl Attempt<'_> {
    /// Returns the owners of the objects on the engine, including those this apply created: the database may be
    /// unreachable.
    fn ownership(&self) -> Ownership {
        let mut ownership = self.prepared.remembered.ownership.clone();
        for object in self.ledger.all() {
            ownership.remember(object);
        }
        ownership
    }

    /// Returns the copies an undo restores, oldest first: those of applies it took over, and its own complete ones.
    fn copies(&self, executed: &Executed) -> Vec<VolumeCopy> {
        let done = executed.done.iter().filter_map(|id| self.prepared.plan.steps.get(id.0));
        let own = done.filter_map(|step| match &step.action {
            Action::CopyVolume(copy) => Some(copy),
            _ => None,
        });
        self.copies.iter().chain(own).cloned().collect()
    }
}

/// The origin of an apply, for the history.
#[derive(Clone, Copy)]
pub(crate) struct AppliedFrom<'a> {
    /// The saved plan, if any.
    pub(crate) plan: Option<&'a PlanId>,
    /// The command.
    pub(crate) command: &'a str,
}

/// Records that an apply begins, and what ran before it.
pub(crate) async fn begin_apply<'a>(
    ctx: &Context,
    lock: &StackLock,
    prepared: &'a Prepared,
    taken_over: Option<Interrupted>,
    from: AppliedFrom<'_>,
) -> Result<Attempt<'a>, OperationError> {
    Box::pin(save_given_values(ctx, prepared)).await?;
    let engine_id = bind_engine(ctx, prepared).await?;
    remember_image_volumes(ctx, prepared).await?;
    let apply = ApplyId::new(ctx.ids.fresh());
    let (before, mut applies, copies) = if let Some(open) = &taken_over {
        (open.before.clone(), open.applies.clone(), open.copies.clone())
    } else {
        let before = before(&prepared.desired, &prepared.observed, &prepared.remembered);
        (before, BTreeSet::new(), Vec::new())
    };
    applies.insert(apply.clone());
    let record = Apply {
        id: apply.clone(),
        stack: prepared.stack.id.clone(),
        engine: engine_id.clone(),
        plan: from.plan.cloned(),
        author: ctx.author(),
        command: from.command.to_owned(),
        started_at: ctx.clock.now(),
        committed_at: None,
        ended_at: None,
        outcome: ApplyOutcome::Running,
        resumes: taken_over.as_ref().map(|open| open.apply.clone()),
        before: json(&before)?,
        shown: json(&ShownPlan::from_plan(&prepared.plan))?,
        definition: definition(&prepared.stack)?,
        error: None,
    };
    ctx.store.begin_apply(lock, &record).await?;
    close_taken_over(ctx, lock, taken_over.as_ref()).await?;
    let mask = secret_mask(ctx, &prepared.stack).await?;
    let ledger = Ledger::default();
    Ok(Attempt { prepared, engine_id, apply, before, applies, copies, ledger, mask })
}

/// Executes the steps up to the commit point, then those that remove what was replaced.
pub(crate) async fn carry_out_plan(
    ctx: &Context,
    lock: &StackLock,
    attempt: &Attempt<'_>,
    options: ApplyOptions<'_>,
) -> Result<usize, OperationError> {
    let prepared = attempt.prepared;
    let runner = StepRunner {
        engine: prepared.engine.as_ref(),
        store: &ctx.store,
        clock: ctx.clock.as_ref(),
        stack: &prepared.stack.id,
        engine_id: &attempt.engine_id,
        apply: attempt.apply.clone(),
        hash_key: ctx.hash_key.as_ref().ok(),
        mask: &attempt.mask,
        starts: StartTimings::default(),
        ledger: &attempt.ledger,
        made: Mutex::default(),
    };
    let journal = Journal {
        store: &ctx.store,
        clock: ctx.clock.as_ref(),
        lock,
        engine: &attempt.engine_id,
        apply: attempt.apply.clone(),
    };
    let run = Run {
        steps: &prepared.plan.steps,
        runner: &runner,
        journal: &journal,
        recorded: true,
        events: options.events,
        on_failure: OnFailure::Stop,
    };
    tracing::debug!("steps of the plan:\n{}", prepared.plan.trace());
    let executed = run.execute(|action| !action.is_cleanup(), options.cancel).await;
    let done = executed.done.len();
    if let Err(unfinished) = commit(&journal, executed).await {
        return Err(end_failed(ctx, &journal, attempt, unfinished, options).await.into());
    }
    let forward = Run { on_failure: OnFailure::GoOn, ..run };
    let cleaned = forward.execute(Action::is_cleanup, &CancellationToken::new()).await;
    settle_applied(ctx, attempt).await?;
    if cleaned.failed.is_empty() {
        let told = journal.over(ApplyOutcome::Succeeded, None).await;
        told.map_err(|failure| Box::new(untold(attempt, failure)))?;
        return Ok(done + cleaned.done.len());
    }
    Err(Box::new(left_behind(&journal, attempt, cleaned).await).into())
}

/// An apply that did not reach its commit point.
struct Unfinished {
    executed: Executed,
    stopped: Stopped,
}

/// Commits once everything is ready: from then on the apply can only go forward.
async fn commit(journal: &Journal<'_>, executed: Executed) -> Result<(), Unfinished> {
    let stopped = match executed.stopped() {
        Some(stopped) => Err(stopped),
        None => journal.committed().await.map_err(|failure| Stopped { step: None, failure }),
    };
    stopped.map_err(|stopped| Unfinished { executed, stopped })
}

/// Rolls back to the previous state after a failure before the commit point, and reports the result.
async fn end_failed(
    ctx: &Context,
    journal: &Journal<'_>,
    attempt: &Attempt<'_>,
    Unfinished { executed, stopped }: Unfinished,
    ApplyOptions { events, cancel, .. }: ApplyOptions<'_>,
) -> Box<ApplyFailure> {
    let copies = attempt.copies(&executed);
    let uncertain = Uncertain::of(&attempt.prepared.plan.steps, &executed.failed);
    let mut report = report(attempt, stopped.step, stopped.failure);
    if report.failure.is_lock_lost() {
        report.ending = Ending::LockLost;
        return Box::new(report);
    }
    events(Event::PuttingBack { why: report.headline() });
    let undoing = Undoing {
        engine: attempt.prepared.engine.as_ref(),
        stack: &attempt.prepared.stack,
        engine_id: &attempt.engine_id,
        before: &attempt.before,
        apply: &attempt.apply,
        applies: &attempt.applies,
        ownership: &attempt.ownership(),
        copies: &copies,
        uncertain,
        mask: &attempt.mask,
        journal,
        cancel,
    };
    let put_back = roll_back(ctx, &undoing, events).await;
    let (outcome, ending) = ending(attempt, &report.failure, put_back, executed.done.len());
    report.ending = ending;
    if outcome.is_some() {
        unsettle_applied(ctx, attempt).await;
    }
    if let Some(outcome) = outcome
        && let Err(failure) = journal.over(outcome, Some(&report.headline())).await
        && let Ending::PutBack { remains, .. } = &mut report.ending
    {
        remains.push(format!("the end of this apply could not be recorded: {failure}"));
    }
    Box::new(report)
}

/// Serializes the definition for the journal. An undecryptable definition cannot be recorded: a `down` without the key
/// is no state to return to.
pub(crate) fn definition(stack: &Stack) -> Result<Stored, StoreError> {
    let stored = Stored::from_definition(&Definition::from_stack(stack))?;
    Ok(match stored.secret {
        Sealable::Locked(_) => Stored { secret: Sealable::Nothing, ..stored },
        Sealable::Nothing | Sealable::Open(_) => stored,
    })
}
