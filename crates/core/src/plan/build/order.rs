//! What has to come before what: ports that change hands, proof before removal, removals last.

use super::{Builder, existing};
use crate::{
    desired::Readiness,
    name::{InstanceName, NetworkName},
    plan::{Action, ChangeKind, ContainerRef, Reason, StepId, Subject, model::ends},
    port::HostSocket,
    spec::PublishedPort,
    stack::Wanted,
};
use std::collections::BTreeSet;

impl Builder<'_> {
    /// A host port that changes hands is released before it is taken.
    pub(super) fn order_ports(&mut self) {
        for (name, start) in self.started.clone() {
            let wanted: Vec<HostSocket> =
                self.case.desired.instances[name].spec.ports.iter().map(PublishedPort::socket).collect();
            for (stop, holder) in self.stops.clone() {
                let held = holder.ports.iter().any(|port| {
                    let held =
                        HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol };
                    wanted.iter().any(|socket| socket.overlaps(&held))
                });
                if !held || self.steps[start.0].after.contains(&stop) {
                    continue;
                }
                if self.depends(stop, start) {
                    self.release_early(stop);
                }
                if !self.depends(stop, start) {
                    self.steps[start.0].after.insert(stop);
                }
            }
        }
    }

    /// Whether `step` comes after `other`.
    pub(super) fn depends(&self, step: StepId, other: StepId) -> bool {
        step == other || self.steps[step.0].after.iter().any(|before| self.depends(*before, other))
    }

    /// Stops a container without waiting for its successor's providers; the successor still does.
    pub(super) fn release_early(&mut self, stop: StepId) {
        let gates: BTreeSet<StepId> = self.ready.values().chain(self.started.values()).copied().collect();
        let moved: Vec<StepId> = self.steps[stop.0].after.intersection(&gates).copied().collect();
        self.steps[stop.0].after.retain(|step| !gates.contains(step));
        let instance = self.steps[stop.0].instance.clone();
        let start = self.started.iter().find(|(name, _)| Some(**name) == instance.as_ref());
        if let Some((_, start)) = start {
            self.steps[start.0].after.extend(moved);
        }
    }

    /// A container that ends at once must not count as started.
    pub(super) fn verify(&mut self) {
        let doubted = std::mem::take(&mut self.doubted);
        let mut unproven: Vec<(InstanceName, ContainerRef)> = self
            .started
            .iter()
            .filter(|(name, _)| self.case.desired.instances[**name].readiness == Readiness::Running)
            .filter_map(|(name, step)| match &self.steps[step.0].action {
                Action::Start { container } => Some(((*name).clone(), container.clone())),
                _ => None,
            })
            .collect();
        unproven.extend(doubted.into_iter().map(|(name, container)| (name.clone(), container)));
        if !unproven.is_empty() {
            let ends = ends(&self.steps);
            self.step(None, Action::Verify { containers: unproven }, ends);
        }
    }

    /// What is replaced or unwanted goes only when everything else is ready; the network last.
    pub(super) fn commit(&mut self) {
        let ends = ends(&self.steps);
        let mut removed = ends.clone();
        for (instance, container, name) in std::mem::take(&mut self.removals) {
            let action = Action::RemoveContainer { container: existing(container), name };
            removed.insert(self.step(instance.as_ref(), action, ends.clone()));
        }
        let desired = self.case.desired;
        let wanted = desired.instances.values().any(|instance| instance.wanted != Wanted::Absent);
        for network in self.networks() {
            if wanted && network.name == desired.network.name.as_str() {
                continue;
            }
            let name = NetworkName::from_stored(network.name.clone());
            let reason = if wanted { Reason::NotDefined } else { Reason::WantedAbsent };
            self.change(Subject::Network(name.clone()), ChangeKind::Remove, reason);
            self.step(None, Action::RemoveNetwork { id: network.id.clone(), name }, removed.clone());
        }
    }
}
