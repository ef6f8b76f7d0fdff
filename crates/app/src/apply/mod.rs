//! Applying: under the stack's lock, exactly what was approved or nothing; written down step by step; put back when
//! it fails.

mod bind;
mod definition;
mod interrupted;
mod put_back;
mod report;
mod saved;
mod settle;
mod shown;

pub(crate) use definition::Definition;
pub use interrupted::{Interrupted, Recover};
pub(crate) use interrupted::{copies, told};
pub use saved::is_plan_id;
pub use shown::{ShownChange, ShownPlan, ShownStep};

use crate::{
    App, AppError, PrepareOptions, Prepared,
    execute::{
        ApplyFailure, Ending, Event, EventSink, Executed, Failure, Hands, Journal, Ledger, OnFailure,
        Outcome, Run, Starts,
    },
};
use devarch_core::{
    id::{ApplyId, ContainerId, EngineId, InstanceId, PlanId},
    name::StackName,
    observed::ObservedContainer,
    ownership::Ownership,
    plan::{Action, AppliedState, Assumptions, Before, StepId, VolumeCopy, before},
    secret::{Mask, Sealable, Stored},
    serialize::SerializeError,
    spec::label,
    stack::Stack,
};
use devarch_store::{Apply, ApplyOutcome, Author, StackLock, StoreError, TakenWhat};
use put_back::{Uncertain, Undoing};
use report::{cancelled, ending, left_behind, report, untold};
use std::{collections::BTreeSet, sync::Arc, sync::Mutex};
use tokio_util::sync::CancellationToken;

/// How often a plan is made again because another stack got its network's addresses. Every time some stack got them, so this
/// many others have to begin at the same moment.
const SUBNET_ATTEMPTS: usize = 64;

/// A plan that was shown and agreed to: what it is made from, so that it can be made again under the lock.
#[derive(Debug, Clone)]
pub struct Approved {
    /// The stack.
    pub stack: StackName,
    /// What was asked of the plan.
    pub options: PrepareOptions,
    /// What it assumed.
    pub assumed: Assumptions,
    /// The saved plan it is.
    pub plan: Option<PlanId>,
}

impl Approved {
    /// Whether what it was made from is still so, where it is planned again.
    pub fn holds(&self, now: &Prepared) -> Result<(), AppError> {
        let differences = self.assumed.differences(&now.assumed);
        if differences.is_empty() {
            return Ok(());
        }
        Err(AppError::Stale { stack: self.stack.clone(), plan: self.plan.clone(), differences })
    }
}

/// Who applies, and how.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The command, as the history shows it.
    pub command: &'a str,
    /// What to do about an apply that was interrupted.
    pub recover: Option<Recover>,
    /// Who is told what happens.
    pub events: EventSink<'a>,
    /// Cancelled, it ends like a failure: what ran before runs again.
    pub cancel: &'a CancellationToken,
}

/// An apply under way.
struct Attempt<'a> {
    prepared: &'a Prepared,
    engine_id: EngineId,
    apply: ApplyId,
    /// What is to run again if it fails.
    before: Before,
    /// The applies whose objects go then: this one, and those it took over.
    applies: BTreeSet<ApplyId>,
    /// The complete copies of those it took over.
    copies: Vec<VolumeCopy>,
    /// What it has created, or may have.
    ledger: Ledger,
    /// The stack's secrets, to be hidden in what engine and containers say.
    mask: Mask,
}

impl Attempt<'_> {
    /// Whose the objects on the engine are, those it created itself included: the database may not be there to ask.
    fn ownership(&self) -> Ownership {
        let mut ownership = self.prepared.remembered.ownership.clone();
        for object in self.ledger.all() {
            ownership.remember(object);
        }
        ownership
    }

    /// The copies an undo restores, the oldest first: those it took over, and its own that are complete.
    fn copies(&self, executed: &Executed) -> Vec<VolumeCopy> {
        let done = executed.done.iter().filter_map(|id| self.prepared.plan.steps.get(id.0));
        let own = done.filter_map(|step| match &step.action {
            Action::CopyVolume(copy) => Some(copy),
            _ => None,
        });
        self.copies.iter().chain(own).cloned().collect()
    }
}

