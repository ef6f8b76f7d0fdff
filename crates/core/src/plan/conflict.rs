//! Conflicts with a plan: names and ports that other objects use.

use super::{AppliedState, PlanOptions};
use crate::{
    desired::{Desired, DesiredInstance},
    diagnostic::{Field, Problem},
    engine::EngineKind,
    id::StackId,
    name::{InstanceName, PhysicalVolume},
    observed::{Observed, ObservedContainer},
    ownership::{Listed, Owner, Ownership, Seen},
    podman,
    port::HostSocket,
    spec::{VolumeSpec, label},
    stack::DesiredRun,
    subnet::overlap,
};
use serde::Serialize;
use std::fmt;

/// A conflict: the object, its owner, and how to resolve it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Conflict(pub Problem);

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.instance {
            Some(instance) => write!(f, "instance '{instance}': {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

/// Returns every conflict with a desired state.
pub(super) fn conflicts(
    desired: &Desired,
    observed: &Observed,
    remembered: &AppliedState,
    options: &PlanOptions,
) -> Vec<Conflict> {
    let mut search = Search { desired, observed, remembered, found: Vec::new() };
    let wanted: Vec<_> = desired.instances.iter().filter(|(_, i)| i.wanted != DesiredRun::Absent).collect();
    if !wanted.is_empty() {
        search.network();
    }
    for (name, instance) in wanted {
        let named = Named { name, instance };
        search.container_name(named);
        search.impossible(named);
        search.link_names(named);
        search.volumes(named, options);
        if named.instance.wanted == DesiredRun::Running {
            search.ports(named);
        }
    }
    search.found.sort();
    search.found
}

/// An instance that should exist.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a InstanceName,
    instance: &'a DesiredInstance,
}

struct Search<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    remembered: &'a AppliedState,
    found: Vec<Conflict>,
}

