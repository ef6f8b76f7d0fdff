//! The planner.

use super::{
    Action, Change, ChangeKind, ContainerRef, Plan, PlanError, PlanOptions, Reason, Remembered, Step, StepId,
    Subject,
    conflict::{conflicts, is_ours},
    instance::{Case, Verdict},
};
use crate::{
    desired::{Desired, DesiredInstance, Readiness, awaited},
    name::{ContainerName, InstanceName, StackName},
    observed::{Observed, ObservedContainer, ObservedNetwork, RunState},
    port::HostSocket,
    resolve::{Dependencies, start_order},
    spec::label,
    stack::Wanted,
    template::DependencyCondition,
};
use std::collections::{BTreeMap, BTreeSet};

/// Compares the wanted with the observed state and says what to do, in which order and why. Pure: the same input
/// gives the same plan.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    remembered: &Remembered,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    let conflicts = conflicts(desired, observed);
    if !conflicts.is_empty()
        && let Ok(stack) = desired.identity.stack_name.parse::<StackName>()
    {
        return Err(PlanError::Conflicts { stack, conflicts });
    }
    let case = Case { desired, observed, remembered, options };
    let mut builder = Builder::new(&case);
    builder.take_down();
    builder.bring_up();
    builder.order_ports();
    builder.verify();
    builder.commit();
    Ok(builder.finish())
}

/// The name a successor is created under, beside the container it replaces. A dot is in no name a user gives.
pub(super) fn next_name(name: &ContainerName) -> ContainerName {
    ContainerName::from_stored(format!("{name}.next"))
}

/// The name a replaced container is kept under until all is well.
pub(super) fn old_name(name: &ContainerName) -> ContainerName {
    ContainerName::from_stored(format!("{name}.old"))
}

