//! Plans the stop of containers that should not run.

use super::{Builder, Removal, Target, existing, may_run};
use crate::{
    name::InstanceName,
    observed::ObservedContainer,
    plan::{Action, ChangeKind, Reason, StepId, Subject, instance::Verdict},
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Builder<'a> {
    /// Stops containers that should not run, consumers before their providers.
    pub(super) fn take_down(&mut self) {
        let mut stopped: BTreeMap<&InstanceName, StepId> = BTreeMap::new();
        for name in self.order().into_iter().rev() {
            let (container, kind, reason) = match self.judge(name) {
                Verdict::Stop(container) => (container, ChangeKind::Update, Reason::WantedStopped),
                Verdict::Remove(container) => (container, ChangeKind::Remove, Reason::WantedAbsent),
                _ => continue,
            };
            let consumers =
                self.case.desired.instances.iter().filter(|(_, i)| i.depends_on.contains_key(name));
            let after: BTreeSet<StepId> =
                consumers.filter_map(|(name, _)| stopped.get(name).copied()).collect();
            let target = self.target(name, kind, reason);
            if let Some(step) = self.stop(target, container, after) {
                stopped.insert(name, step);
            }
            if kind == ChangeKind::Remove {
                let (instance, name, cause) = (Some(name), container.name.clone(), target.cause);
                self.removals.push(Removal { instance, container, name, cause });
            }
        }
        for container in self.leftovers.clone() {
            self.remove_leftover(container);
        }
    }

    fn remove_leftover(&mut self, container: &'a ObservedContainer) {
        let suffixed = container.name.as_str().contains('.');
        let reason = if suffixed { Reason::LeftOver } else { Reason::NotDefined };
        let cause = self.cause(Subject::Leftover(container.name.clone()), ChangeKind::Remove, reason);
        if may_run(container) {
            let action = Action::Stop { container: existing(container), grace: None };
            let step = self.step(None, cause, action, []);
            self.stops.push((step, container));
        }
        let name = container.name.clone();
        self.removals.push(Removal { instance: None, container, name, cause });
    }

    pub(super) fn stop(
        &mut self,
        target: Target<'a>,
        container: &'a ObservedContainer,
        after: BTreeSet<StepId>,
    ) -> Option<StepId> {
        if !may_run(container) {
            return None;
        }
        let grace = target.instance.spec.stop_grace_period;
        let step = self.step_for(target, Action::Stop { container: existing(container), grace }, after);
        self.stops.push((step, container));
        Some(step)
    }
}