impl Search<'_> {
    fn ownership(&self) -> &Ownership {
        &self.remembered.ownership
    }

    fn owns<'o>(&self, object: impl Into<Listed<'o>>) -> bool {
        self.ownership().is_of(self.desired.stack_id(), object)
    }

    fn report(&mut self, name: &InstanceName, field: impl Into<Field>, message: String) {
        self.found.push(Conflict(Problem::in_field(name, field, message)));
    }

    fn report_network(&mut self, message: String) {
        let problem = Problem { instance: None, field: "network".into(), message };
        self.found.push(Conflict(problem));
    }

    /// Returns the hint for an object that the stack does not own, to follow a message that fits any object.
    fn way_out<'o>(&self, object: impl Into<Listed<'o>>) -> String {
        let object = object.into();
        let stack = object.labels.get(label::STACK_NAME);
        match (self.ownership().owner(object), stack) {
            (Owner::Unremembered, _) => {
                format!(
                    "; `devarch adopt {}` shows what can be done about it",
                    self.desired.identity.stack_name
                )
            }
            (Owner::OtherStore, Some(stack)) => {
                format!("; if that home is lost, `devarch adopt {stack}` clears away what it left")
            }
            (Owner::Stack { stack, .. }, _) => match self.ownership().stack_name(&stack) {
                Some(name) => {
                    format!("; `devarch up {name}` renames it, if that stack was renamed")
                }
                None => String::new(),
            },
            _ => String::new(),
        }
    }

    fn network(&mut self) {
        let name = self.desired.network.name.as_str();
        let mut ours = false;
        for network in self.observed.networks.iter().filter(|network| network.name == name) {
            if self.owns(network) {
                ours = true;
                continue;
            }
            let owner = self.ownership().in_words(network);
            let way_out = self.way_out(network);
            self.report_network(format!(
                "network {name} {owner}; remove it (`network rm {name}`) or rename the stack{way_out}"
            ));
        }
        if ours {
            return;
        }
        let subnet = self.desired.network.subnet;
        for network in self.observed.networks.iter().filter(|network| network.name != name) {
            if let Some(taken) = network.subnets.iter().find(|net| overlap(net, &subnet)) {
                self.report_network(format!(
                    "its subnet {subnet} overlaps {taken} of network {}; remove that network, or `devarch down {}` so \
                     that the stack gets another subnet",
                    network.name, self.desired.identity.stack_name
                ));
            }
        }
    }

    fn link_names(&mut self, Named { name, instance }: Named<'_>) {
        for link in &instance.links {
            let network = link.network.name.as_str();
            let mut same = self.observed.networks.iter().filter(|there| there.name == network);
            if let Some(other) = same.find(|there| !self.owns(*there)) {
                let message = format!(
                    "network {network}, which would link it to {}, {}; remove it (`network rm {network}`){}",
                    link.provider,
                    self.ownership().in_words(other),
                    self.way_out(other)
                );
                self.report(name, "wires", message);
            }
        }
    }

    fn container_name(&mut self, Named { name, instance }: Named<'_>) {
        let mut same = self.observed.containers.iter().filter(|there| there.name == instance.container);
        if let Some(taken) = same.find(|there| !self.owns(*there)) {
            let message = format!(
                "container name {} is taken: that container {}; remove or rename it, or rename the instance{}",
                instance.container,
                self.ownership().in_words(taken),
                self.way_out(taken)
            );
            self.report(name, "name", message);
        }
    }

    fn volumes(&mut self, Named { name, instance }: Named<'_>, options: &PlanOptions) {
        for VolumeSpec { name: volume } in &instance.volumes {
            // A volume taken over once belongs to this instance; labels cannot record that.
            let had = self.remembered.had_volume(&instance.id, volume);
            let message = if let Some(message) = self.held_volume(Named { name, instance }, volume) {
                message
            } else if let Some(message) = self.foreign_volume(volume, had || options.adopt_volumes) {
                message
            } else if let Some(message) = self.left_volume(instance, volume)
                && !had
                && !options.reuse_volumes
            {
                message
            } else {
                continue;
            };
            self.report(name, "volumes", message);
        }
    }

    /// Reports a volume that another instance of this store uses, whatever its labels say.
    fn held_volume(&self, Named { name, instance }: Named<'_>, volume: &PhysicalVolume) -> Option<String> {
        let (id, stack, holder) = self.ownership().volume_holder(volume.as_str())?;
        (*id != instance.id).then(|| {
            format!(
                "volume {volume} is the one of instance '{holder}' of stack '{stack}'; give this instance another name, \
                 for example '{}'",
                self.free_name(name)
            )
        })
    }

    /// Returns an instance name that matches no existing volume, container or instance.
    fn free_name(&self, name: &InstanceName) -> String {
        let taken = |candidate: &String| {
            let physical = format!("devarch-{}-{candidate}", self.desired.identity.stack_name);
            self.desired.instances.keys().any(|other| other.as_str() == candidate)
                || self.ownership().has_volume_of(&physical)
                || self.observed.volumes.keys().any(|volume| volume.starts_with(&format!("{physical}-")))
                || self.observed.containers.iter().any(|container| container.name.as_str() == physical)
        };
        let mut candidates = (2..u32::MAX).map(|number| InstanceName::numbered(name.as_str(), number));
        candidates.find(|candidate| !taken(candidate)).unwrap_or_else(|| name.to_string())
    }

    /// Reports a volume that belongs to another home or to nothing DevArch knows, unless it is adopted from a lost
    /// home now or was before.
    fn foreign_volume(&self, volume: &PhysicalVolume, adopted: bool) -> Option<String> {
        let labels = self.observed.volumes.get(volume.as_str())?;
        let store = labels.get(label::STORE_ID);
        if store.is_some_and(|store| adopted || *store == self.ownership().store().as_str()) {
            return None;
        }
        let way_out =
            if store.is_some() { "; if that home is lost, --adopt-volumes takes over its data" } else { "" };
        Some(format!(
            "volume {volume} {}; its data is left alone: remove it, or rename the instance{way_out}",
            self.ownership().in_words(Listed::volume(volume.as_str(), labels))
        ))
    }

    /// Reports a volume left by a removed stack or instance, so that its data is not reused by accident.
    fn left_volume(&self, instance: &DesiredInstance, volume: &PhysicalVolume) -> Option<String> {
        let labels = self.observed.volumes.get(volume.as_str())?;
        let whose = |label: &str| labels.get(label).map(String::as_str);
        let ours = whose(label::STORE_ID) == Some(self.ownership().store().as_str());
        if !ours || whose(label::INSTANCE_ID) == Some(instance.id.as_str()) {
            return None;
        }
        let left = match self.ownership().kept_volume(volume.as_str()) {
            Some((stack, name)) => {
                format!("holds the data of instance '{name}' of stack '{stack}', which was removed")
            }
            None => format!(
                "carries the labels of instance '{}' of stack '{}', which this DevArch home does not know",
                whose(label::INSTANCE_NAME).unwrap_or("?"),
                whose(label::STACK_NAME).unwrap_or("?")
            ),
        };
        Some(format!(
            "volume {volume} {left}; --reuse-volumes takes it over, removing the volume from the engine starts empty"
        ))
    }

    /// Reports settings that the engine does not support.
    fn impossible(&mut self, Named { name, instance }: Named<'_>) {
        if self.observed.engine.kind == EngineKind::Podman {
            for (field, message) in podman::impossible(&instance.spec) {
                self.report(name, field, message);
            }
        }
    }

    fn ports(&mut self, Named { name, instance }: Named<'_>) {
        let observed = self.observed;
        for port in &instance.spec.ports {
            let choose = format!(
                "`devarch set {}/{name} ports.{}=PORT`",
                self.desired.identity.stack_name, port.key.target
            );
            let seen = Seen { observed, ownership: self.ownership() };
            let message = if let Some(holder) = holder(seen, self.desired.stack_id(), port.socket()) {
                format!(
                    "port {} is already in use by {holder}; stop it, or choose another: {choose}",
                    port.host_port
                )
            } else if is_roots(observed, port.socket()) {
                format!(
                    "port {0} is root's (below {1}), and this {2} runs without root; choose another: {choose}; or let \
                     everybody have it: `sudo sysctl net.ipv4.ip_unprivileged_port_start={0}`",
                    port.host_port, observed.engine.lowest_port, observed.engine.kind,
                )
            } else {
                continue;
            };
            self.report(name, format!("ports.{}", port.key), message);
        }
    }
}

/// Whether the engine lacks permission to publish a port. This is checked instead of tried: after a failed attempt
/// Podman 4.3 never releases the container's address, not even with its network.
fn is_roots(observed: &Observed, socket: HostSocket) -> bool {
    let published = || observed.containers.iter().any(|container| publishes(container, socket));
    socket.port < observed.engine.lowest_port && !published()
}

/// Describes the container or process that holds a host port, other than the stack itself.
pub(super) fn holder(seen: Seen<'_>, stack: &StackId, socket: HostSocket) -> Option<String> {
    let Seen { observed, ownership } = seen;
    let mut publishers = observed.containers.iter().filter(|container| publishes(container, socket));
    if let Some(other) = publishers.clone().find(|container| !ownership.is_of(stack, *container)) {
        return Some(format!("container {}, which {}", other.name, ownership.in_words(other)));
    }
    if publishers.next().is_some() {
        return None;
    }
    let listener = observed.listeners.iter().find(|listener| listener.socket.overlaps(&socket))?;
    Some(listener.process.clone().unwrap_or_else(|| "a process of another user".to_owned()))
}

fn publishes(container: &ObservedContainer, socket: HostSocket) -> bool {
    container.ports.iter().any(|port| port.socket().overlaps(&socket))
}
