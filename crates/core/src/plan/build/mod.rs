//! The planner: compares desired and observed state.

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

/// Compares the desired with the observed state and returns the steps, their order and their reasons. Pure: the same
/// input gives the same plan.
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
    /// The current container of each instance.
    current: BTreeMap<&'a InstanceName, &'a ObservedContainer>,
    /// Containers of the stack that belong to no instance.
    leftovers: Vec<&'a ObservedContainer>,
    /// Instances with a leftover: an apply was interrupted, so their running containers never became ready.
    unproven: BTreeSet<&'a InstanceName>,
    /// Unchanged containers of such instances, to be checked before the leftovers are removed.
    doubted: Vec<(&'a InstanceName, ContainerRef)>,
    steps: Vec<Step>,
    changes: Vec<Change>,
    /// Names of builds in the definition, each with the name that containers are created from.
    second_names: BTreeMap<(String, String), Cause>,
    /// Steps that supply images, the network and volumes.
    images: BTreeMap<String, StepId>,
    network: Option<StepId>,
    volumes: BTreeMap<String, StepId>,
    /// Steps that create networks of links, and that connect providers in other stacks to them.
    links: BTreeMap<&'a NetworkName, StepId>,
    joined: BTreeMap<&'a NetworkName, StepId>,
    /// By provider in another stack: the step after which it is ready.
    awaited: BTreeMap<&'a ContainerId, StepId>,
    /// By instance: the step that starts it, and the one after which it is ready.
    started: BTreeMap<&'a InstanceName, StepId>,
    ready: BTreeMap<&'a InstanceName, StepId>,
    /// Instances whose containers are recreated.
    replaced: BTreeSet<&'a InstanceName>,
    /// Steps that stop a container, each with that container.
    stops: Vec<(StepId, &'a ObservedContainer)>,
    /// Containers to remove once everything is ready.
    removals: Vec<Removal<'a>>,
    /// Records to update once everything is ready.
    memories: Vec<Memory<'a>>,
    /// Connections to remove once everything is ready.
    strays: Vec<Stray<'a>>,
    /// Warnings besides those of the desired state.
    warnings: Vec<Problem>,
    /// Objects that cannot be created.
    refused: Vec<Conflict>,
    /// Deferred problems with the definition that prevent the creation of a container.
    unmakeable: BTreeSet<Problem>,
    /// Notes besides those of the desired state.
    notes: BTreeSet<Problem>,
}

/// An instance whose steps are planned, with their cause.
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
    /// The name it will have at that point.
    name: ContainerName,
    cause: Cause,
}

/// Changed properties of an instance whose container itself stays unchanged.
struct Memory<'a> {
    name: &'a InstanceName,
    made: Box<ContainerRecipe>,
    cause: Cause,
}

/// A container's connection to a network that does not belong to its stack.
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

    /// Reports objects that carry the stack's labels but are not recorded as its own. They are left alone.
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

    /// Checks that every required container can be created.
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

    /// Returns an unused name derived from a container's, for its replacement or for a kept container. It contains a
    /// dot, which names set by users cannot; a number is appended if an interrupted apply left that name behind.
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

    /// Adds a step of an instance.
    fn step_for(
        &mut self,
        target: Target<'_>,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.step(Some(target.name), target.cause, action, after)
    }

    /// Returns the cause of a step.
    fn cause_of(&self, step: StepId) -> Cause {
        self.steps[step.0].cause
    }

    /// Adds a change of an instance, and returns the instance with that change as the cause of its steps.
    fn target(&mut self, name: &'a InstanceName, kind: ChangeKind, reason: Reason) -> Target<'a> {
        let change = self.change(Subject::Instance(name.clone()), kind, reason);
        Target { name, instance: &self.case.desired.instances[name], cause: Cause::Change(change) }
    }

    fn change(&mut self, subject: Subject, kind: ChangeKind, reason: Reason) -> ChangeId {
        self.changes.push(Change::new(subject, kind, reason));
        ChangeId(self.changes.len() - 1)
    }

    /// Adds a change of an image, network, volume or leftover, and returns it as the cause of its steps.
    fn cause(&mut self, subject: Subject, kind: ChangeKind, reason: Reason) -> Cause {
        Cause::Change(self.change(subject, kind, reason))
    }

    fn judge(&self, name: &'a InstanceName) -> Verdict<'a> {
        self.case.judge(name, &self.case.desired.instances[name], self.current.get(name).copied())
    }

    /// Sorts the changes by subject and updates the causes of steps.
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

/// Whether a container has to be stopped before it is replaced: this includes one that has exited, because its
/// restart policy may be about to restart it.
fn may_run(container: &ObservedContainer) -> bool {
    container.state != RunState::Created
}

/// Instances by id.
type Ids<'a> = BTreeMap<&'a str, (&'a InstanceName, &'a DesiredInstance)>;

/// Ranks the containers of one instance: the one with its proper name first, then a running one; kept and
/// half-created ones last.
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
