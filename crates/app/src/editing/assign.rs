//! Values DevArch assigns to a definition and keeps: slots, host ports, volume names.

use devarch_core::{
    desired::effective,
    diagnostic::Problem,
    environment::Host,
    id::StoreId,
    name::{InstanceName, PhysicalVolume, StackName},
    port::{HostBinding, HostSocket, PortRange},
    resolve::Effective,
    stack::{Instance, Stack},
    template::{HostPortChoice, MountSource, PortSpec},
};
use devarch_store::PortReservation;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::{IpAddr, Ipv4Addr},
};

/// The address ports are published on by default.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Host ports reserved by other stacks.
pub(crate) struct Reservations {
    taken: BTreeMap<u16, Vec<(HostSocket, String)>>,
}

impl Reservations {
    /// Selects the reservations of every stack but one.
    pub(crate) fn of_others(all: Vec<PortReservation>, stack: &StackName) -> Self {
        let mut reservations = Self { taken: BTreeMap::new() };
        for port in all.into_iter().filter(|port| port.stack != *stack) {
            reservations.take(port.socket, format!("instance '{}' of stack '{}'", port.instance, port.stack));
        }
        reservations
    }

    fn owner(&self, socket: HostSocket) -> Option<&str> {
        let same = self.taken.get(&socket.port)?;
        same.iter().find(|(taken, _)| taken.overlaps(&socket)).map(|(_, owner)| owner.as_str())
    }

    fn take(&mut self, socket: HostSocket, owner: String) {
        self.taken.entry(socket.port).or_default().push((socket, owner));
    }
}

/// Completes every instance of a stack, keeping values that are already assigned.
pub(crate) fn assign(
    stack: &mut Stack,
    store: &StoreId,
    range: PortRange,
    others: &Reservations,
    host: &dyn Host,
) -> Result<(), Vec<Problem>> {
    let effective = effective(stack);
    let mut taken = Reservations { taken: others.taken.clone() };
    let name = stack.name.clone();
    let mut problems = Vec::new();
    let mut instances: Vec<(&InstanceName, &mut Instance)> = stack.instances.iter_mut().collect();
    // Instances that have a port go before those that request it, so that the latter get the error.
    instances.sort_by_key(|(key, instance)| asks_anew(instance, &effective[*key]));
    for (key, instance) in instances {
        volumes(&name, key, instance, &effective[key]);
        keep_ports(key, instance, &effective[key], &mut taken, &mut problems);
    }
    let mut used_up = BTreeSet::new();
    for (key, instance) in &mut stack.instances {
        for port in effective[key].service.ports.iter().flatten().filter(|port| port.published.is_auto()) {
            let Entry::Vacant(unset) = instance.ports.entry(port.key) else { continue };
            // A failed search applies to all ports of this address and protocol: each candidate is checked once.
            let of = (host_ip(port), port.key.protocol);
            let candidates = range.candidates(store, &name, key, port.key).filter(|_| !used_up.contains(&of));
            if let Some(socket) = choose(port, candidates, &taken, host) {
                taken.take(socket, format!("instance '{key}' of the same stack"));
                unset.insert(HostBinding { host_ip: socket.ip, host_port: socket.port });
            } else {
                used_up.insert(of);
                problems.push(exhausted(key, port, range));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Assigns each volume its physical name once.
fn volumes(stack: &StackName, name: &InstanceName, instance: &mut Instance, config: &Effective) {
    for mount in config.service.volumes.iter().flatten() {
        if let MountSource::Volume(volume) = &mount.source {
            let physical = || PhysicalVolume::for_instance(stack, name, volume);
            instance.volumes.entry(volume.clone()).or_insert_with(physical);
        }
    }
}

/// Returns whether an instance requests a specific host port that it does not have yet.
fn asks_anew(instance: &Instance, config: &Effective) -> bool {
    config.service.ports.iter().flatten().any(|port| match port.published {
        HostPortChoice::Fixed(chosen) => {
            instance.ports.get(&port.key) != Some(&HostBinding { host_ip: host_ip(port), host_port: chosen })
        }
        HostPortChoice::Auto => false,
    })
}

fn host_ip(port: &PortSpec) -> IpAddr {
    port.host_ip.unwrap_or(LOOPBACK)
}

/// Drops ports that are no longer defined, keeps those that still fit, and takes the ones the user requested.
fn keep_ports(
    name: &InstanceName,
    instance: &mut Instance,
    config: &Effective,
    taken: &mut Reservations,
    problems: &mut Vec<Problem>,
) {
    let before = std::mem::take(&mut instance.ports);
    for port in config.service.ports.iter().flatten() {
        let kept = before.get(&port.key).filter(|kept| kept.host_ip == host_ip(port));
        let host_port = match (port.published, kept) {
            (HostPortChoice::Fixed(chosen), _) => chosen,
            (HostPortChoice::Auto, Some(kept)) => kept.host_port,
            (HostPortChoice::Auto, None) => continue,
        };
        let socket = HostSocket { ip: host_ip(port), port: host_port, protocol: port.key.protocol };
        if let Some(owner) = taken.owner(socket) {
            let message = format!("host port {host_port} belongs to {owner}; choose another, or `auto`");
            problems.push(Problem::in_field(name, format!("ports.{}", port.key), message));
            continue;
        }
        taken.take(socket, format!("instance '{name}' of the same stack"));
        instance.ports.insert(port.key, HostBinding { host_ip: socket.ip, host_port });
    }
}

/// Returns the first candidate that is not reserved and not listened on.
fn choose(
    port: &PortSpec,
    candidates: impl Iterator<Item = u16>,
    taken: &Reservations,
    host: &dyn Host,
) -> Option<HostSocket> {
    candidates
        .map(|chosen| HostSocket { ip: host_ip(port), port: chosen, protocol: port.key.protocol })
        .find(|socket| taken.owner(*socket).is_none() && host.is_free(*socket))
}

fn exhausted(name: &InstanceName, port: &PortSpec, range: PortRange) -> Problem {
    let message = format!("no host port from {range} is free; set DEVARCH_PORTS to another range");
    Problem::in_field(name, format!("ports.{}", port.key), message)
}
