//! An interrupted apply, reconstructed from the journal and the engine.

use crate::{
    Context, OperationError,
    error::ApplyError,
    planning::{engine_identity::observe_stack, observe::Look, shown_plan::ShownPlan},
};
use devarch_core::{
    id::{ApplyId, ContainerId},
    name::PhysicalVolume,
    observed::{ObservedContainer, RunState},
    ownership::{Listed, Seen},
    plan::{Before, VolumeCopy},
    spec::label,
    stack::Stack,
};
use devarch_engine::Engine;
use devarch_store::{Apply, Author, LockInfo, StepRecord};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The longest time a call continues after its caller is gone, in milliseconds: a stop, with its grace period.
pub(crate) const CALLS_END: i64 = 30_000;

/// How many times, and how long, objects are polled until they are stable.
pub(crate) const SETTLING_LOOKS: u32 = 75;

pub(crate) const SETTLING_PAUSE: Duration = Duration::from_millis(200);

/// The maximum number of applies in the journal.
pub(crate) const JOURNAL: u32 = 200;

/// Objects are stable after this many polls without a change.
pub(crate) const STILL_LOOKS: u32 = 5;

/// An apply that began and has not ended.
#[derive(Debug, Clone, Serialize)]
pub struct Interrupted {
    /// The apply's id.
    pub apply: ApplyId,
    /// Its command.
    pub command: String,
    /// Its author.
    pub author: String,
    /// When it began (milliseconds since the Unix epoch).
    pub started_at: i64,
    /// The steps that were under way.
    pub steps: Vec<String>,
    /// Whether everything new was ready: then there is no way back, and none is needed.
    pub committed: bool,
    /// The state before it, and before those it took over.
    #[serde(skip)]
    pub(crate) before: Before,
    /// This apply and those it took over.
    #[serde(skip)]
    pub(crate) applies: BTreeSet<ApplyId>,
    /// Their complete volume copies, oldest first.
    #[serde(skip)]
    pub(crate) copies: Vec<VolumeCopy>,
    /// Containers that may still be stopping.
    #[serde(skip)]
    pub(crate) stopping: BTreeSet<ContainerId>,
    /// When the last of the steps that were under way began (milliseconds since the Unix epoch).
    #[serde(skip)]
    pub(crate) last_begun: Option<i64>,
}

/// Returns the apply of a stack that began and has not ended. It may be in progress while the stack's lock is held.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn find_interrupted(ctx: &Context, stack: &Stack) -> Result<Option<Interrupted>, OperationError> {
    let Some(open) = ctx.store.unfinished_applies(&stack.id).await?.pop() else { return Ok(None) };
    let mut applies = BTreeSet::from([open.id.clone()]);
    let steps = ctx.store.apply_steps(&open.id).await?;
    let shown = shown(&open)?;
    let mut copies = complete(&shown, &steps);
    let mut earlier = open.resumes.clone();
    while let Some(id) = earlier.filter(|id| !applies.contains(id)) {
        let apply = ctx.store.apply(&id).await?;
        if let Some(apply) = &apply {
            let older = complete(&self::shown(apply)?, &ctx.store.apply_steps(&id).await?);
            copies.splice(0..0, older);
        }
        earlier = apply.and_then(|apply| apply.resumes);
        applies.insert(id);
    }
    Ok(Some(Interrupted { applies, copies, ..Interrupted::of(open, &shown, &steps)? }))
}

/// Returns the interrupted apply of a stack that needs a decision: no process is executing it, and more was left than
/// removing what it had replaced.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn left_open(ctx: &Context, stack: &Stack) -> Result<Option<Interrupted>, OperationError> {
    let Some(open) = find_interrupted(ctx, stack).await? else { return Ok(None) };
    let at_work = ctx.store.locks().await?.iter().any(|lock| lock.stack == stack.id && lock.alive);
    Ok(Some(open).filter(|open| !open.committed && !at_work))
}

/// Returns copies of a stack's data that no undo needs once the current plan is ready: those of the interrupted apply,
/// which the next one takes over, and those of applies past their commit point.
pub(crate) async fn spent_copies(
    ctx: &Context,
    stack: &Stack,
    seen: Seen<'_>,
) -> Result<BTreeSet<PhysicalVolume>, OperationError> {
    let copies = copies(stack, seen);
    if copies.is_empty() {
        return Ok(BTreeSet::new());
    }
    let open = find_interrupted(ctx, stack).await?.map(|open| open.applies).unwrap_or_default();
    let journal = ctx.store.applies(&stack.id, JOURNAL).await?;
    let spent = |apply: &ApplyId| open.contains(apply) || is_committed(&journal, apply);
    let spent = copies.into_iter().filter(|(_, apply)| apply.as_ref().is_some_and(spent));
    Ok(spent.map(|(copy, _)| copy).collect())
}

/// Waits for the effect of calls that were under way when an apply was killed: an engine continues a call whose caller
/// is gone. Does not wait while another process holds the lock, or once the calls must have ended.
pub(crate) async fn settle_interrupted(
    ctx: &Context,
    stack: &Stack,
    engine: &dyn Engine,
) -> Result<(), OperationError> {
    let Some(open) = find_interrupted(ctx, stack).await? else { return Ok(()) };
    let under_way = open.last_begun.is_some_and(|begun| ctx.clock.now() - begun < CALLS_END);
    let me = ctx.host.process();
    let others = |lock: &LockInfo| lock.stack == stack.id && lock.alive && lock.owner.author.pid != me;
    if !under_way || ctx.store.locks().await?.iter().any(others) {
        return Ok(());
    }
    let (mut last, mut same) = (None, 0);
    for _ in 0..SETTLING_LOOKS {
        let (observed, ownership) = observe_stack(ctx, stack, engine, &Look::default()).await?;
        let (seen, stopping) =
            picture(Seen { observed: &observed, ownership: &ownership }, stack, &open.stopping);
        same = if last.as_ref() == Some(&seen) { same + 1 } else { 0 };
        if same >= STILL_LOOKS && !stopping {
            break;
        }
        last = Some(seen);
        ctx.clock.sleep(SETTLING_PAUSE).await;
    }
    Ok(())
}

