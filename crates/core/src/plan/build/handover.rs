//! Orders steps so that exclusive resources are released before another container uses them.

use super::{Builder, existing};
use crate::{
    name::ContainerName,
    observed::ObservedContainer,
    plan::{Action, ContainerRef, StepId},
    port::HostSocket,
    spec::{ContainerSpec, PublishedPort},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The resources that only one running container can hold, with the steps that release them.
#[derive(Default)]
struct Held<'a> {
    ports: BTreeMap<u16, Vec<(HostSocket, StepId)>>,
    addresses: BTreeMap<IpAddr, Vec<StepId>>,
    volumes: BTreeMap<&'a str, Vec<StepId>>,
}

impl<'a> Held<'a> {
    fn new(stops: &[(StepId, &'a ObservedContainer)]) -> Self {
        let mut held = Self::default();
        for (stop, container) in stops {
            for port in &container.ports {
                let socket = port.socket();
                held.ports.entry(socket.port).or_default().push((socket, *stop));
            }
            for address in container.networks.values().flatten() {
                held.addresses.entry(*address).or_default().push(*stop);
            }
            for volume in &container.volumes {
                held.volumes.entry(volume).or_default().push(*stop);
            }
        }
        held
    }

    /// Returns the steps that release every exclusive resource that a container needs.
    fn releases(&self, spec: &ContainerSpec) -> BTreeSet<StepId> {
        let mut stops = BTreeSet::new();
        for wanted in spec.ports.iter().map(PublishedPort::socket) {
            let held = self.ports.get(&wanted.port).into_iter().flatten();
            stops.extend(held.filter(|(socket, _)| socket.overlaps(&wanted)).map(|(_, stop)| *stop));
        }
        let address = spec.network.as_ref().map(|network| IpAddr::V4(network.address));
        stops.extend(address.and_then(|address| self.addresses.get(&address)).into_iter().flatten());
        let volumes = spec.data_volumes().filter_map(|volume| self.volumes.get(volume.as_str()));
        stops.extend(volumes.flatten());
        stops
    }
}

impl Builder<'_> {
    /// Orders the release of host ports, addresses and volumes before their next use.
    pub(super) fn order_handovers(&mut self) {
        let held = Held::new(&self.stops);
        for (name, start) in self.started.clone() {
            for stop in held.releases(&self.case.desired.instances[name].spec) {
                if !self.steps[start.0].after.contains(&stop) {
                    self.put_before(&[stop], start);
                }
            }
        }
    }

    /// Frees names held by other containers of the stack before they are used: the replaced container is renamed, or
    /// the one to be removed.
    pub(super) fn order_names(&mut self) {
        let case = self.case;
        let ours = case.observed.containers.iter().filter(|container| case.owns(*container));
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
            if let Some(freed) = freed.filter(|freed| !self.steps[taker.0].after.contains(freed)) {
                let stop = self.stop_of(holder);
                let steps: Vec<StepId> = stop.into_iter().chain([freed]).collect();
                self.put_before(&steps, taker);
            }
        }
    }

    fn stop_of(&self, container: &ObservedContainer) -> Option<StepId> {
        self.stops.iter().find(|(_, stopped)| stopped.id == container.id).map(|(stop, _)| *stop)
    }

    /// Renames a container that will be removed, as soon as it has stopped.
    fn step_aside(&mut self, container: &ObservedContainer) -> Option<StepId> {
        let at = self.removals.iter().position(|removal| removal.container.id == container.id)?;
        let stop = self.stop_of(container);
        let to = self.beside(&container.name, "old");
        let removal = &mut self.removals[at];
        removal.name.clone_from(&to);
        let (instance, cause) = (removal.instance, removal.cause);
        Some(self.step(instance, cause, Action::Rename { container: existing(container), to }, stop))
    }

    /// Makes the last of `steps` precede `later`. If they come after it because of their instance's dependencies,
    /// they no longer wait for those.
    pub(super) fn put_before(&mut self, steps: &[StepId], later: StepId) {
        let Some(last) = steps.last().copied() else { return };
        if self.depends(last, later) {
            for step in steps {
                self.release_early(*step);
            }
        }
        if !self.depends(last, later) {
            self.steps[later.0].after.insert(last);
        }
    }
}
