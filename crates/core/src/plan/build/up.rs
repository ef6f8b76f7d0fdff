//! Plans the creation and start of containers that should run.

use super::{
    Builder, Memory, Removal, Stray, Target, existing,
    links::{LinkPlace, is_link},
};
use crate::{
    desired::{ContainerRecipe, DesiredInstance},
    diagnostic::Problem,
    name::{ContainerName, InstanceName, NetworkName},
    observed::{HealthState, ObservedContainer, RunState},
    persisted::IMAGE,
    plan::{
        Action, Cause, ChangeId, ChangeKind, ContainerRef, FieldDiff, Reason, StepId, Subject, VolumeCopy,
        instance::{Verdict, is_detached},
    },
    readiness::{Readiness, awaited},
    stack::DesiredRun,
    template::DependencyCondition,
};
use std::collections::BTreeSet;

/// The step that creates a container, and the one after which it can be started.
struct Created {
    step: StepId,
    filled: StepId,
}

impl<'a> Builder<'a> {
    /// Creates and starts containers that should run, providers before their consumers.
    pub(super) fn bring_up(&mut self) {
        for name in self.order() {
            let instance = &self.case.desired.instances[name];
            let verdict = self.judge(name);
            if let Verdict::Keep(Some(stays))
            | Verdict::Start(stays, _)
            | Verdict::Restart(stays, _)
            | Verdict::Stop(stays) = &verdict
            {
                self.remember(name, instance, stays);
                self.isolate(name, instance, stays);
            }
            match verdict {
                Verdict::Keep(Some(container)) => self.keep(name, instance, container),
                Verdict::Create(reason) => self.create(name, reason),
                Verdict::Replace { old, reason, fields } => self.replace(name, old, reason, fields),
                Verdict::Start(container, reason) => self.start_existing(name, container, reason),
                Verdict::Restart(container, reason) => self.restart(name, container, reason),
                Verdict::Stop(container) => {
                    self.mend(name, instance, container, None);
                }
                Verdict::Keep(None) | Verdict::Remove(_) => {}
            }
        }
    }

    /// Records changed dependencies of a container that stays; they do not affect the container itself.
    fn remember(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        let made = match self.case.desired.made(name, instance) {
            Ok(made) => made,
            Err(problems) => return self.leave(problems),
        };
        let reordered = self.case.reordered(instance, container);
        if reordered.is_empty() {
            return;
        }
        let change = self.change(Subject::Instance(name.clone()), ChangeKind::Update, Reason::Changed);
        let cause = Cause::Change(change);
        if reordered.iter().any(|field| field.field == IMAGE) {
            self.name_build(Target { name, instance, cause });
        }
        self.changes[change.0].fields = reordered;
        // The record is kept under the container's own hash.
        let hash = container.config_hash().map_or_else(|| made.hash.clone(), str::to_owned);
        self.memories.push(Memory { name, made: Box::new(ContainerRecipe { hash, ..made }), cause });
    }

    /// Reports the deferred problems of an instance that is not created.
    fn leave(&mut self, problems: &[Problem]) {
        self.notes.extend(problems.iter().map(|problem| Problem {
            message: format!(
                "{}; until this is fixed, existing containers are kept and no new ones are created",
                problem.message
            ),
            ..problem.clone()
        }));
    }

    /// Disconnects a container from every network except its stack's and those of its links.
    fn isolate(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        let Some(own) = &instance.spec.network else { return };
        let links = self.link_names(instance);
        let strange = |network: &&String| **network != own.name.as_str() && !links.contains(*network);
        for network in container.networks.keys().filter(strange) {
            let ended = self.networks().any(|ours| ours.name == *network && is_link(ours));
            let reason = if ended {
                Reason::LinkEnded
            } else {
                Reason::ConnectedElsewhere { network: network.clone() }
            };
            let cause = self.target(name, ChangeKind::Update, reason).cause;
            let network = NetworkName::from_stored(network);
            self.strays.push(Stray { name, container, network, cause });
        }
    }

    /// Keeps an unchanged container, restarting it if a dependency with `restart` is replaced. After an interrupted
    /// apply it never became ready, so it has to before the leftovers are removed.
    pub(super) fn keep(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        if instance.wanted != DesiredRun::Running || instance.readiness == Readiness::Completed {
            self.mend(name, instance, container, None);
            return;
        }
        let mut providers = instance.depends_on.iter();
        if let Some((provider, _)) = providers.find(|(name, d)| d.restart && self.replaced.contains(name)) {
            let reason = Reason::ProviderReplaced { provider: provider.clone() };
            self.restart(name, container, reason);
            return;
        }
        self.reach(name, instance, None);
        self.provision(name, instance, None);
        let mended = self.mend(name, instance, container, None);
        if let Some(step) = mended.last() {
            self.started.insert(name, *step);
            self.ready.insert(name, *step);
        }
        let unproven = self.unproven.contains(name);
        let unknown = self.case.options.prove && container.health != Some(HealthState::Healthy);
        if unproven || unknown {
            let container = existing(container);
            match &instance.readiness {
                Readiness::Running if unproven => self.doubted.push((name, container)),
                Readiness::Running => {}
                readiness => {
                    let action = Action::Await { container, readiness: readiness.clone() };
                    let step = self.step(Some(name), Cause::Proof, action, mended);
                    self.ready.insert(name, step);
                }
            }
        }
    }

