//! The planner.

mod copies;
mod down;
mod handover;
mod images;
pub(super) mod links;
mod order;
mod supplies;
mod takeover;
mod up;
mod verify;
mod wires;

use super::{
    Action, AppliedState, Cause, Change, ChangeId, ChangeKind, Conflict, ContainerRef, Plan, PlanError,
    PlanOptions, Reason, Step, StepId, Subject,
    conflict::conflicts,
    instance::{Case, Verdict},
};
use crate::{
    desired::{ContainerRecipe, Desired, DesiredInstance},
    diagnostic::Problem,
    id::ContainerId,
    name::{ContainerName, InstanceName, NetworkName},
    observed::{Observed, ObservedContainer, RunState},
    resolve::{Dependencies, start_order},
    spec::label,
};
use std::collections::{BTreeMap, BTreeSet};

/// Compares the wanted with the observed state and says what to do, in which order and why. Pure: the same input
/// gives the same plan.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    remembered: &AppliedState,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    in_the_way(desired, conflicts(desired, observed, remembered, options))?;
    let case = Case { desired, observed, remembered, options };
    let mut builder = Builder::new(&case);
    builder.report_unremembered();
    builder.tell_links();
    builder.take_down();
    builder.bring_up();
    builder.can_be_made()?;
    in_the_way(desired, std::mem::take(&mut builder.refused))?;
    builder.order_handovers();
    builder.order_copies();
    builder.order_names();
    builder.verify();
    builder.remember_all();
    builder.commit();
    Ok(builder.finish())
}

fn in_the_way(desired: &Desired, conflicts: Vec<Conflict>) -> Result<(), PlanError> {
    if conflicts.is_empty() {
        return Ok(());
    }
    Err(PlanError::Conflicts { stack: desired.identity.stack_name.clone(), conflicts })
}

struct Builder<'a> {
    case: &'a Case<'a>,
    /// By instance: its current container.
    current: BTreeMap<&'a InstanceName, &'a ObservedContainer>,
    /// Containers of the stack that are no instance's.
    leftovers: Vec<&'a ObservedContainer>,
    /// Instances with a leftover: an apply did not end, so what runs of them was never seen ready.
    unproven: BTreeSet<&'a InstanceName>,
    /// Unchanged containers of such instances, to be looked at before the leftovers go.
    doubted: Vec<(&'a InstanceName, ContainerRef)>,
    steps: Vec<Step>,
    changes: Vec<Change>,
    /// Names of builds in the definition, each after the name that containers are made from.
    second_names: BTreeMap<(String, String), Cause>,
    /// Steps that make images, the network and volumes.
    images: BTreeMap<String, StepId>,
    network: Option<StepId>,
    volumes: BTreeMap<String, StepId>,
    /// Steps that make networks of links, and that connect providers in other stacks to them.
    links: BTreeMap<&'a NetworkName, StepId>,
    joined: BTreeMap<&'a NetworkName, StepId>,
    /// By provider in another stack: the step after which it is ready.
    awaited: BTreeMap<&'a ContainerId, StepId>,
    /// By instance: the step that starts it, and the one after which it is ready.
    started: BTreeMap<&'a InstanceName, StepId>,
    ready: BTreeMap<&'a InstanceName, StepId>,
    /// Instances whose containers are made anew.
    replaced: BTreeSet<&'a InstanceName>,
    /// Steps that stop a container, with it and its successor's providers.
    stops: Vec<(StepId, &'a ObservedContainer)>,
    /// Containers to remove once everything is ready.
    removals: Vec<Removal<'a>>,
    /// What to remember once everything is ready.
    memories: Vec<Memory<'a>>,
    /// Connections to undo once everything is ready.
    strays: Vec<Stray<'a>>,
    /// What to beware of, besides what the wish itself warns of.
    warnings: Vec<Problem>,
    /// What can't be made.
    refused: Vec<Conflict>,
    /// Why something would have to be made and can't be, for what its definition says.
    unmakeable: BTreeSet<Problem>,
    /// What is worth knowing, besides what the wish itself tells.
    notes: BTreeSet<Problem>,
}

/// An instance whose steps are planned, and what they are for.
#[derive(Clone, Copy)]
struct Target<'a> {
    name: &'a InstanceName,
    instance: &'a DesiredInstance,
    cause: Cause,
}

