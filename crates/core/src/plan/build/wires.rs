//! The wires in a plan.

use super::{Builder, Target, existing, links::linked};
use crate::{
    desired::{Desired, DesiredInstance},
    name::InstanceName,
    plan::{Action, Cause, ChangeKind, Consumer, ContainerRef, StepId, Subject},
    resolve::Provisioning,
    stack::DesiredRun,
    wire::{ProviderName, Unwired, Wire},
};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the wires of desired instances.
pub(super) fn listed(desired: &Desired) -> Vec<Wire> {
    present(desired).flat_map(|(_, instance)| instance.wires.iter().cloned()).collect()
}

/// Returns the imports that are wired in the running containers but no longer in the definition.
pub(super) fn lost(desired: &Desired) -> Vec<Unwired> {
    let there: BTreeSet<&InstanceName> = present(desired).map(|(name, _)| name).collect();
    let lost = desired.unwired.iter().filter(|it| it.was.is_some() && there.contains(&it.consumer));
    lost.cloned().collect()
}

fn present(desired: &Desired) -> impl Iterator<Item = (&InstanceName, &DesiredInstance)> {
    desired.instances.iter().filter(|(_, instance)| instance.wanted != DesiredRun::Absent)
}

impl<'a> Builder<'a> {
    /// Returns the steps that create an instance's own logins. If no step starts the instance, only on providers
    /// created in this plan, which may have lost them: the steps' cause is then the provider's change.
    pub(super) fn provision(
        &mut self,
        name: &'a InstanceName,
        instance: &DesiredInstance,
        starts: Option<Cause>,
    ) -> BTreeSet<StepId> {
        let mut steps = BTreeSet::new();
        for provisioning in &instance.provisions {
            let provider = match (&provisioning.provider, starts) {
                (ProviderName::Instance(provider), _) => provider,
                // Verifying that the provider's data still exists is up to its own stack.
                (_, Some(cause)) => {
                    let target = Target { name, instance, cause };
                    steps.extend(self.provision_linked(target, provisioning));
                    continue;
                }
                (_, None) => continue,
            };
            let container = match self.started.get(provider).map(|step| &self.steps[step.0].action) {
                Some(Action::Start { container }) => Some(container.clone()),
                _ => self.current.get(provider).map(|current| existing(current)),
            };
            let made = match &container {
                Some(ContainerRef::MadeBy(step)) => Some(self.cause_of(*step)),
                _ => None,
            };
            let (Some(container), Some(cause)) = (container, starts.or(made)) else { continue };
            if instance.hash.is_err() {
                // No container is created, so the provider still has the login; its password may not be known.
                continue;
            }
            let ready = self.ready.get(provider).copied();
            let action = Action::Provision { container, provisioning: Box::new(provisioning.clone()) };
            steps.insert(self.step(Some(name), cause, action, ready));
        }
        steps
    }

    fn provision_linked(&mut self, target: Target<'_>, provisioning: &Provisioning) -> Option<StepId> {
        let link = target.instance.links.iter().find(|link| link.provider == provisioning.provider)?;
        let container = linked(self.case.observed, &self.case.remembered.ownership, link)?;
        let ready = self.awaited.get(&container.id).copied();
        let action = Action::Provision {
            container: existing(container),
            provisioning: Box::new(provisioning.clone()),
        };
        Some(self.step_for(target, action, ready))
    }

    /// Reports for each recreated provider which consumers follow, because the values supplied to them change, and
    /// which stay.
    pub(super) fn tell_consumers(&mut self) {
        let changed: BTreeSet<InstanceName> =
            self.changes.iter().filter_map(|change| instance(&change.subject)).cloned().collect();
        let mut of: BTreeMap<&InstanceName, BTreeMap<InstanceName, Consumer>> = BTreeMap::new();
        for (name, consumer) in present(self.case.desired) {
            let fate = if changed.contains(name) { Consumer::Follows } else { Consumer::Stays };
            for link in &consumer.wires {
                if let ProviderName::Instance(provider) = &link.to.provider {
                    of.entry(provider).or_default().insert(name.clone(), fate);
                }
            }
        }
        for change in self.changes.iter_mut().filter(|change| change.kind == ChangeKind::Replace) {
            let consumers = instance(&change.subject).and_then(|name| of.remove(name));
            change.consumers = consumers.unwrap_or_default();
        }
    }
}

fn instance(subject: &Subject) -> Option<&InstanceName> {
    match subject {
        Subject::Instance(name) => Some(name),
        _ => None,
    }
}
