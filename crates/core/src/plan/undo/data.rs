//! Restores data: the copies an apply made before another image wrote to a volume are copied back.

use super::{Builder, runs};
use crate::{
    name::PhysicalVolume,
    observed::ObservedContainer,
    plan::{Action, StepId, VolumeCopy},
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Builder<'a> {
    /// Of several copies of a volume, the oldest holds the data from before. If that one is gone it has been
    /// restored, and a later one must not be.
    pub(super) fn due(&mut self, copies: &'a [VolumeCopy]) {
        let mut oldest: BTreeMap<&PhysicalVolume, &VolumeCopy> = BTreeMap::new();
        for copy in copies {
            oldest.entry(&copy.from).or_insert(copy);
        }
        oldest.retain(|_, copy| self.is_there(&copy.to));
        for (volume, copy) in oldest {
            if self.is_there(volume) {
                self.due.push(copy);
            } else {
                self.orphans.insert(&copy.to);
                self.lost.push(format!("volume {volume} was removed; its copy {} is kept", copy.to));
            }
        }
    }

    fn is_there(&self, volume: &PhysicalVolume) -> bool {
        self.observed.volumes.contains_key(volume.as_str())
    }

    /// Whether a container that existed before was started on a volume to be restored.
    pub(super) fn is_in_the_way(&self, container: &ObservedContainer) -> bool {
        runs(container) && self.due.iter().any(|copy| container.volumes.contains(copy.from.as_str()))
    }

    /// Copies data back once no container is running on it. A container starts on it only after the copy is removed:
    /// anything it writes from then on is never overwritten.
    pub(super) fn restore(&mut self) {
        for VolumeCopy { from, to, image } in std::mem::take(&mut self.due) {
            let back = VolumeCopy { from: to.clone(), to: from.clone(), image: image.clone() };
            let after = self.released(from).into_iter().chain(self.released(to));
            let after: BTreeSet<StepId> = after.collect();
            let restored = self.step(None, Action::CopyVolume(back), after);
            let removed = self.step(None, Action::RemoveVolume { name: to.clone() }, [restored]);
            let users = self.kept.iter().filter(|kept| kept.now.volumes.contains(from.as_str()));
            for user in users.map(|kept| &kept.now.id).collect::<Vec<_>>() {
                self.gate(user, removed);
            }
        }
    }

    /// Removes copies that those applies made and that are not needed.
    pub(super) fn remove_copies(&mut self) {
        let due = |name: &PhysicalVolume| self.due.iter().any(|copy| copy.to == *name);
        let copies = self.made_volumes().filter(PhysicalVolume::is_copy);
        let useless: Vec<_> = copies.filter(|name| !due(name) && !self.orphans.contains(name)).collect();
        for name in useless {
            let after = self.released(&name);
            self.step(None, Action::RemoveVolume { name }, after);
        }
    }

    /// Returns the steps after which no removed or stopped container holds a volume.
    fn released(&self, volume: &PhysicalVolume) -> BTreeSet<StepId> {
        let uses = |container: &ObservedContainer| container.volumes.contains(volume.as_str());
        let made = self.made.iter().filter(|now| uses(now)).filter_map(|now| self.freed.get(&now.name));
        let kept = self.kept.iter().map(|kept| kept.now).filter(|now| uses(now));
        made.chain(kept.filter_map(|now| self.stops.get(&now.id))).copied().collect()
    }
}
