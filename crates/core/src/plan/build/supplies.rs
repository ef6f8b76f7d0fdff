//! Plans what containers need before they can be created, besides images: network and volumes.

use super::{Builder, Target};
use crate::{
    desired::DesiredInstance,
    diagnostic::Problem,
    name::{InstanceName, PhysicalVolume},
    observed::ObservedNetwork,
    ownership::Listed,
    plan::{Action, ChangeKind, Reason, StepId, Subject, instance::Case},
    spec::{MountFrom, label},
};
use std::collections::BTreeSet;

impl<'a> Builder<'a> {
    pub(super) fn network_step(&mut self) -> Option<StepId> {
        let desired = self.case.desired;
        if self.network.is_none()
            && !self.networks().any(|network| network.name == desired.network.name.as_str())
        {
            let subject = Subject::Network(desired.network.name.clone());
            let cause = self.cause(subject, ChangeKind::Create, Reason::Missing);
            let action =
                Action::CreateNetwork { spec: desired.network.clone(), identity: desired.identity.clone() };
            self.network = Some(self.step(None, cause, action, []));
        }
        self.network
    }

    /// Returns the stack's networks: the desired one, and others left by a rename.
    pub(super) fn networks(&self) -> impl Iterator<Item = &'a ObservedNetwork> + use<'a> {
        let case = self.case;
        case.observed.networks.iter().filter(move |network| case.owns(*network))
    }

    pub(super) fn volume_steps(&mut self, Target { name, instance, .. }: Target<'_>) -> Vec<StepId> {
        let mut steps = Vec::new();
        for volume in &instance.volumes {
            if self.case.observed.volumes.contains_key(volume.name.as_str()) {
                continue;
            }
            if let Some(step) = self.volumes.get(volume.name.as_str()) {
                steps.push(*step);
                continue;
            }
            let reason = if self.case.remembered.had_volume(&instance.id, &volume.name) {
                Reason::Vanished
            } else {
                Reason::Missing
            };
            if reason == Reason::Vanished {
                self.warnings.push(emptied(name, instance, &volume.name));
            }
            let cause = self.cause(Subject::Volume(volume.name.clone()), ChangeKind::Create, reason);
            let identity = self.case.desired.identity_of(name, instance);
            let action = Action::CreateVolume { spec: volume.clone(), identity };
            let step = self.step(Some(name), cause, action, []);
            self.volumes.insert(volume.name.to_string(), step);
            steps.push(step);
        }
        steps
    }

    /// Returns volumes of the stack that no instance mounts. Mounts for an image's `VOLUME` paths are not known while
    /// the image is absent.
    pub(super) fn unused_volumes(&self) -> Vec<PhysicalVolume> {
        let Case { desired, observed, .. } = self.case;
        let volumes = desired.instances.values().flat_map(|instance| &instance.volumes);
        let used: BTreeSet<&str> = volumes.map(|volume| volume.name.as_str()).collect();
        let unknown: BTreeSet<&str> = desired
            .instances
            .values()
            .filter(|instance| !observed.images.contains_key(&instance.spec.image))
            .map(|instance| instance.id.as_str())
            .collect();
        let spent = self.spent_copies();
        let of_stack =
            observed.volumes.iter().filter(|(name, labels)| self.case.owns(Listed::volume(name, labels)));
        let of_stack = of_stack.filter(|(name, _)| spent.iter().all(|copy| copy.as_str() != name.as_str()));
        let unused = of_stack.filter(|(name, labels)| {
            let owner = labels.get(label::INSTANCE_ID).map_or("", String::as_str);
            !used.contains(name.as_str()) && !unknown.contains(owner)
        });
        unused.map(|(name, _)| PhysicalVolume::from_stored(name)).collect()
    }
}

fn emptied(name: &InstanceName, instance: &DesiredInstance, volume: &PhysicalVolume) -> Problem {
    let mount = instance.spec.mounts.iter().find(|mount| mount.source == MountFrom::Volume(volume.clone()));
    let target = mount.map_or("", |mount| mount.target.as_str());
    let message = format!(
        "volume {volume} existed at the last apply and is missing: it will be created empty; if you need its data, restore the volume before you apply"
    );
    Problem::in_field(name, format!("volumes.{target}"), message)
}
