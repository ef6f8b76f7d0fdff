//! Making and starting what should run.

use super::{
    Builder, existing,
    links::{LinkPlace, is_link},
};
use crate::{
    desired::{DesiredInstance, Made},
    diagnostic::Problem,
    name::{ContainerName, InstanceName, NetworkName},
    observed::{HealthState, ObservedContainer, RunState},
    persisted::IMAGE,
    plan::{
        Action, ChangeKind, ContainerRef, Reason, StepId, Subject, VolumeCopy,
        instance::{Verdict, is_detached},
    },
    readiness::{Readiness, awaited},
    stack::Wanted,
    template::DependencyCondition,
};
use std::collections::BTreeSet;

impl<'a> Builder<'a> {
    /// Makes and starts what should run, providers before their consumers.
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
                Verdict::Create(reason) => self.create(name, instance, reason),
                Verdict::Replace { old, reason, fields } => {
                    let Some(made) = self.made(name, instance) else { continue };
                    let spec = Some(Box::new(instance.spec.clone()));
                    let may_change_data = self.case.may_change_data(instance, old);
                    let copies = if may_change_data { self.copies(instance, old) } else { Vec::new() };
                    let change = self.change(Subject::Instance(name.clone()), ChangeKind::Replace, reason);
                    change.fields = fields;
                    change.spec = spec;
                    change.may_change_data = may_change_data && copies.is_empty();
                    change.copies.clone_from(&copies);
                    self.replace((name, instance), made, old, &copies);
                }
                Verdict::Start(container, reason) => {
                    if !self.has_files(name, instance, container) {
                        continue;
                    }
                    self.change(Subject::Instance(name.clone()), ChangeKind::Update, reason);
                    let mut gate = self.providers(name, instance);
                    gate.extend(self.mend(name, instance, container, None));
                    gate.extend(self.fill(name, instance, container));
                    self.start(name, instance, existing(container), gate);
                }
                Verdict::Restart(container, reason) => {
                    self.restart(name, instance, container, reason);
                }
                Verdict::Stop(container) => {
                    self.mend(name, instance, container, None);
                }
                Verdict::Keep(None) | Verdict::Remove(_) => {}
            }
        }
    }

    /// Other dependencies change nothing of a container that stays; they are remembered.
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
        if !reordered.is_empty() {
            if reordered.iter().any(|field| field.field == IMAGE) {
                let spec = &instance.spec;
                self.second_names.extend(self.second_name(&spec.image, spec.image_reference()));
            }
            // Under the hash that the container is known by.
            let hash = container.config_hash().map_or_else(|| made.hash.clone(), str::to_owned);
            let made = Made { hash, ..made };
            self.change(Subject::Instance(name.clone()), ChangeKind::Update, Reason::Changed).fields =
                reordered;
            self.memories.push((name, Box::new(made)));
        }
    }

    /// What is wrong was deferred, and is told.
    fn leave(&mut self, problems: &[Problem]) {
        self.notes.extend(problems.iter().map(|problem| Problem {
            message: format!(
                "{}; until this is fixed, existing containers are kept and no new ones are created",
                problem.message
            ),
            ..problem.clone()
        }));
    }

    /// A container of a stack is on its stack's network and on no other.
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
            self.change(Subject::Instance(name.clone()), ChangeKind::Update, reason);
            self.strays.push((name, container, NetworkName::from_stored(network)));
        }
    }

    /// An unchanged container stays, unless it asked to be restarted with a provider. Where an apply did not end, it
    /// was never seen ready: it has to be before what is left over goes.
    pub(super) fn keep(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) {
        if instance.wanted != Wanted::Running || instance.readiness == Readiness::Completed {
            self.mend(name, instance, container, None);
            return;
        }
        let mut providers = instance.depends_on.iter();
        if let Some((provider, _)) = providers.find(|(name, d)| d.restart && self.replaced.contains(name)) {
            let reason = Reason::ProviderReplaced { provider: provider.clone() };
            self.restart(name, instance, container, reason);
            return;
        }
        self.reach(name, instance, false);
        self.provision(name, instance, true);
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
                    let step = self.step(Some(name), action, mended);
                    self.ready.insert(name, step);
                }
            }
        }
    }

    pub(super) fn restart(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
        reason: Reason,
    ) {
        self.change(Subject::Instance(name.clone()), ChangeKind::Update, reason);
        let mut gate = self.providers(name, instance);
        let stopped = self.stop(Some(name), container, gate.clone(), instance);
        gate.extend(stopped);
        gate.extend(self.mend(name, instance, container, stopped));
        self.start(name, instance, existing(container), gate);
    }

    /// Gives a container that stays its name and its place in the network back, before it is started.
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
            self.reason(name, reason);
            let action = Action::Rename { container: existing(container), to: instance.container.clone() };
            mended.insert(self.step(Some(name), action, stopped));
        }
        if let Some(attachment) = &instance.spec.network
            && instance.wanted == Wanted::Running
            && is_detached(instance, container)
        {
            self.reason(name, Reason::Disconnected);
            let network = self.network_step();
            let action = Action::Connect { container: existing(container), attachment: attachment.clone() };
            mended.insert(self.step(Some(name), action, network.into_iter().chain(stopped)));
        }
        if instance.wanted == Wanted::Running {
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
            self.reason(name, Reason::LinkCut { with });
            let action = Action::Connect { container: existing(container), attachment };
            mended.insert(self.step(Some(name), action, made.into_iter().chain(stopped)));
        }
        mended
    }

    /// Whether a container that was never started has its config files can't be seen: it gets them again.
    fn fill(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        container: &'a ObservedContainer,
    ) -> Option<StepId> {
        if container.state != RunState::Created || instance.spec.config_files.is_empty() {
            return None;
        }
        let files = instance.spec.config_files.clone();
        Some(self.step(Some(name), Action::PutFiles { container: existing(container), files }, []))
    }

    /// Whether a container has its config files, or can be given them.
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

    /// An update of an instance for one more reason; the first one told is not told again.
    pub(super) fn reason(&mut self, name: &InstanceName, reason: Reason) {
        let subject = Subject::Instance(name.clone());
        let told = self.changes.iter().any(|change| change.subject == subject && change.reason == reason);
        if !told {
            self.change(subject, ChangeKind::Update, reason);
        }
    }

    /// What an instance's container is made from. Where none can be made, and it is needed, the plan comes to nothing.
    fn made(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Option<Made> {
        let needed = self.case.options.needed.as_ref().is_none_or(|needed| needed.contains(name));
        match self.case.desired.made(name, instance) {
            Ok(made) => return Some(made),
            Err(problems) if needed => self.unmakeable.extend(problems.iter().cloned()),
            Err(problems) => self.leave(problems),
        }
        None
    }

    fn create(&mut self, name: &'a InstanceName, instance: &'a DesiredInstance, reason: Reason) {
        let Some(made) = self.made(name, instance) else { return };
        let change = self.change(Subject::Instance(name.clone()), ChangeKind::Create, reason);
        change.spec = Some(Box::new(instance.spec.clone()));
        change.outside.clone_from(&instance.outside);
        let (made, complete) = self.make(name, instance, made, instance.container.clone());
        if instance.wanted == Wanted::Running {
            let mut gate = self.providers(name, instance);
            gate.insert(complete);
            self.start(name, instance, ContainerRef::MadeBy(made), gate);
        }
    }

    /// The successor is made beside the old container, which stops only when everything else is there. Its data is
    /// copied while neither runs.
    fn replace(
        &mut self,
        (name, instance): (&'a InstanceName, &'a DesiredInstance),
        made: Made,
        old: &'a ObservedContainer,
        copies: &[VolumeCopy],
    ) {
        let (made, complete) = self.make(name, instance, made, self.beside(&instance.container, "next"));
        let running = instance.wanted == Wanted::Running;
        let mut gate = if running { self.providers(name, instance) } else { BTreeSet::new() };
        gate.insert(complete);
        gate.extend(self.make_room(name, instance, copies));
        let stopped = self.stop(Some(name), old, gate.clone(), instance);
        gate.extend(stopped);
        let mut filled = self.copy(name, copies, &gate);
        let kept = self.beside(&instance.container, "old");
        let aside =
            self.step(Some(name), Action::Rename { container: existing(old), to: kept.clone() }, gate);
        let successor = ContainerRef::MadeBy(made);
        let to = instance.container.clone();
        let named = self.step(Some(name), Action::Rename { container: successor.clone(), to }, [aside]);
        if running {
            filled.insert(named);
            self.start(name, instance, successor, filled);
        }
        self.replaced.insert(name);
        self.removals.push((Some(name.clone()), old, kept));
    }

    /// Creates a container and fills it; the step that makes it, and the one after which it can be started.
    fn make(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        made: Made,
        under: ContainerName,
    ) -> (StepId, StepId) {
        let mut after: BTreeSet<StepId> = self.network_step().into_iter().collect();
        let image = self.image_step(name, instance);
        after.extend(image);
        after.extend(self.volume_steps(name, instance));
        let image_id = made.image_id.clone().filter(|_| !self.brings_another(image));
        let made = Box::new(Made { image_id, ..made });
        let made = self.step(Some(name), Action::CreateContainer { name: under, made }, after);
        let mut filled = made;
        if !instance.spec.config_files.is_empty() {
            let files = instance.spec.config_files.clone();
            let action = Action::PutFiles { container: ContainerRef::MadeBy(made), files };
            filled = self.step(Some(name), action, [made]);
        }
        (made, self.join_links(name, instance, (made, filled)))
    }

    pub(super) fn start(
        &mut self,
        name: &'a InstanceName,
        instance: &DesiredInstance,
        container: ContainerRef,
        after: impl IntoIterator<Item = StepId>,
    ) {
        let mut after: BTreeSet<StepId> = after.into_iter().collect();
        after.extend(self.provision(name, instance, false));
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
    pub(super) fn providers(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
    ) -> BTreeSet<StepId> {
        let mut gate = self.reach(name, instance, true);
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
        debug_assert!(!gate.contains(&StepId(self.steps.len())), "{name} cannot wait for itself");
        gate
    }
}