    fn start_existing(&mut self, name: &'a InstanceName, container: &'a ObservedContainer, reason: Reason) {
        let instance = &self.case.desired.instances[name];
        if !self.has_files(name, instance, container) {
            return;
        }
        let target = self.target(name, ChangeKind::Update, reason);
        let mut gate = self.providers(target);
        gate.extend(self.mend(name, instance, container, None));
        gate.extend(self.fill(target, container));
        self.start(target, existing(container), gate);
    }

    fn restart(&mut self, name: &'a InstanceName, container: &'a ObservedContainer, reason: Reason) {
        let target = self.target(name, ChangeKind::Update, reason);
        let mut gate = self.providers(target);
        let stopped = self.stop(target, container, gate.clone());
        gate.extend(stopped);
        gate.extend(self.mend(name, target.instance, container, stopped));
        self.start(target, existing(container), gate);
    }

    /// Restores the name and network connection of a container that stays, before it is started.
    fn mend(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
        stopped: Option<StepId>,
    ) -> BTreeSet<StepId> {
        let mut mended = BTreeSet::new();
        if container.name != instance.container {
            let reason = Reason::Renamed { name: container.name.to_string() };
            let cause = self.reason(name, reason);
            let action = Action::Rename { container: existing(container), to: instance.container.clone() };
            mended.insert(self.step(Some(name), cause, action, stopped));
        }
        if let Some(attachment) = &instance.spec.network
            && instance.wanted == DesiredRun::Running
            && is_detached(instance, container)
        {
            let cause = self.reason(name, Reason::Disconnected);
            let network = self.network_step();
            let action = Action::Connect { container: existing(container), attachment: attachment.clone() };
            mended.insert(self.step(Some(name), cause, action, network.into_iter().chain(stopped)));
        }
        if instance.wanted == DesiredRun::Running {
            mended.extend(self.mend_links(name, instance, container, stopped));
        }
        mended
    }

    fn mend_links(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
        stopped: Option<StepId>,
    ) -> BTreeSet<StepId> {
        let mut mended = BTreeSet::new();
        for LinkPlace { attachment, made, with } in self.link_places(name, instance) {
            if container.networks.contains_key(attachment.name.as_str()) {
                continue;
            }
            let cause = self.reason(name, Reason::LinkCut { with });
            let action = Action::Connect { container: existing(container), attachment };
            mended.insert(self.step(Some(name), cause, action, made.into_iter().chain(stopped)));
        }
        mended
    }

    /// Writes the config files again into a container that was never started: whether it has them cannot be observed.
    fn fill(&mut self, target: Target<'_>, container: &ObservedContainer) -> Option<StepId> {
        let files = &target.instance.spec.config_files;
        if container.state != RunState::Created || files.is_empty() {
            return None;
        }
        let action = Action::PutFiles { container: existing(container), files: files.clone() };
        Some(self.step_for(target, action, []))
    }

    /// Whether a container has its config files, or they can be written into it.
    fn has_files(
        &mut self,
        name: &InstanceName,
        instance: &DesiredInstance,
        container: &ObservedContainer,
    ) -> bool {
        container.state != RunState::Created
            || instance.spec.config_files.is_empty()
            || self.made(name, instance).is_some()
    }

    /// Adds another reason to update an instance, and returns it as the cause of steps; an existing change with that
    /// reason is reused.
    pub(super) fn reason(&mut self, name: &InstanceName, reason: Reason) -> Cause {
        let subject = Subject::Instance(name.clone());
        let mut changes = self.changes.iter();
        match changes.position(|change| change.subject == subject && change.reason == reason) {
            Some(known) => Cause::Change(ChangeId(known)),
            None => self.cause(subject, ChangeKind::Update, reason),
        }
    }