/// Returns whether everything new was ready in an apply, or in one that took over from it, directly or in turn.
pub(crate) fn is_committed(journal: &[Apply], id: &ApplyId) -> bool {
    let (mut seen, mut id) = (BTreeSet::new(), id);
    while seen.insert(id) {
        if journal.iter().any(|apply| apply.id == *id && apply.committed_at.is_some()) {
            return true;
        }
        match journal.iter().find(|later| later.resumes.as_ref() == Some(id)) {
            Some(later) => id = &later.id,
            None => return false,
        }
    }
    false
}

/// Returns the copies of a stack's volumes on its engine, with the applies that made them.
pub(crate) fn copies(
    stack: &Stack,
    Seen { observed, ownership }: Seen<'_>,
) -> BTreeMap<PhysicalVolume, Option<ApplyId>> {
    let ours = |(name, labels): &(&String, &BTreeMap<String, String>)| {
        ownership.is_of(&stack.id, Listed::volume(name, labels))
    };
    let named = observed.volumes.iter().filter(ours).map(|(name, labels)| {
        (PhysicalVolume::from_stored(name), labels.get(label::APPLY_ID).map(ApplyId::new))
    });
    named.filter(|(name, _)| name.is_copy()).collect()
}

/// Returns the observable state of a stack's objects, and whether a container that was asked to stop still runs.
pub(crate) fn picture(
    Seen { observed, ownership }: Seen<'_>,
    stack: &Stack,
    stopping: &BTreeSet<ContainerId>,
) -> (BTreeSet<String>, bool) {
    let containers = observed.containers.iter().filter(|container| ownership.is_of(&stack.id, *container));
    let networks = observed.networks.iter().filter(|network| ownership.is_of(&stack.id, *network));
    let seen = containers
        .clone()
        .map(|c| format!("{} {} {:?} {:?}", c.id, c.name, c.state, c.networks))
        .chain(networks.map(|network| network.id.to_string()));
    // Copies run to completion as well, and a plan made meanwhile is stale once they have ended.
    let passing = |c: &ObservedContainer| stopping.contains(&c.id) || c.label(label::COPIER).is_some();
    let runs = |c: &ObservedContainer| c.state == RunState::Running && passing(c);
    (seen.collect(), containers.clone().any(runs))
}

#[cfg(test)]
impl Interrupted {
    /// Returns an apply that was interrupted while it started a container.
    pub(crate) fn example() -> Self {
        use devarch_core::{
            id::{StackId, StoreId},
            plan::InstanceLabel,
        };
        Self {
            apply: ApplyId::new("01a2b3c4"),
            command: "apply shop".to_owned(),
            author: "ann@laptop".to_owned(),
            started_at: 0,
            steps: vec!["start devarch-shop-db".to_owned()],
            committed: false,
            before: Before {
                store: StoreId::new("01"),
                stack: StackId::new("01"),
                label: InstanceLabel::Id,
                containers: Vec::new(),
                networks: BTreeSet::new(),
                instances: BTreeMap::new(),
            },
            applies: BTreeSet::new(),
            copies: Vec::new(),
            stopping: BTreeSet::new(),
            last_begun: None,
        }
    }
}

impl Interrupted {
    /// Reads one apply, without those it took over.
    fn of(open: Apply, shown: &ShownPlan, steps: &[StepRecord]) -> Result<Self, OperationError> {
        let before = serde_json::from_str(&open.before).map_err(|error| unreadable(&open, error))?;
        let under_way = steps.iter().filter(|step| step.ended_at.is_none());
        let under_way: Vec<_> = under_way.filter_map(|step| shown.steps.get(step.at as usize)).collect();
        let last_begun = steps.iter().filter(|step| step.ended_at.is_none()).map(|step| step.begun_at).max();
        Ok(Self {
            last_begun,
            apply: open.id,
            command: open.command,
            author: told(&open.author),
            started_at: open.started_at,
            steps: under_way.iter().map(ToString::to_string).collect(),
            committed: open.committed_at.is_some(),
            before,
            applies: BTreeSet::new(),
            copies: Vec::new(),
            stopping: under_way.into_iter().filter_map(|step| step.stops.clone()).collect(),
        })
    }
}

/// Returns the plan of an apply. Without it nothing is rolled back: an unknown copy of data would be taken for an
/// incomplete one.
pub(crate) fn shown(apply: &Apply) -> Result<ShownPlan, OperationError> {
    serde_json::from_str(&apply.shown).map_err(|error| unreadable(apply, error))
}

pub(crate) fn unreadable(apply: &Apply, source: serde_json::Error) -> OperationError {
    ApplyError::Journal { apply: apply.id.clone(), source }.into()
}

/// Returns the copies an apply completed.
pub(crate) fn complete(shown: &ShownPlan, steps: &[StepRecord]) -> Vec<VolumeCopy> {
    let done = steps.iter().filter(|step| step.ended_at.is_some() && step.error.is_none());
    done.filter_map(|step| shown.steps.get(step.at as usize)?.copies.clone()).collect()
}

/// Formats an author: `ann@laptop`.
pub(crate) fn told(author: &Author) -> String {
    format!("{}@{}", author.user, author.host)
}
