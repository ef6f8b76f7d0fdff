//! Rollback: observe, act and observe again until nothing differs from the previous state.

use crate::{
    Context, OperationError,
    execution::{
        Event, EventSink,
        failure::Failure,
        journal::Journal,
        ledger::Ledger,
        runner::StepRunner,
        schedule::{Executed, OnFailure, Run},
        start_timings::StartTimings,
    },
    planning::observe::{Look, observe},
};
use devarch_core::{
    id::{ApplyId, ContainerId, EngineId},
    ownership::{Ownership, Seen},
    plan::{Action, Before, ContainerRef, Step, StepId, Undo, VolumeCopy, undo},
    secret::Mask,
    stack::Stack,
};
use devarch_engine::{Engine, EngineErrorKind};
use std::{collections::BTreeSet, sync::Mutex, time::Duration};
use tokio_util::sync::CancellationToken;

/// The pauses before each further look. They are long enough for an engine to restart.
const PAUSES: [Duration; 7] = [
    Duration::ZERO,
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// The longest pause after a cancel: the user does not wait for an unreachable engine.
const LONGEST_CANCELLED: Duration = Duration::from_secs(1);

/// How long an engine may take to show the result of a call that was never answered.
const SETTLING: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The input of a rollback.
pub(crate) struct Undoing<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) stack: &'a Stack,
    pub(crate) engine_id: &'a EngineId,
    pub(crate) before: &'a Before,
    /// The apply that is rolled back, the last of `applies`.
    pub(crate) apply: &'a ApplyId,
    pub(crate) applies: &'a BTreeSet<ApplyId>,
    /// The owners of the objects on the engine.
    pub(crate) ownership: &'a Ownership,
    /// The complete volume copies of those applies, oldest first.
    pub(crate) copies: &'a [VolumeCopy],
    pub(crate) uncertain: Uncertain,
    /// The stack's secrets, redacted in output of engine and containers.
    pub(crate) mask: &'a Mask,
    /// The journal of the apply that is undone, with the lock under which that happens.
    pub(crate) journal: &'a Journal<'a>,
    /// Once cancelled, the rollback waits for nothing more; the previous containers are started nevertheless.
    pub(crate) cancel: &'a CancellationToken,
}

/// Calls with an unknown outcome: interrupted, timed out, or under way when their apply was killed.
#[derive(Debug, Default)]
pub(crate) struct Uncertain {
    /// Containers that may be stopping.
    pub(crate) stops: BTreeSet<ContainerId>,
    /// Names of objects that may still be created.
    pub(crate) names: BTreeSet<String>,
}

impl Uncertain {
    /// Selects those of the failed steps whose call may have been carried out nevertheless.
    pub(crate) fn of<'a>(steps: &[Step], failed: impl IntoIterator<Item = &'a (StepId, Failure)>) -> Self {
        let unknown = |failure: &Failure| matches!(failure, Failure::Engine(error) if error.kind == EngineErrorKind::Uncertain);
        let mut uncertain = Self::default();
        for (id, _) in failed.into_iter().filter(|(_, failure)| unknown(failure)) {
            if let Some(step) = steps.get(id.0) {
                uncertain.add(&step.action);
            }
        }
        uncertain
    }

    fn add(&mut self, action: &Action) {
        match action {
            Action::Stop { container: ContainerRef::Existing(id), .. } => {
                self.stops.insert(id.clone());
            }
            Action::CreateContainer { name, .. } => {
                self.names.insert(name.to_string());
            }
            Action::CreateNetwork { spec, .. } => {
                self.names.insert(spec.name.to_string());
            }
            _ => {}
        }
    }
}

impl Undoing<'_> {
    async fn look(&self, ctx: &Context, stops: &BTreeSet<ContainerId>) -> Result<Undo, OperationError> {
        let observed = observe(ctx, self.engine, &Look::default()).await?;
        let seen = Seen { observed: &observed, ownership: self.ownership };
        Ok(undo(self.before, seen, self.applies, stops, self.copies))
    }
}

