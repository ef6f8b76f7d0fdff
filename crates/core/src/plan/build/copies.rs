//! Copies of data that another image is about to write to, made while no container runs on it; an undo restores them.

use super::{Builder, Target};
use crate::{
    desired::DesiredInstance,
    name::PhysicalVolume,
    observed::ObservedContainer,
    ownership::Listed,
    plan::{Action, StepId, VolumeCopy, instance::Case},
    spec::VolumeSpec,
};
use std::collections::BTreeSet;

impl Builder<'_> {
    /// Returns the volumes to copy before an instance's new container writes to them, if that was requested.
    pub(super) fn copies(&self, instance: &DesiredInstance, old: &ObservedContainer) -> Vec<VolumeCopy> {
        let there = |volume: &&PhysicalVolume| self.case.observed.volumes.contains_key(volume.as_str());
        let asked = self.case.options.snapshot;
        let volumes: BTreeSet<&PhysicalVolume> =
            instance.spec.data_volumes().filter(|_| asked).filter(there).collect();
        let copy = |from: &PhysicalVolume| VolumeCopy {
            from: from.clone(),
            to: self.free_copy(from),
            image: old.image_id.clone(),
        };
        volumes.into_iter().map(copy).collect()
    }

    /// Returns an unused name for a copy: an interrupted apply may have left one.
    fn free_copy(&self, of: &PhysicalVolume) -> PhysicalVolume {
        let taken = |name: &PhysicalVolume| {
            self.case.observed.volumes.contains_key(name.as_str()) || self.volumes.contains_key(name.as_str())
        };
        (1..u32::MAX).map(|number| of.copy(number)).find(|name| !taken(name)).unwrap_or_else(|| of.copy(1))
    }

    /// Creates the target volumes of copies. No container has to stop for that.
    pub(super) fn make_room(&mut self, target: Target<'_>, copies: &[VolumeCopy]) -> Vec<StepId> {
        let mut steps = Vec::new();
        for copy in copies {
            let identity = self.case.desired.identity_of(target.name, target.instance);
            let spec = VolumeSpec { name: copy.to.clone() };
            let step = self.step_for(target, Action::CreateVolume { spec, identity }, []);
            self.volumes.insert(copy.to.to_string(), step);
            steps.push(step);
        }
        steps
    }

    /// Copies volumes after the containers that use them have stopped.
    pub(super) fn copy(
        &mut self,
        target: Target<'_>,
        copies: &[VolumeCopy],
        after: &BTreeSet<StepId>,
    ) -> BTreeSet<StepId> {
        copies
            .iter()
            .map(|copy| self.step_for(target, Action::CopyVolume(copy.clone()), after.clone()))
            .collect()
    }

    /// Stops every other container that runs on a volume before it is copied.
    pub(super) fn order_copies(&mut self) {
        for at in 0..self.steps.len() {
            let Action::CopyVolume(copy) = &self.steps[at].action else { continue };
            let users = self.stops.iter().filter(|(_, user)| user.volumes.contains(copy.from.as_str()));
            let stops: Vec<StepId> = users.map(|(stop, _)| *stop).collect();
            for stop in stops {
                self.put_before(&[stop], StepId(at));
            }
        }
    }

    /// Returns copies of earlier applies that no undo needs once everything is ready, except the last copy of a
    /// volume that no longer exists.
    pub(super) fn spent_copies(&self) -> Vec<PhysicalVolume> {
        let Case { observed, remembered, .. } = self.case;
        let is_there = |volume: &PhysicalVolume| observed.volumes.contains_key(volume.as_str());
        let ours = |copy: &PhysicalVolume| {
            let labels = observed.volumes.get(copy.as_str());
            labels.is_some_and(|labels| self.case.owns(Listed::volume(copy.as_str(), labels)))
        };
        let spent = remembered.spent_copies.iter().filter(|copy| ours(copy));
        spent.filter(|copy| copy.copied_from().is_some_and(|volume| is_there(&volume))).cloned().collect()
    }

    /// Removes the copies that this plan makes: after the commit point no undo restores them.
    pub(super) fn remove_copies(&mut self, ends: &BTreeSet<StepId>) {
        let copied = self.steps.iter().filter_map(|step| match &step.action {
            Action::CopyVolume(copy) => Some((step.clone(), copy.to.clone())),
            _ => None,
        });
        for (step, name) in copied.collect::<Vec<_>>() {
            self.step(step.instance.as_ref(), step.cause, Action::RemoveVolume { name }, ends.clone());
        }
    }
}