/// A container to remove.
struct Removal<'a> {
    instance: Option<&'a InstanceName>,
    container: &'a ObservedContainer,
    /// Its name by then.
    name: ContainerName,
    cause: Cause,
}

/// What an instance's container stands for now, though nothing of itself changes.
struct Memory<'a> {
    name: &'a InstanceName,
    made: Box<ContainerRecipe>,
    cause: Cause,
}

/// A container's connection to a network that is not its own.
struct Stray<'a> {
    name: &'a InstanceName,
    container: &'a ObservedContainer,
    network: NetworkName,
    cause: Cause,
}

impl<'a> Builder<'a> {
    fn new(case: &'a Case<'a>) -> Self {
        let (mut current, mut leftovers, mut unproven) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let mut ours: Vec<&ObservedContainer> =
            case.observed.containers.iter().filter(|container| case.owns(*container)).collect();
        let ids: Ids<'a> = case
            .desired
            .instances
            .iter()
            .map(|(name, instance)| (instance.id.as_str(), (name, instance)))
            .collect();
        ours.sort_by_cached_key(|container| rank(&ids, container));
        for container in ours {
            match container.label(label::INSTANCE_ID).and_then(|id| ids.get(id)) {
                Some((name, _)) if !current.contains_key(*name) => {
                    current.insert(*name, container);
                }
                Some((name, _)) => {
                    unproven.insert(*name);
                    leftovers.push(container);
                }
                None => leftovers.push(container),
            }
        }
        Self {
            case,
            current,
            leftovers,
            unproven,
            doubted: Vec::new(),
            steps: Vec::new(),
            changes: Vec::new(),
            second_names: BTreeMap::new(),
            images: BTreeMap::new(),
            network: None,
            volumes: BTreeMap::new(),
            links: BTreeMap::new(),
            joined: BTreeMap::new(),
            awaited: BTreeMap::new(),
            started: BTreeMap::new(),
            ready: BTreeMap::new(),
            replaced: BTreeSet::new(),
            stops: Vec::new(),
            removals: Vec::new(),
            memories: Vec::new(),
            strays: Vec::new(),
            warnings: Vec::new(),
            refused: Vec::new(),
            unmakeable: BTreeSet::new(),
            notes: BTreeSet::new(),
        }
    }

    /// What carries the stack's labels and is not known to be its own is left alone, by its own name.
    fn report_unremembered(&mut self) {
        let ownership = &self.case.remembered.ownership;
        for object in ownership.unremembered(self.case.desired.stack_id(), self.case.observed) {
            let message = format!(
                "{} carries the labels of this stack, but DevArch does not remember creating it; it is left alone",
                object.called()
            );
            let field = object.kind.as_str().into();
            self.notes.insert(Problem { instance: None, field, message });
        }
    }

    /// Whether all that has to be made can be.
    fn can_be_made(&mut self) -> Result<(), PlanError> {
        let problems: Vec<Problem> = std::mem::take(&mut self.unmakeable).into_iter().collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(PlanError::Unmakeable { stack: self.case.desired.identity.stack_name.clone(), problems })
    }