    /// Returns the recipe of an instance's container. If there is none although the container is needed, planning
    /// fails.
    fn made(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Option<ContainerRecipe> {
        let needed = self.case.options.needed.as_ref().is_none_or(|needed| needed.contains(name));
        match self.case.desired.made(name, instance) {
            Ok(made) => return Some(made),
            Err(problems) if needed => self.unmakeable.extend(problems.iter().cloned()),
            Err(problems) => self.leave(problems),
        }
        None
    }

    fn create(&mut self, name: &'a InstanceName, reason: Reason) {
        let instance = &self.case.desired.instances[name];
        let Some(made) = self.made(name, instance) else { return };
        let change = self.change(Subject::Instance(name.clone()), ChangeKind::Create, reason);
        self.changes[change.0].spec = Some(Box::new(instance.spec.clone()));
        self.changes[change.0].outside.clone_from(&instance.outside);
        let target = Target { name, instance, cause: Cause::Change(change) };
        let created = self.make(target, made, instance.container.clone());
        if instance.wanted == DesiredRun::Running {
            let mut gate = self.providers(target);
            gate.insert(created.filled);
            self.start(target, ContainerRef::MadeBy(created.step), gate);
        }
    }

    fn replace(
        &mut self,
        name: &'a InstanceName,
        old: &'a ObservedContainer,
        reason: Reason,
        fields: Vec<FieldDiff>,
    ) {
        let instance = &self.case.desired.instances[name];
        let Some(made) = self.made(name, instance) else { return };
        let may_change_data = self.case.may_change_data(instance, old);
        let copies = if may_change_data { self.copies(instance, old) } else { Vec::new() };
        let id = self.change(Subject::Instance(name.clone()), ChangeKind::Replace, reason);
        let change = &mut self.changes[id.0];
        change.fields = fields;
        change.spec = Some(Box::new(instance.spec.clone()));
        change.may_change_data = may_change_data && copies.is_empty();
        change.copies.clone_from(&copies);
        self.swap(Target { name, instance, cause: Cause::Change(id) }, made, old, &copies);
    }

    /// Replaces a container: the new one is created beside the old one, which stops only when everything else exists.
    /// Its data is copied while neither runs.
    fn swap(
        &mut self,
        target: Target<'a>,
        made: ContainerRecipe,
        old: &'a ObservedContainer,
        copies: &[VolumeCopy],
    ) {
        let container = &target.instance.container;
        let created = self.make(target, made, self.beside(container, "next"));
        let running = target.instance.wanted == DesiredRun::Running;
        let mut gate = if running { self.providers(target) } else { BTreeSet::new() };
        gate.insert(created.filled);
        gate.extend(self.make_room(target, copies));
        let stopped = self.stop(target, old, gate.clone());
        gate.extend(stopped);
        let mut filled = self.copy(target, copies, &gate);
        let kept = self.beside(container, "old");
        let aside = Action::Rename { container: existing(old), to: kept.clone() };
        let aside = self.step_for(target, aside, gate);
        let successor = ContainerRef::MadeBy(created.step);
        let named = Action::Rename { container: successor.clone(), to: container.clone() };
        let named = self.step_for(target, named, [aside]);
        if running {
            filled.insert(named);
            self.start(target, successor, filled);
        }
        self.replaced.insert(target.name);
        let (instance, cause) = (Some(target.name), target.cause);
        self.removals.push(Removal { instance, container: old, name: kept, cause });
    }

    /// Creates a container and writes its files.
    fn make(&mut self, target: Target<'a>, made: ContainerRecipe, under: ContainerName) -> Created {
        let mut after: BTreeSet<StepId> = self.network_step().into_iter().collect();
        let image = self.image_step(target);
        after.extend(image);
        after.extend(self.volume_steps(target));
        let image_id = made.image_id.clone().filter(|_| !self.brings_another(image));
        let made = Box::new(ContainerRecipe { image_id, ..made });
        let step = self.step_for(target, Action::CreateContainer { name: under, made }, after);
        let mut filled = step;
        let files = &target.instance.spec.config_files;
        if !files.is_empty() {
            let action = Action::PutFiles { container: ContainerRef::MadeBy(step), files: files.clone() };
            filled = self.step_for(target, action, [step]);
        }
        Created { step, filled: self.join_links(target, step, filled) }
    }

    pub(super) fn start(
        &mut self,
        target: Target<'a>,
        container: ContainerRef,
        after: impl IntoIterator<Item = StepId>,
    ) {
        let Target { name, instance, cause } = target;
        let mut after: BTreeSet<StepId> = after.into_iter().collect();
        after.extend(self.provision(name, instance, Some(cause)));
        let started = self.step_for(target, Action::Start { container: container.clone() }, after);
        self.started.insert(name, started);
        let ready = match &instance.readiness {
            Readiness::Running => started,
            readiness => {
                self.step_for(target, Action::Await { container, readiness: readiness.clone() }, [started])
            }
        };
        self.ready.insert(name, ready);
    }

    /// Returns the steps after which all dependencies of an instance meet their conditions.
    fn providers(&mut self, target: Target<'a>) -> BTreeSet<StepId> {
        let Target { name, instance, cause } = target;
        let mut gate = self.reach(name, instance, Some(cause));
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
                && offered.wanted == DesiredRun::Running
                && let readiness @ Readiness::Healthy(_) = awaited(dependency.condition, &offered.readiness)
            {
                let action = Action::Await { container: existing(container), readiness };
                let step = self.step(Some(provider), cause, action, []);
                self.ready.insert(provider, step);
                gate.insert(step);
            }
        }
        debug_assert!(!gate.contains(&StepId(self.steps.len())), "{name} cannot wait for itself");
        gate
    }
}
