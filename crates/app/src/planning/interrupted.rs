//! An apply that was interrupted, read from the journal and the engine.

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

/// How long a call goes on at most after its caller is gone, in milliseconds: a stop, with its grace period.
pub(crate) const CALLS_END: i64 = 30_000;

/// How often and how long objects are looked at until they stand still.
pub(crate) const SETTLING_LOOKS: u32 = 75;

pub(crate) const SETTLING_PAUSE: Duration = Duration::from_millis(200);

/// How many applies the journal keeps at most.
pub(crate) const JOURNAL: u32 = 200;

/// As many looks that see the same say that they do.
pub(crate) const STILL_LOOKS: u32 = 5;

/// An apply that began and has not ended.
#[derive(Debug, Clone, Serialize)]
pub struct Interrupted {
    /// It.
    pub apply: ApplyId,
    /// The command it was.
    pub command: String,
    /// Whose.
    pub author: String,
    /// When it began (milliseconds since the Unix epoch).
    pub started_at: i64,
    /// The steps that were under way.
    pub steps: Vec<String>,
    /// Whether everything new was ready: then there is no way back, and none is needed.
    pub committed: bool,
    /// What ran before it, and before those it took over.
    #[serde(skip)]
    pub(crate) before: Before,
    /// It and those it took over.
    #[serde(skip)]
    pub(crate) applies: BTreeSet<ApplyId>,
    /// The complete copies they made, the oldest first.
    #[serde(skip)]
    pub(crate) copies: Vec<VolumeCopy>,
    /// Containers that may still be stopping.
    #[serde(skip)]
    pub(crate) stopping: BTreeSet<ContainerId>,
    /// When the last of the steps that were under way began (milliseconds since the Unix epoch).
    #[serde(skip)]
    pub(crate) last_begun: Option<i64>,
}

/// The apply of a stack that began and has not ended. While somebody holds the stack's lock it may be under way.
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

/// The apply of a stack that was interrupted and needs a decision: nobody is at work on it, and it was not only
/// removing what it had replaced.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn left_open(ctx: &Context, stack: &Stack) -> Result<Option<Interrupted>, OperationError> {
    let Some(open) = find_interrupted(ctx, stack).await? else { return Ok(None) };
    let at_work = ctx.store.locks().await?.iter().any(|lock| lock.stack == stack.id && lock.alive);
    Ok(Some(open).filter(|open| !open.committed && !at_work))
}

/// Copies of a stack's data that no undo needs once what is planned now is ready: those of the apply that was
/// interrupted, which the next one takes over, and those of applies that were past their commit point.
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

/// Waits until what was under way when an apply was killed has had its effect: an engine goes on with a call whose
/// caller is gone. Nothing is waited for while somebody else is at work, or once the calls can't go on any more.
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

/// Whether everything new was ready of an apply, or of the last of those that took over from it one after the other.
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

/// The copies of a stack's volumes that are on its engine, and the applies that made them.
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

/// What can be seen of a stack's objects, and whether one that was told to stop still runs.
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
    // A copy goes on to its end, too, and what is planned while it does is stale when it has ended.
    let passing = |c: &ObservedContainer| stopping.contains(&c.id) || c.label(label::COPIER).is_some();
    let runs = |c: &ObservedContainer| c.state == RunState::Running && passing(c);
    (seen.collect(), containers.clone().any(runs))
}

#[cfg(test)]
impl Interrupted {
    /// An apply that was interrupted while it started a container.
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
    /// By itself, without what it took over.
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

/// What an apply was going to do. Without it nothing is put back: a copy of data that is not known of would be taken
/// for one that lacks some.
pub(crate) fn shown(apply: &Apply) -> Result<ShownPlan, OperationError> {
    serde_json::from_str(&apply.shown).map_err(|error| unreadable(apply, error))
}

pub(crate) fn unreadable(apply: &Apply, source: serde_json::Error) -> OperationError {
    ApplyError::Journal { apply: apply.id.clone(), source }.into()
}

/// The copies an apply made to their end.
pub(crate) fn complete(shown: &ShownPlan, steps: &[StepRecord]) -> Vec<VolumeCopy> {
    let done = steps.iter().filter(|step| step.ended_at.is_some() && step.error.is_none());
    done.filter_map(|step| shown.steps.get(step.at as usize)?.copies.clone()).collect()
}

/// `ann@laptop`.
pub(crate) fn told(author: &Author) -> String {
    format!("{}@{}", author.user, author.host)
}
