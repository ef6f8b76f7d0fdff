//! What has to come before what: what changes hands, proof before removal, removals last.

use super::{Builder, existing};
use crate::{
    desired::Readiness,
    name::{ContainerName, InstanceName, NetworkName},
    observed::ObservedContainer,
    plan::{Action, ChangeKind, ContainerRef, Reason, StepId, Subject, conflict::is_ours, model::ends},
    port::HostSocket,
    spec::ContainerSpec,
    stack::Wanted,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

impl Builder<'_> {
    /// A host port, address or volume that changes hands is released before it is taken.
    pub(super) fn order_handovers(&mut self) {
        let stops = self.stops.clone();
        for (name, start) in self.started.clone() {
            let spec = &self.case.desired.instances[name].spec;
            for (stop, holder) in &stops {
                if !holds(holder, spec) || self.steps[start.0].after.contains(stop) {
                    continue;
                }
                if self.depends(*stop, start) {
                    self.release_early(*stop);
                }
                if !self.depends(*stop, start) {
                    self.steps[start.0].after.insert(*stop);
                }
            }
        }
    }

    /// A name that another container of the stack has is freed before it is taken: by the rename of what is replaced,
    /// or of what is to be removed.
    pub(super) fn order_names(&mut self) {
        let case = self.case;
        let ours =
            case.observed.containers.iter().filter(|container| is_ours(case.desired, &container.labels));
        let holders: BTreeMap<&ContainerName, &ObservedContainer> =
            ours.map(|container| (&container.name, container)).collect();
        let (mut takers, mut leaving) = (Vec::new(), BTreeMap::new());
        for (at, step) in self.steps.iter().enumerate() {
            match &step.action {
                Action::CreateContainer { name, .. } => takers.push((StepId(at), name.clone())),
                Action::Rename { container, to } => {
                    takers.push((StepId(at), to.clone()));
                    if let ContainerRef::Existing(id) = container {
                        leaving.insert(id.clone(), StepId(at));
                    }
                }
                _ => {}
            }
        }
        for (taker, name) in takers {
            let Some(holder) = holders.get(&name) else { continue };
            let freed = leaving.get(&holder.id).copied().or_else(|| self.step_aside(holder));
            let Some(freed) = freed.filter(|freed| *freed != taker) else { continue };
            if self.depends(freed, taker) {
                let stop = self.stops.iter().find(|(_, container)| container.id == holder.id);
                for step in stop.map(|(stop, _)| *stop).into_iter().chain([freed]) {
                    self.release_early(step);
                }
            }
            if !self.depends(freed, taker) {
                self.steps[taker.0].after.insert(freed);
            }
        }
    }

    /// Renames a container that is to be removed, as soon as it has stopped.
    fn step_aside(&mut self, container: &ObservedContainer) -> Option<StepId> {
        let at = self.removals.iter().position(|(_, removed, _)| removed.id == container.id)?;
        let stop = self.stops.iter().find(|(_, stopped)| stopped.id == container.id).map(|(stop, _)| *stop);
        let to = self.beside(&container.name, "old");
        self.removals[at].2 = to.clone();
        let instance = self.removals[at].0.clone();
        Some(self.step(instance.as_ref(), Action::Rename { container: existing(container), to }, stop))
    }

    /// Whether `step` comes after `other`.
    pub(super) fn depends(&self, step: StepId, other: StepId) -> bool {
        step == other || self.steps[step.0].after.iter().any(|before| self.depends(*before, other))
    }

    /// Stops a container, or renames it, without waiting for its successor's providers; the successor still does.
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

    /// What changes no container is remembered when everything is ready: it needs no undoing.
    pub(super) fn remember_all(&mut self) {
        let ends = ends(&self.steps);
        for (name, made) in std::mem::take(&mut self.memories) {
            self.step(Some(name), Action::Remember { made }, ends.clone());
        }
    }

    /// What is replaced, unwanted or wrongly connected goes only when everything else is ready; the network last.
    pub(super) fn commit(&mut self) {
        let ends = ends(&self.steps);
        for (name, container, network) in std::mem::take(&mut self.strays) {
            let action = Action::Disconnect { container: existing(container), network };
            self.step(Some(name), action, ends.clone());
        }
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

/// Whether a container has what only one can have at a time and a spec wants.
fn holds(container: &ObservedContainer, spec: &ContainerSpec) -> bool {
    let has_port = container.ports.iter().any(|port| {
        let held = HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol };
        spec.ports.iter().any(|wanted| wanted.socket().overlaps(&held))
    });
    let address = spec.network.as_ref().map(|network| IpAddr::V4(network.address));
    let has_address = address.is_some() && container.networks.values().any(|held| *held == address);
    has_port || has_address || spec.data_volumes().any(|volume| container.volumes.contains(volume.as_str()))
}