/// The result of a rollback.
pub(crate) enum PutBack {
    /// The previous containers are running again.
    Done {
        /// Whether anything had to be changed for it.
        changed: bool,
        /// What stays, or is lost.
        remains: Vec<String>,
    },
    /// The rollback failed.
    Stuck {
        /// The reason.
        why: String,
        /// The remaining work.
        remains: Vec<String>,
    },
    /// Another command has the stack's lock and decides what to do.
    LockLost {
        /// How it was lost.
        why: String,
    },
}

/// Restores what ran before. A cancel only ends waits, so that the rollback finishes soon; a second one ends the
/// process, and the next apply asks for a decision.
pub(crate) async fn roll_back(ctx: &Context, undoing: &Undoing<'_>, events: EventSink<'_>) -> PutBack {
    let mut why = "the engine does not settle".to_owned();
    let mut remains = Vec::new();
    let mut changed = false;
    for (round, pause) in PAUSES.into_iter().enumerate() {
        if undoing.cancel.is_cancelled() && pause > LONGEST_CANCELLED {
            break;
        }
        ctx.clock.sleep(pause).await;
        if round == 0 {
            settled(undoing, ctx).await;
        }
        let none = BTreeSet::new();
        let stops = if round == 0 { &undoing.uncertain.stops } else { &none };
        let undo = match undoing.look(ctx, stops).await {
            Ok(undo) => undo,
            Err(error) => {
                why = error.to_string();
                continue;
            }
        };
        if undo.steps.is_empty() {
            return PutBack::Done { changed, remains: notes(&undo) };
        }
        changed = true;
        remains = undo.steps.iter().map(told).collect();
        let mut executed = carry_out_undo(ctx, undoing, &undo.steps, events).await;
        if let Some(why) = executed.lock_lost() {
            return PutBack::LockLost { why: why.to_owned() };
        }
        if let Some((id, failure)) = executed.failed.pop_front() {
            let step = undo.steps.get(id.0).map(told).unwrap_or_default();
            why = format!("{step}: {failure}");
        }
    }
    PutBack::Stuck { why, remains }
}

async fn carry_out_undo(
    ctx: &Context,
    undoing: &Undoing<'_>,
    steps: &[Step],
    events: EventSink<'_>,
) -> Executed {
    let runner = StepRunner {
        engine: undoing.engine,
        store: &ctx.store,
        clock: ctx.clock.as_ref(),
        stack: &undoing.stack.id,
        engine_id: undoing.engine_id,
        apply: undoing.apply.clone(),
        hash_key: ctx.hash_key.as_ref().ok(),
        mask: undoing.mask,
        starts: StartTimings::default(),
        ledger: &Ledger::default(),
        made: Mutex::default(),
    };
    let quiet = |event: Event| {
        if let Event::Pull { .. } = event {
            events(event);
        }
    };
    let run = Run {
        steps,
        runner: &runner,
        journal: undoing.journal,
        recorded: false,
        events: &quiet,
        on_failure: OnFailure::GoOn,
    };
    run.execute(|_| true, undoing.cancel).await
}

/// Waits until the result of an unanswered call is visible, or does not appear any more.
async fn settled(undoing: &Undoing<'_>, ctx: &Context) {
    let mut missing = undoing.uncertain.names.clone();
    let until = ctx.clock.running() + SETTLING;
    while !missing.is_empty() && ctx.clock.running() < until {
        if let Ok(observed) = observe(ctx, undoing.engine, &Look::default()).await {
            let (ownership, applies) = (undoing.ownership, undoing.applies);
            let containers = observed.containers.iter();
            for container in containers.filter(|container| ownership.is_created_by(applies, *container)) {
                missing.remove(container.name.as_str());
            }
            let networks = observed.networks.iter();
            for network in networks.filter(|network| ownership.is_created_by(applies, *network)) {
                missing.remove(network.name.as_str());
            }
        }
        if !missing.is_empty() {
            ctx.clock.sleep(LOOK_AGAIN).await;
        }
    }
}

fn told(step: &Step) -> String {
    match &step.instance {
        Some(instance) => format!("{instance}: {}", step.action),
        None => step.action.to_string(),
    }
}

fn notes(undo: &Undo) -> Vec<String> {
    let volumes = undo.kept_volumes.iter().map(|name| format!("volume {name} was created and is kept"));
    undo.lost.iter().cloned().chain(volumes).collect()
}