struct Builder<'a> {
    case: &'a Case<'a>,
    /// By instance: its current container.
    current: BTreeMap<&'a InstanceName, &'a ObservedContainer>,
    /// Containers of the stack that are no instance's.
    leftovers: Vec<&'a ObservedContainer>,
    steps: Vec<Step>,
    changes: Vec<Change>,
    /// Steps that make images, the network and volumes.
    pulls: BTreeMap<String, StepId>,
    network: Option<StepId>,
    volumes: BTreeMap<String, StepId>,
    /// By instance: the step that starts it, and the one after which it is ready.
    started: BTreeMap<&'a InstanceName, StepId>,
    ready: BTreeMap<&'a InstanceName, StepId>,
    /// Instances whose containers are made anew.
    replaced: BTreeSet<&'a InstanceName>,
    /// Steps that stop a container, with it and its successor's providers.
    stops: Vec<(StepId, &'a ObservedContainer)>,
    /// Containers to remove once everything is ready.
    removals: Vec<(Option<InstanceName>, &'a ObservedContainer, ContainerName)>,
}

impl<'a> Builder<'a> {
    fn new(case: &'a Case<'a>) -> Self {
        let (mut current, mut leftovers) = (BTreeMap::new(), Vec::new());
        let mut ours: Vec<&ObservedContainer> = case
            .observed
            .containers
            .iter()
            .filter(|container| is_ours(case.desired, &container.labels))
            .collect();
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
                _ => leftovers.push(container),
            }
        }
        Self {
            case,
            current,
            leftovers,
            steps: Vec::new(),
            changes: Vec::new(),
            pulls: BTreeMap::new(),
            network: None,
            volumes: BTreeMap::new(),
            started: BTreeMap::new(),
            ready: BTreeMap::new(),
            replaced: BTreeSet::new(),
            stops: Vec::new(),
            removals: Vec::new(),
        }
    }

    fn order(&self) -> Vec<&'a InstanceName> {
        let instances = &self.case.desired.instances;
        let needs = |instance: &'a DesiredInstance| {
            instance.depends_on.keys().filter(|name| instances.contains_key(*name)).collect()
        };
        let dependencies: Dependencies<'a> = instances.iter().map(|(name, i)| (name, needs(i))).collect();
        start_order(&dependencies)
    }

    fn step(
        &mut self,
        instance: Option<&InstanceName>,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.steps.push(Step { instance: instance.cloned(), action, after: after.into_iter().collect() });
        StepId(self.steps.len() - 1)
    }

    fn change(&mut self, subject: Subject, kind: ChangeKind, reason: Reason) -> &mut Change {
        self.changes.push(Change { subject, kind, reason, fields: Vec::new(), spec: None });
        let last = self.changes.len() - 1;
        &mut self.changes[last]
    }

    /// Stops what should not run, consumers before their providers.
    fn take_down(&mut self) {
        let mut stopped: BTreeMap<&InstanceName, StepId> = BTreeMap::new();
        for name in self.order().into_iter().rev() {
            let instance = &self.case.desired.instances[name];
            let (container, kind) = match self.judge(name) {
                Verdict::Stop(container) => (container, ChangeKind::Update),
                Verdict::Remove(container) => (container, ChangeKind::Remove),
                _ => continue,
            };
            let consumers =
                self.case.desired.instances.iter().filter(|(_, i)| i.depends_on.contains_key(name));
            let after: BTreeSet<StepId> =
                consumers.filter_map(|(name, _)| stopped.get(name).copied()).collect();
            if let Some(step) = self.stop(Some(name), container, after, instance) {
                stopped.insert(name, step);
            }
            let reason =
                if kind == ChangeKind::Remove { Reason::WantedAbsent } else { Reason::WantedStopped };
            self.change(Subject::Instance(name.clone()), kind, reason);
            if kind == ChangeKind::Remove {
                self.removals.push((Some(name.clone()), container, container.name.clone()));
            }
        }
        for container in self.leftovers.clone() {
            if is_up(container) {
                let action = Action::Stop { container: existing(container), grace: None };
                let step = self.step(None, action, []);
                self.stops.push((step, container));
            }
            let suffixed = container.name.as_str().contains('.');
            let reason = if suffixed { Reason::LeftOver } else { Reason::NotDefined };
            self.change(Subject::Leftover(container.name.clone()), ChangeKind::Remove, reason);
            self.removals.push((None, container, container.name.clone()));
        }
    }

    fn stop(
        &mut self,
        name: Option<&InstanceName>,
        container: &'a ObservedContainer,
        after: BTreeSet<StepId>,
        instance: &DesiredInstance,
    ) -> Option<StepId> {
        if !is_up(container) {
            return None;
        }
        let grace = instance.spec.stop_grace_period;
        let step = self.step(name, Action::Stop { container: existing(container), grace }, after);
        self.stops.push((step, container));
        Some(step)
    }

    /// Makes and starts what should run, providers before their consumers.
    fn bring_up(&mut self) {
        for name in self.order() {
            let instance = &self.case.desired.instances[name];
            match self.judge(name) {
                Verdict::Keep(Some(container)) => self.keep(name, instance, container),
                Verdict::Create(reason) => self.create(name, instance, reason),
                Verdict::Replace { old, reason, fields } => {
                    let spec = Some(Box::new(instance.spec.clone()));
                    let change = self.change(Subject::Instance(name.clone()), ChangeKind::Replace, reason);
                    change.fields = fields;
                    change.spec = spec;
                    self.replace(name, instance, old);
                }
                Verdict::Start(container, reason) => {
                    self.change(Subject::Instance(name.clone()), ChangeKind::Update, reason);
                    let gate = self.providers(name, instance);
                    self.start(name, instance, existing(container), gate);
                }
                Verdict::Restart(container, reason) => {
                    self.restart(name, instance, container, reason);
                }
                Verdict::Connect(container) => self.connect(name, instance, container),
                Verdict::Keep(None) | Verdict::Stop(_) | Verdict::Remove(_) => {}
            }
        }
    }

    fn judge(&self, name: &'a InstanceName) -> Verdict<'a> {
        self.case.judge(name, &self.case.desired.instances[name], self.current.get(name).copied())
    }

    /// An unchanged container stays, unless it asked to be restarted with a provider.
    fn keep(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        let provider =
            instance.depends_on.iter().find(|(provider, d)| d.restart && self.replaced.contains(provider));
        if let Some((provider, _)) = provider
            && instance.wanted == Wanted::Running
            && instance.readiness != Readiness::Completed
        {
            self.restart(name, instance, container, Reason::ProviderReplaced { provider: provider.clone() });
        }
    }

    fn restart(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
        reason: Reason,
    ) {
        self.change(Subject::Instance(name.clone()), ChangeKind::Update, reason);
        let mut gate = self.providers(name, instance);
        gate.extend(self.stop(Some(name), container, gate.clone(), instance));
        self.start(name, instance, existing(container), gate);
    }

    fn connect(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        let Some(attachment) = instance.spec.network.clone() else {
            return;
        };
        self.change(Subject::Instance(name.clone()), ChangeKind::Update, Reason::Disconnected);
        let network = self.network_step();
        let step =
            self.step(Some(name), Action::Connect { container: existing(container), attachment }, network);
        self.started.insert(name, step);
        self.ready.insert(name, step);
    }

    fn create(&mut self, name: &'a InstanceName, instance: &'a DesiredInstance, reason: Reason) {
        let spec = Some(Box::new(instance.spec.clone()));
        self.change(Subject::Instance(name.clone()), ChangeKind::Create, reason).spec = spec;
        let (made, complete) = self.make(name, instance, instance.container.clone());
        if instance.wanted == Wanted::Running {
            let mut gate = self.providers(name, instance);
            gate.insert(complete);
            self.start(name, instance, ContainerRef::MadeBy(made), gate);
        }
    }

    /// The successor is made beside the old container, which stops only when everything else is there.
    fn replace(&mut self, name: &'a InstanceName, instance: &'a DesiredInstance, old: &'a ObservedContainer) {
        let (made, complete) = self.make(name, instance, next_name(&instance.container));
        let running = instance.wanted == Wanted::Running;
        let mut gate = if running { self.providers(name, instance) } else { BTreeSet::new() };
        gate.insert(complete);
        let stopped = self.stop(Some(name), old, gate.clone(), instance);
        gate.extend(stopped);
        let kept = old_name(&instance.container);
        let aside =
            self.step(Some(name), Action::Rename { container: existing(old), to: kept.clone() }, gate);
        let successor = ContainerRef::MadeBy(made);
        let to = instance.container.clone();
        let named = self.step(Some(name), Action::Rename { container: successor.clone(), to }, [aside]);
        if running {
            self.start(name, instance, successor, [named]);
        }
        self.replaced.insert(name);
        self.removals.push((Some(name.clone()), old, kept));
    }

    /// Creates a container and fills it; the step that makes it, and the one after which it can be started.
    fn make(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        under: ContainerName,
    ) -> (StepId, StepId) {
        let mut after: BTreeSet<StepId> = self.network_step().into_iter().collect();
        after.extend(self.pull_step(name, instance));
        after.extend(self.volume_steps(name, instance));
        let action = Action::CreateContainer {
            name: under,
            spec: Box::new(instance.spec.clone()),
            identity: self.case.desired.identity_of(name, instance),
            hash: instance.hash.clone(),
        };
        let made = self.step(Some(name), action, after);
        if instance.spec.config_files.is_empty() {
            return (made, made);
        }
        let files = instance.spec.config_files.clone();
        let filled =
            self.step(Some(name), Action::PutFiles { container: ContainerRef::MadeBy(made), files }, [made]);
        (made, filled)
    }

    fn start(
        &mut self,
        name: &'a InstanceName,
        instance: &DesiredInstance,
        container: ContainerRef,
        after: impl IntoIterator<Item = StepId>,
    ) {
        let started = self.step(Some(name), Action::Start { container: container.clone() }, after);
        self.started.insert(name, started);
        let ready = match &instance.readiness {
            Readiness::Running => started,
            readiness => {
                self.step(Some(name), Action::Await { container, readiness: readiness.clone() }, [started])
            }
        };
        self.ready.insert(name, ready);
    }

    /// The steps after which everything an instance depends on is as it asked.
    fn providers(&mut self, name: &'a InstanceName, instance: &'a DesiredInstance) -> BTreeSet<StepId> {
        let mut gate = BTreeSet::new();
        for (provider, dependency) in &instance.depends_on {
            let Some((provider, offered)) = self.case.desired.instances.get_key_value(provider) else {
                continue;
            };
            let steps = match dependency.condition {
                DependencyCondition::ServiceStarted => &self.started,
                _ => &self.ready,
            };
            if let Some(step) = steps.get(provider) {
                gate.insert(*step);
            } else if let Some(container) = self.current.get(provider)
                && offered.wanted == Wanted::Running
                && let readiness @ Readiness::Healthy(_) = awaited(dependency.condition, &offered.readiness)
            {
                let action = Action::Await { container: existing(container), readiness };
                let step = self.step(Some(provider), action, []);
                self.ready.insert(provider, step);
                gate.insert(step);
            }
        }
        debug_assert!(!gate.contains(&StepId(self.steps.len())), "{name} can't wait for itself");
        gate
    }

    fn network_step(&mut self) -> Option<StepId> {
        let desired = self.case.desired;
        if self.network.is_none()
            && !self.networks().any(|network| network.name == desired.network.name.as_str())
        {
            self.change(Subject::Network(desired.network.name.clone()), ChangeKind::Create, Reason::Missing);
            let action =
                Action::CreateNetwork { spec: desired.network.clone(), identity: desired.identity.clone() };
            self.network = Some(self.step(None, action, []));
        }
        self.network
    }

    /// The stack's networks: the one it should have, and others left by a rename.
    fn networks(&self) -> impl Iterator<Item = &'a ObservedNetwork> + use<'a> {
        let case = self.case;
        case.observed.networks.iter().filter(move |network| is_ours(case.desired, &network.labels))
    }

    fn pull_step(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Option<StepId> {
        let image = &instance.spec.image;
        if self.case.observed.images.contains_key(image) {
            return None;
        }
        if let Some(step) = self.pulls.get(image) {
            return Some(*step);
        }
        let reason = Reason::NeededBy { instance: name.clone() };
        self.change(Subject::Image(image.clone()), ChangeKind::Pull, reason);
        let action = Action::PullImage { image: image.clone(), platform: instance.spec.platform.clone() };
        let step = self.step(None, action, []);
        self.pulls.insert(image.clone(), step);
        Some(step)
    }

    fn volume_steps(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Vec<StepId> {
        let mut steps = Vec::new();
        for volume in &instance.volumes {
            if self.case.observed.volumes.contains_key(volume.name.as_str()) {
                continue;
            }
            if let Some(step) = self.volumes.get(volume.name.as_str()) {
                steps.push(*step);
                continue;
            }
            self.change(Subject::Volume(volume.name.clone()), ChangeKind::Create, Reason::Missing);
            let identity = self.case.desired.identity_of(name, instance);
            let step = self.step(Some(name), Action::CreateVolume { spec: volume.clone(), identity }, []);
            self.volumes.insert(volume.name.to_string(), step);
            steps.push(step);
        }
        steps
    }

    /// A host port that changes hands is released before it is taken.
    fn order_ports(&mut self) {
        for (name, start) in self.started.clone() {
            let wanted: Vec<HostSocket> =
                self.case.desired.instances[name].spec.ports.iter().map(socket).collect();
            for (stop, holder) in self.stops.clone() {
                let held = holder.ports.iter().any(|port| {
                    let held =
                        HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol };
                    wanted.iter().any(|socket| socket.overlaps(&held))
                });
                if !held || self.steps[start.0].after.contains(&stop) {
                    continue;
                }
                if self.depends(stop, start) {
                    self.release_early(stop);
                }
                if !self.depends(stop, start) {
                    self.steps[start.0].after.insert(stop);
                }
            }
        }
    }

    /// Whether `step` comes after `other`.
    fn depends(&self, step: StepId, other: StepId) -> bool {
        step == other || self.steps[step.0].after.iter().any(|before| self.depends(*before, other))
    }

    /// Stops a container without waiting for its successor's providers; the successor still does.
    fn release_early(&mut self, stop: StepId) {
        let gates: BTreeSet<StepId> = self.ready.values().chain(self.started.values()).copied().collect();
        let moved: Vec<StepId> = self.steps[stop.0].after.intersection(&gates).copied().collect();
        self.steps[stop.0].after.retain(|step| !gates.contains(step));
        let instance = self.steps[stop.0].instance.clone();
        let start = self.started.iter().find(|(name, _)| Some(**name) == instance.as_ref());
        if let Some((_, start)) = start {
            self.steps[start.0].after.extend(moved);
        }
    }

    /// A container that ends at once must not count as started.
    fn verify(&mut self) {
        let unproven: Vec<(InstanceName, ContainerRef)> = self
            .started
            .iter()
            .filter(|(name, _)| self.case.desired.instances[**name].readiness == Readiness::Running)
            .filter_map(|(name, step)| match &self.steps[step.0].action {
                Action::Start { container } => Some(((*name).clone(), container.clone())),
                _ => None,
            })
            .collect();
        if !unproven.is_empty() {
            let ends = self.ends();
            self.step(None, Action::Verify { containers: unproven }, ends);
        }
    }

    /// The steps nothing comes after yet.
    fn ends(&self) -> BTreeSet<StepId> {
        let awaited: BTreeSet<StepId> = self.steps.iter().flat_map(|step| &step.after).copied().collect();
        (0..self.steps.len()).map(StepId).filter(|step| !awaited.contains(step)).collect()
    }

    /// What is replaced or unwanted goes only when everything else is ready; the network last.
    fn commit(&mut self) {
        let ends = self.ends();
        let mut removed = ends.clone();
        for (instance, container, name) in std::mem::take(&mut self.removals) {
            let action = Action::RemoveContainer { container: existing(container), name };
            removed.insert(self.step(instance.as_ref(), action, ends.clone()));
        }
        let desired = self.case.desired;
        let wanted = desired.instances.values().any(|instance| instance.wanted != Wanted::Absent);
        for network in self.networks() {
            if wanted && network.name == desired.network.name.as_str() {
                continue;
            }
            let name = crate::name::NetworkName::from_stored(network.name.clone());
            let reason = if wanted { Reason::NotDefined } else { Reason::WantedAbsent };
            self.change(Subject::Network(name.clone()), ChangeKind::Remove, reason);
            self.step(None, Action::RemoveNetwork { id: network.id.clone(), name }, removed.clone());
        }
    }

    fn finish(mut self) -> Plan {
        self.changes.sort_by(|a, b| a.subject.cmp(&b.subject));
        let Case { desired, observed, .. } = self.case;
        Plan {
            stack: desired.identity.stack_name.clone(),
            engine: observed.engine.kind,
            engine_version: observed.engine.version.clone(),
            network: desired.network.clone(),
            changes: self.changes,
            warnings: desired.warnings.clone(),
            steps: self.steps,
        }
    }
}

fn existing(container: &ObservedContainer) -> ContainerRef {
    ContainerRef::Existing(container.id.clone())
}

fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state, RunState::Running | RunState::Paused)
}

fn socket(port: &crate::spec::PublishedPort) -> HostSocket {
    HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol }
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
    (place, !is_up(container), container.name.clone())
}
