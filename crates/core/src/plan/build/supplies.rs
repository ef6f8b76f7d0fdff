//! What containers need before they can be made, besides images: network and volumes.

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