    fn order(&self) -> Vec<&'a InstanceName> {
        let instances = &self.case.desired.instances;
        let needs = |instance: &'a DesiredInstance| {
            instance.depends_on.keys().filter(|name| instances.contains_key(*name)).collect()
        };
        let dependencies: Dependencies<'a> = instances.iter().map(|(name, i)| (name, needs(i))).collect();
        start_order(&dependencies)
    }

    /// A name beside a container's own, for its successor or for what is kept of it. A dot is in no name a user
    /// gives; a number follows where an apply that did not end has left one.
    fn beside(&self, name: &ContainerName, what: &str) -> ContainerName {
        let taken =
            |name: &ContainerName| self.case.observed.containers.iter().any(|other| other.name == *name);
        let first = ContainerName::from_stored(format!("{name}.{what}"));
        let further = (2..u32::MAX).map(|n| ContainerName::from_stored(format!("{name}.{what}{n}")));
        std::iter::once(first.clone()).chain(further).find(|name| !taken(name)).unwrap_or(first)
    }

    fn step(
        &mut self,
        instance: Option<&InstanceName>,
        cause: Cause,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        let after = after.into_iter().collect();
        self.steps.push(Step { instance: instance.cloned(), action, cause, after });
        StepId(self.steps.len() - 1)
    }

    /// A step of an instance.
    fn step_for(
        &mut self,
        target: Target<'_>,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.step(Some(target.name), target.cause, action, after)
    }

    /// What a step is for.
    fn cause_of(&self, step: StepId) -> Cause {
        self.steps[step.0].cause
    }

    /// An instance with a change that its steps are for.
    fn target(&mut self, name: &'a InstanceName, kind: ChangeKind, reason: Reason) -> Target<'a> {
        let change = self.change(Subject::Instance(name.clone()), kind, reason);
        Target { name, instance: &self.case.desired.instances[name], cause: Cause::Change(change) }
    }

    fn change(&mut self, subject: Subject, kind: ChangeKind, reason: Reason) -> ChangeId {
        self.changes.push(Change::new(subject, kind, reason));
        ChangeId(self.changes.len() - 1)
    }

    /// Adds a change of an image, a network, a volume or a leftover: what the steps that bring it about are for.
    fn cause(&mut self, subject: Subject, kind: ChangeKind, reason: Reason) -> Cause {
        Cause::Change(self.change(subject, kind, reason))
    }

    fn judge(&self, name: &'a InstanceName) -> Verdict<'a> {
        self.case.judge(name, &self.case.desired.instances[name], self.current.get(name).copied())
    }

    /// Sorts the changes by what they are about. Steps still name the one they are for.
    fn sort_changes(&mut self) {
        let mut changes: Vec<(usize, Change)> =
            std::mem::take(&mut self.changes).into_iter().enumerate().collect();
        changes.sort_by(|(_, a), (_, b)| a.subject.cmp(&b.subject));
        let moved = changes.iter().enumerate();
        let places: BTreeMap<ChangeId, ChangeId> =
            moved.map(|(now, (before, _))| (ChangeId(*before), ChangeId(now))).collect();
        for step in &mut self.steps {
            if let Cause::Change(change) = &mut step.cause {
                *change = places[change];
            }
        }
        self.changes = changes.into_iter().map(|(_, change)| change).collect();
    }

    fn finish(mut self) -> Plan {
        self.tell_consumers();
        self.sort_changes();
        let unused_volumes = self.unused_volumes();
        let takeovers = self.takeovers();
        self.warnings.extend(takeover::warnings(&takeovers));
        let Case { desired, observed, .. } = self.case;
        Plan {
            stack: desired.identity.stack_name.to_string(),
            engine: observed.engine.kind,
            engine_version: observed.engine.version.clone(),
            network: desired.network.clone(),
            unsettled: self.unsettled(),
            changes: self.changes,
            wires: wires::listed(desired),
            unwired: wires::lost(desired),
            takeovers,
            warnings: desired.warnings.iter().cloned().chain(self.warnings).collect(),
            notes: desired.notes.iter().cloned().chain(self.notes).collect(),
            unused_volumes,
            steps: self.steps,
        }
    }
}

fn existing(container: &ObservedContainer) -> ContainerRef {
    ContainerRef::Existing(container.id.clone())
}

/// Whether a container has to be stopped before another takes its place: also one that has exited, for its restart
/// policy may be about to start it again.
fn may_run(container: &ObservedContainer) -> bool {
    container.state != RunState::Created
}

/// Instances by identity.
type Ids<'a> = BTreeMap<&'a str, (&'a InstanceName, &'a DesiredInstance)>;

/// Among several containers of one instance, the one with its proper name comes first, then one that runs; kept
/// and half-made ones come last.
fn rank(ids: &Ids<'_>, container: &ObservedContainer) -> (u8, bool, ContainerName) {
    let id = container.label(label::INSTANCE_ID).unwrap_or_default();
    let proper = ids.get(id).is_some_and(|(_, instance)| instance.container == container.name);
    let place = match (proper, container.name.as_str().contains('.')) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    };
    (place, container.state != RunState::Running, container.name.clone())
}
