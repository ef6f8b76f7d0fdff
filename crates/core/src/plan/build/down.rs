//! Stopping what should not run.

use super::{Builder, existing, may_run};
use crate::{
    desired::DesiredInstance,
    name::InstanceName,
    observed::ObservedContainer,
    plan::{Action, ChangeKind, Reason, StepId, Subject, instance::Verdict},
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Builder<'a> {
    /// Stops what should not run, consumers before their providers.
    pub(super) fn take_down(&mut self) {
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
            if may_run(container) {
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

    pub(super) fn stop(
        &mut self,
        name: Option<&InstanceName>,
        container: &'a ObservedContainer,
        after: BTreeSet<StepId>,
        instance: &DesiredInstance,
    ) -> Option<StepId> {
        if !may_run(container) {
            return None;
        }
        let grace = instance.spec.stop_grace_period;
        let step = self.step(name, Action::Stop { container: existing(container), grace }, after);
        self.stops.push((step, container));
        Some(step)
    }
}
