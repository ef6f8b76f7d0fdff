//! Making and starting what should run.

use super::{Builder, existing, next_name, old_name};
use crate::{
    desired::{DesiredInstance, Readiness, awaited},
    name::{ContainerName, InstanceName},
    observed::ObservedContainer,
    plan::{Action, ChangeKind, ContainerRef, Reason, StepId, Subject, instance::Verdict},
    stack::Wanted,
    template::DependencyCondition,
};
use std::collections::BTreeSet;

impl<'a> Builder<'a> {
    /// Makes and starts what should run, providers before their consumers.
    pub(super) fn bring_up(&mut self) {
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

    /// An unchanged container stays, unless it asked to be restarted with a provider.
    pub(super) fn keep(
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

    pub(super) fn restart(
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

    pub(super) fn connect(
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

    pub(super) fn create(&mut self, name: &'a InstanceName, instance: &'a DesiredInstance, reason: Reason) {
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
    pub(super) fn replace(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        old: &'a ObservedContainer,
    ) {
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
    pub(super) fn make(
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

    pub(super) fn start(
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
    pub(super) fn providers(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
    ) -> BTreeSet<StepId> {
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
}
