//! What a plan tells of wires.

use super::Builder;
use crate::{
    desired::{Desired, DesiredInstance},
    name::InstanceName,
    plan::{ChangeKind, Subject, model::Consumer},
    stack::Wanted,
    wire::{Link, ProviderName, Unwired},
};
use std::collections::{BTreeMap, BTreeSet};

/// The wires of what is to be there.
pub(super) fn listed(desired: &Desired) -> Vec<Link> {
    present(desired).flat_map(|(_, instance)| instance.wires.iter().cloned()).collect()
}

/// The imports that are wired in what runs and are not any more.
pub(super) fn lost(desired: &Desired) -> Vec<Unwired> {
    let there: BTreeSet<&InstanceName> = present(desired).map(|(name, _)| name).collect();
    let lost = desired.unwired.iter().filter(|it| it.was.is_some() && there.contains(&it.consumer));
    lost.cloned().collect()
}

fn present(desired: &Desired) -> impl Iterator<Item = (&InstanceName, &DesiredInstance)> {
    desired.instances.iter().filter(|(_, instance)| instance.wanted != Wanted::Absent)
}

impl Builder<'_> {
    /// Of a provider that is made anew: which consumers follow, because what they are given changes, and which stay.
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
