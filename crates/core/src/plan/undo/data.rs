//! The data as it was: what an apply copied before another image wrote to it is copied back.

use super::{Builder, runs};
use crate::{
    name::PhysicalVolume,
    observed::ObservedContainer,
    plan::{Action, StepId, VolumeCopy},
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Builder<'a> {
    /// Of several copies of a volume the oldest holds what there was before. Where that is gone it was restored: a
    /// later one must not be.
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

    /// Whether a container that was there before runs on what is to be restored: somebody started it.
    pub(super) fn is_in_the_way(&self, container: &ObservedContainer) -> bool {
        runs(container) && self.due.iter().any(|copy| container.volumes.contains(copy.from.as_str()))
    }

    /// Copies back what is due, when nothing runs on it. A container starts on it only after the copy is removed too:
    /// what it writes from then on is never overwritten.
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

    /// Removes what those applies copied and is not needed.
    pub(super) fn remove_copies(&mut self) {
        let due = |name: &PhysicalVolume| self.due.iter().any(|copy| copy.to == *name);
        let copies = self.made_volumes().filter(PhysicalVolume::is_copy);
        let useless: Vec<_> = copies.filter(|name| !due(name) && !self.orphans.contains(name)).collect();
        for name in useless {
            let after = self.released(&name);
            self.step(None, Action::RemoveVolume { name }, after);
        }
    }

    /// The steps after which nothing that is put away or stopped has a volume any more.
    fn released(&self, volume: &PhysicalVolume) -> BTreeSet<StepId> {
        let uses = |container: &ObservedContainer| container.volumes.contains(volume.as_str());
        let made = self.made.iter().filter(|now| uses(now)).filter_map(|now| self.freed.get(&now.name));
        let kept = self.kept.iter().map(|kept| kept.now).filter(|now| uses(now));
        made.chain(kept.filter_map(|now| self.stops.get(&now.id))).copied().collect()
    }
}