impl App {
    /// Carries out what was approved. Everything is looked at again under the lock; where anything differs from what
    /// was assumed nothing is done.
    pub async fn apply(
        &self,
        lock: &StackLock,
        approved: &Approved,
        options: ApplyOptions<'_>,
    ) -> Result<Outcome, AppError> {
        let begun = self.around.clock.running();
        let prepared = tokio::select! {
            prepared = Box::pin(self.prepare_again(approved)) => prepared?,
            () = options.cancel.cancelled() => return Err(cancelled(&approved.stack).into()),
        };
        self.mark_again(prepared.engine.as_ref(), &prepared.observed).await?;
        self.settle_objects(lock, &prepared).await?;
        let open = self.take_over(lock, &prepared, options.recover).await?;
        if prepared.plan.steps.is_empty() {
            if let Some(engine) = &prepared.observed.engine_id {
                self.confirm((engine, &prepared), Vec::new()).await?;
            }
            self.close_taken_over(lock, open.as_ref()).await?;
            self.clear_failure(lock, &prepared, (approved.plan.as_ref(), options.command)).await?;
            return Ok(Outcome { steps: 0, took: self.around.clock.running().saturating_sub(begun) });
        }
        (options.events)(Event::Planned(Arc::clone(&prepared.plan)));
        let attempt = self.begin(lock, &prepared, open, (approved.plan.as_ref(), options.command)).await?;
        let steps = self.carry_out(lock, &attempt, options).await?;
        Ok(Outcome { steps, took: self.around.clock.running().saturating_sub(begun) })
    }

    /// Plans what was approved once more, and reserves the addresses of the network it makes. Where another stack got them
    /// between the plan and its reservation, the next plan finds others.
    async fn prepare_again(&self, approved: &Approved) -> Result<Prepared, AppError> {
        let mut attempts = SUBNET_ATTEMPTS;
        loop {
            let prepared = Box::pin(self.prepare(&approved.stack, &approved.options)).await?;
            approved.holds(&prepared)?;
            attempts -= 1;
            match self.reserve_subnet(&prepared).await {
                Err(StoreError::Taken { what: TakenWhat::Subnet, .. }) if attempts > 0 => {}
                reserved => return Ok(reserved.map(|()| prepared)?),
            }
        }
    }

