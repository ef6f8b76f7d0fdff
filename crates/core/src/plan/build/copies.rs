//! Copies of the data that another image gets to write to, made while nothing runs on it: what an undo restores.

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
    /// What is to be copied before an instance's successor writes to it, where that was asked for.
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

    /// The name of a copy that nobody has: an apply that did not end may have left one.
    fn free_copy(&self, of: &PhysicalVolume) -> PhysicalVolume {
        let taken = |name: &PhysicalVolume| {
            self.case.observed.volumes.contains_key(name.as_str()) || self.volumes.contains_key(name.as_str())
        };
        (1..u32::MAX).map(|number| of.copy(number)).find(|name| !taken(name)).unwrap_or_else(|| of.copy(1))
    }

    /// Makes the volumes that are copied to. Nothing has to stand still for that.
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

    /// Copies, after what has come to a standstill.
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

    /// What else runs on a volume stops before it is copied, too.
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

    /// Copies of earlier applies that no undo needs once everything is ready. The last copy of a volume that is gone is
    /// not among them.
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

    /// Removes the copies that the plan makes: past the commit point there is no undo that restores them.
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
