//! What containers need before they can be made: network, images, volumes.

use super::Builder;
use crate::{
    desired::DesiredInstance,
    name::InstanceName,
    observed::ObservedNetwork,
    plan::{Action, ChangeKind, Reason, StepId, Subject, conflict::is_ours},
};

impl<'a> Builder<'a> {
    pub(super) fn network_step(&mut self) -> Option<StepId> {
        let desired = self.case.desired;
        if self.network.is_none()
            && !self.networks().any(|network| network.name == desired.network.name.as_str())
        {
            self.change(Subject::Network(desired.network.name.clone()), ChangeKind::Create, Reason::Missing);
            let action =
                Action::CreateNetwork { spec: desired.network.clone(), identity: desired.identity.clone() };
            self.network = Some(self.step(None, action, []));
        }
        self.network
    }

    /// The stack's networks: the one it should have, and others left by a rename.
    pub(super) fn networks(&self) -> impl Iterator<Item = &'a ObservedNetwork> + use<'a> {
        let case = self.case;
        case.observed.networks.iter().filter(move |network| is_ours(case.desired, &network.labels))
    }

    pub(super) fn pull_step(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Option<StepId> {
        let image = &instance.spec.image;
        if self.case.observed.images.contains_key(image) {
            return None;
        }
        if let Some(step) = self.pulls.get(image) {
            return Some(*step);
        }
        let reason = Reason::NeededBy { instance: name.clone() };
        self.change(Subject::Image(image.clone()), ChangeKind::Pull, reason);
        let action = Action::PullImage { image: image.clone(), platform: instance.spec.platform.clone() };
        let step = self.step(None, action, []);
        self.pulls.insert(image.clone(), step);
        Some(step)
    }

    pub(super) fn volume_steps(&mut self, name: &InstanceName, instance: &DesiredInstance) -> Vec<StepId> {
        let mut steps = Vec::new();
        for volume in &instance.volumes {
            if self.case.observed.volumes.contains_key(volume.name.as_str()) {
                continue;
            }
            if let Some(step) = self.volumes.get(volume.name.as_str()) {
                steps.push(*step);
                continue;
            }
            self.change(Subject::Volume(volume.name.clone()), ChangeKind::Create, Reason::Missing);
            let identity = self.case.desired.identity_of(name, instance);
            let step = self.step(Some(name), Action::CreateVolume { spec: volume.clone(), identity }, []);
            self.volumes.insert(volume.name.to_string(), step);
            steps.push(step);
        }
        steps
    }
}