    /// Writes down that an apply begins, and what ran before it.
    async fn begin<'a>(
        &self,
        lock: &StackLock,
        prepared: &'a Prepared,
        taken_over: Option<Interrupted>,
        (plan, command): (Option<&PlanId>, &str),
    ) -> Result<Attempt<'a>, AppError> {
        Box::pin(self.save_given_values(prepared)).await?;
        let engine_id = self.bind(prepared).await?;
        self.remember_image_volumes(prepared).await?;
        let apply = ApplyId::new(self.around.ids.fresh());
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
            plan: plan.cloned(),
            author: self.author(),
            command: command.to_owned(),
            started_at: self.around.clock.now(),
            committed_at: None,
            ended_at: None,
            outcome: ApplyOutcome::Running,
            resumes: taken_over.as_ref().map(|open| open.apply.clone()),
            before: json(&before)?,
            shown: json(&ShownPlan::of(&prepared.plan))?,
            definition: definition(&prepared.stack)?,
            error: None,
        };
        self.store.begin_apply(lock, &record).await?;
        self.close_taken_over(lock, taken_over.as_ref()).await?;
        let mask = self.mask(&prepared.stack).await?;
        let ledger = Ledger::default();
        Ok(Attempt { prepared, engine_id, apply, before, applies, copies, ledger, mask })
    }

    /// After an apply that failed it is news that there is nothing to do: the stack is as it should be again, and is no
    /// longer told to have failed.
    async fn clear_failure(
        &self,
        lock: &StackLock,
        prepared: &Prepared,
        told: (Option<&PlanId>, &str),
    ) -> Result<(), AppError> {
        let latest = self.store.applies(&prepared.stack.id, 1).await?;
        let failed = |apply: &Apply| matches!(apply.outcome, ApplyOutcome::RolledBack | ApplyOutcome::Failed);
        if !latest.first().is_some_and(failed) {
            return Ok(());
        }
        let attempt = self.begin(lock, prepared, None, told).await?;
        let now = self.around.clock.now();
        Ok(self.store.end_apply(lock, &attempt.apply, ApplyOutcome::Succeeded, now, None).await?)
    }

    /// Makes the steps up to the commit point, then those that remove what was replaced.
    async fn carry_out(
        &self,
        lock: &StackLock,
        attempt: &Attempt<'_>,
        ApplyOptions { events, cancel, .. }: ApplyOptions<'_>,
    ) -> Result<usize, AppError> {
        let prepared = attempt.prepared;
        let images = prepared.observed.images.iter();
        let hands = Hands {
            engine: prepared.engine.as_ref(),
            store: &self.store,
            clock: self.around.clock.as_ref(),
            stack: &prepared.stack.id,
            engine_id: &attempt.engine_id,
            apply: attempt.apply.clone(),
            steps: &prepared.plan.steps,
            hash_key: self.hash_key.as_ref().ok(),
            mask: &attempt.mask,
            images: images.map(|(name, image)| (name.clone(), image.id.clone())).collect(),
            starts: Starts::default(),
            ledger: &attempt.ledger,
            made: Mutex::default(),
            seen: Mutex::default(),
        };
        let journal = Journal {
            store: &self.store,
            clock: self.around.clock.as_ref(),
            lock,
            engine: &attempt.engine_id,
            apply: attempt.apply.clone(),
        };
        let run =
            Run { hands: &hands, journal: &journal, recorded: true, events, on_failure: OnFailure::Stop };
        let mut executed = run.execute(|action| !action.is_cleanup(), cancel).await;
        if executed.failed.is_empty()
            && !executed.cancelled
            && let Err(failure) = commit(&hands, &journal).await
        {
            executed.failed.push_back((StepId(hands.steps.len()), failure));
        }
        if !executed.failed.is_empty() || executed.cancelled {
            return Err(self.failed(&journal, attempt, executed, (events, cancel)).await.into());
        }
        let forward = Run { on_failure: OnFailure::GoOn, ..run };
        let cleaned = forward.execute(Action::is_cleanup, &CancellationToken::new()).await;
        self.settle(attempt).await?;
        if cleaned.failed.is_empty() {
            let told = journal.over(ApplyOutcome::Succeeded, None).await;
            told.map_err(|failure| Box::new(untold(attempt, failure)))?;
            return Ok(executed.done.len() + cleaned.done.len());
        }
        Err(Box::new(left_behind(&journal, attempt, cleaned).await).into())
    }

    /// After a failure before the commit point: puts back what ran, and says what came of that.
    async fn failed(
        &self,
        journal: &Journal<'_>,
        attempt: &Attempt<'_>,
        mut executed: Executed,
        (events, cancel): (EventSink<'_>, &CancellationToken),
    ) -> Box<ApplyFailure> {
        let copies = attempt.copies(&executed);
        let uncertain = Uncertain::of(&attempt.prepared.plan.steps, &executed.failed);
        if let Some(lost) = executed.failed.iter().position(|(_, failure)| is_lock_lost(failure)) {
            executed.failed.swap(0, lost);
        }
        let (step, failure) = match executed.failed.pop_front() {
            Some((id, failure)) => (Some(id), failure),
            None => (None, Failure::Cancelled),
        };
        let mut report = report(attempt, step, failure);
        if is_lock_lost(&report.failure) {
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
        let put_back = self.put_back(&undoing, events).await;
        let (outcome, ending) = ending(attempt, &report.failure, put_back, executed.done.len());
        report.ending = ending;
        if outcome.is_some() {
            self.unsettle(attempt).await;
        }
        if let Some(outcome) = outcome
            && let Err(failure) = journal.over(outcome, Some(&report.headline())).await
            && let Ending::PutBack { remains, .. } = &mut report.ending
        {
            remains.push(format!("the store could not be told: {failure}"));
        }
        Box::new(report)
    }

    /// Remembers that these containers, and those that stay, were made by an apply that came to its end: what they run on is
    /// theirs.
    async fn confirm(
        &self,
        (engine, prepared): (&EngineId, &Prepared),
        made: Vec<(InstanceId, String)>,
    ) -> Result<(), AppError> {
        let made: Vec<_> = made.into_iter().chain(unconfirmed(prepared)).collect();
        if made.is_empty() {
            return Ok(());
        }
        let made: Vec<_> = made.iter().map(|(instance, hash)| (instance, hash.as_str())).collect();
        self.store.settle_applied(&prepared.stack.id, &made).await?;
        self.forget_kept(engine, &prepared.desired).await
    }

    /// What was applied is now what is remembered.
    async fn settle(&self, attempt: &Attempt<'_>) -> Result<(), AppError> {
        let prepared = attempt.prepared;
        let made = prepared.plan.steps.iter().filter_map(|step| match &step.action {
            Action::CreateContainer { made, .. } => {
                Some((made.identity.instance.as_ref()?.id.clone(), made.hash.clone()))
            }
            _ => None,
        });
        let made = made.collect();
        self.confirm((&attempt.engine_id, prepared), made).await?;
        self.remember_removed(prepared).await
    }

    /// What an apply that was put back remembered is forgotten: only what runs again was made. Where the store can't
    /// be reached the next plan's reasons are less exact, no more.
    async fn unsettle(&self, attempt: &Attempt<'_>) {
        let Prepared { stack, plan, observed, .. } = attempt.prepared;
        for step in &plan.steps {
            let Action::CreateContainer { made, .. } = &step.action else { continue };
            let Some(instance) = &made.identity.instance else { continue };
            let mut containers = observed.containers.iter();
            let old = containers.find(|c| c.label(label::INSTANCE_ID) == Some(instance.id.as_str()));
            let _ = match old.and_then(|old| old.config_hash()) {
                Some(hash) => self.store.settle_applied(&stack.id, &[(&instance.id, hash)]).await,
                None => self.store.mark_removed(&stack.id, &instance.id).await,
            };
        }
    }

    /// Who does something, for locks, plans and the history.
    pub(crate) fn author(&self) -> Author {
        Author {
            user: self.settings.user.clone(),
            host: self.settings.host_name.clone(),
            pid: self.around.host.process(),
        }
    }
}

/// What the containers that stay were made from, where an apply that was killed had created them and could not say that it
/// came to its end.
fn unconfirmed(prepared: &Prepared) -> Vec<(InstanceId, String)> {
    let Prepared { plan, observed, remembered, stack, .. } = prepared;
    let removed: BTreeSet<&ContainerId> =
        plan.steps.iter().filter_map(|step| step.action.removes()).collect();
    let stays = |container: &&ObservedContainer| {
        remembered.ownership.is_of(&stack.id, *container) && !removed.contains(&container.id)
    };
    let begun = |container: &ObservedContainer| {
        let (instance, hash) = (container.label(label::INSTANCE_ID)?, container.config_hash()?);
        let known = remembered.spec(instance, Some(hash))?;
        (known.state == AppliedState::Begun).then(|| (InstanceId::new(instance), hash.to_owned()))
    };
    observed.containers.iter().filter(stays).filter_map(begun).collect()
}

/// The definition for the journal. What can't be read can't be written down either: a `down` without the key is no state to
/// return to.
fn definition(stack: &Stack) -> Result<Stored, StoreError> {
    let stored = Stored::of(&Definition::of(stack))?;
    Ok(match stored.secret {
        Sealable::Locked(_) => Stored { secret: Sealable::Nothing, ..stored },
        Sealable::Nothing | Sealable::Open(_) => stored,
    })
}

fn is_lock_lost(failure: &Failure) -> bool {
    matches!(failure, Failure::LockLost(_))
}

/// Everything is ready, and made from what was planned: from now on there is only forward.
async fn commit(hands: &Hands<'_>, journal: &Journal<'_>) -> Result<(), Failure> {
    hands.pinned().await?;
    journal.committed().await
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| SerializeError::from(error).into())
}
