//! What is in the way of a plan: names and ports that others have.

use super::{PlanOptions, Remembered};
use crate::{
    desired::{Desired, DesiredInstance},
    engine::EngineKind,
    id::{StackId, StoreId},
    name::InstanceName,
    observed::{Observed, ObservedContainer},
    podman,
    port::HostSocket,
    resolve::Problem,
    spec::{VolumeSpec, label},
    stack::Wanted,
    subnet::overlap,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Something in the way; what it is, whose, and the way out.
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

/// Everything in the way of a desired state.
pub(super) fn conflicts(
    desired: &Desired,
    observed: &Observed,
    remembered: &Remembered,
    options: &PlanOptions,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    let wanted: Vec<_> = desired.instances.iter().filter(|(_, i)| i.wanted != Wanted::Absent).collect();
    if !wanted.is_empty() {
        network(desired, observed, &mut found);
    }
    for (name, instance) in wanted {
        container_name(desired, (name, instance), observed, &mut found);
        found.extend(impossible(name, instance, observed));
        link_names(desired, (name, instance), observed, &mut found);
        found.extend(foreign_volumes(desired, (name, instance), observed, remembered, options.adopt_volumes));
        if !options.reuse_volumes {
            found.extend(left_volumes(desired, (name, instance), observed, remembered));
        }
        if instance.wanted == Wanted::Running {
            ports(desired, (name, instance), observed, &mut found);
        }
    }
    found.sort();
    found
}

/// Whether an object's labels say it belongs to the stack of this store.
pub(super) fn is_ours(desired: &Desired, labels: &BTreeMap<String, String>) -> bool {
    belongs(labels, &desired.identity.store, &desired.identity.stack)
}

/// Whether an object's labels say it belongs to that stack of that store.
pub(super) fn belongs(labels: &BTreeMap<String, String>, store: &StoreId, stack: &StackId) -> bool {
    labels.get(label::STORE_ID).map(String::as_str) == Some(store.as_str())
        && labels.get(label::STACK_ID).map(String::as_str) == Some(stack.as_str())
}

/// Whose an object is, in words.
fn owner(desired: &Desired, labels: &BTreeMap<String, String>) -> String {
    let stack = labels.get(label::STACK_NAME).map_or("?", String::as_str);
    match labels.get(label::STORE_ID) {
        None => "was not made by DevArch".to_owned(),
        Some(store) if store == desired.identity.store.as_str() => {
            format!("belongs to stack '{stack}'")
        }
        Some(_) => format!("belongs to stack '{stack}' of another DevArch home or user"),
    }
}

/// What to do about an object of another home that is lost; it comes after the words that are true of any.
fn adoption(desired: &Desired, labels: &BTreeMap<String, String>) -> String {
    let store = labels.get(label::STORE_ID).filter(|store| *store != desired.identity.store.as_str());
    match (store, labels.get(label::STACK_NAME)) {
        (Some(_), Some(stack)) => {
            format!("; if that home is lost, `devarch adopt {stack}` clears away what it left")
        }
        _ => String::new(),
    }
}

fn network(desired: &Desired, observed: &Observed, found: &mut Vec<Conflict>) {
    let name = desired.network.name.as_str();
    let of_stack = |message: String| Problem { instance: None, field: "network".to_owned(), message };
    let mut ours = false;
    for network in observed.networks.iter().filter(|network| network.name == name) {
        if is_ours(desired, &network.labels) {
            ours = true;
        } else {
            found.push(Conflict(of_stack(format!(
                "network {name} {}; remove it (`network rm {name}`) or give the stack another name{}",
                owner(desired, &network.labels),
                adoption(desired, &network.labels)
            ))));
        }
    }
    if ours {
        return;
    }
    for network in observed.networks.iter().filter(|network| network.name != name) {
        if let Some(taken) = network.subnets.iter().find(|net| overlap(net, &desired.network.subnet)) {
            found.push(Conflict(of_stack(format!(
                "its subnet {} overlaps {taken} of network {}; remove that network, or `devarch down {}` so that the \
                 stack gets another subnet",
                desired.network.subnet, network.name, desired.identity.stack_name
            ))));
        }
    }
}

fn link_names(
    desired: &Desired,
    (name, instance): Named<'_>,
    observed: &Observed,
    found: &mut Vec<Conflict>,
) {
    for link in &instance.links {
        let network = link.network.name.as_str();
        let mut same = observed.networks.iter().filter(|there| there.name == network);
        if let Some(other) = same.find(|there| !is_ours(desired, &there.labels)) {
            let owner = owner(desired, &other.labels);
            let message = format!(
                "network {network}, which would link it to {}, {owner}; remove it (`network rm {network}`){}",
                link.provider,
                adoption(desired, &other.labels)
            );
            found.push(Conflict(Problem::of(name, "wires", message)));
        }
    }
}

type Named<'a> = (&'a InstanceName, &'a DesiredInstance);

fn container_name(
    desired: &Desired,
    (name, instance): Named<'_>,
    observed: &Observed,
    found: &mut Vec<Conflict>,
) {
    let taken = observed
        .containers
        .iter()
        .find(|container| container.name == instance.container && !is_ours(desired, &container.labels));
    if let Some(taken) = taken {
        let message = format!(
            "container name {} is taken: that container {}; remove or rename it, or rename the instance{}",
            instance.container,
            owner(desired, &taken.labels),
            adoption(desired, &taken.labels)
        );
        found.push(Conflict(Problem::of(name, "name", message)));
    }
}

/// Volumes of others, but those of a lost home that were taken over, now or before: labels can't say so.
fn foreign_volumes(
    desired: &Desired,
    (name, instance): Named<'_>,
    observed: &Observed,
    remembered: &Remembered,
    adopt: bool,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    for volume in &instance.volumes {
        let Some(labels) = observed.volumes.get(volume.name.as_str()) else {
            continue;
        };
        let store = labels.get(label::STORE_ID).map(String::as_str);
        let adopted = store.is_some() && (adopt || remembered.had_volume(&instance.id, &volume.name));
        if store == Some(desired.identity.store.as_str()) || adopted {
            continue;
        }
        let way_out =
            if store.is_some() { "; if that home is lost, --adopt-volumes takes its data over" } else { "" };
        let message = format!(
            "volume {} {}; its data is left alone: remove it, or rename the instance{way_out}",
            volume.name,
            owner(desired, labels)
        );
        found.push(Conflict(Problem::of(name, "volumes", message)));
    }
    found
}

/// A volume that a removed stack or instance left is not taken over by accident.
fn left_volumes(
    desired: &Desired,
    (name, instance): Named<'_>,
    observed: &Observed,
    remembered: &Remembered,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    let owned = |labels: &BTreeMap<String, String>| {
        labels.get(label::STORE_ID).map(String::as_str) == Some(desired.identity.store.as_str())
            && labels.get(label::INSTANCE_ID).map(String::as_str) != Some(instance.id.as_str())
    };
    // What was taken over once is this instance's; labels can't say so.
    for VolumeSpec { name: volume } in
        instance.volumes.iter().filter(|volume| !remembered.had_volume(&instance.id, &volume.name))
    {
        let left = observed.volumes.get(volume.as_str()).filter(|labels| owned(labels));
        let Some(labels) = left else { continue };
        let whose = |label: &str| labels.get(label).map_or("?", String::as_str);
        let message = format!(
            "volume {volume} holds the data of instance '{}' of stack '{}', which was removed; \
             --reuse-volumes takes it over, removing the volume from the engine starts empty",
            whose(label::INSTANCE_NAME),
            whose(label::STACK_NAME)
        );
        found.push(Conflict(Problem::of(name, "volumes", message)));
    }
    found
}

/// What the engine can't be told.
fn impossible(name: &InstanceName, instance: &DesiredInstance, observed: &Observed) -> Vec<Conflict> {
    match observed.engine.kind {
        EngineKind::Docker => Vec::new(),
        EngineKind::Podman => {
            let fields = podman::impossible(&instance.spec).into_iter();
            fields.map(|(field, message)| Conflict(Problem::of(name, field, message))).collect()
        }
    }
}

fn ports(desired: &Desired, (name, instance): Named<'_>, observed: &Observed, found: &mut Vec<Conflict>) {
    for port in &instance.spec.ports {
        let choose =
            || format!("`devarch set {}/{name} ports.{}=PORT`", desired.identity.stack_name, port.key.target);
        let message = if let Some(holder) = holder(desired, observed, port.socket()) {
            format!(
                "port {} is already in use by {holder}; stop it, or choose another: {}",
                port.host_port,
                choose()
            )
        } else if is_roots(observed, port.socket()) {
            format!(
                "port {0} is root's (below {1}), and this {2} runs without root; choose another: {3}; or let \
                 everybody have it: `sudo sysctl net.ipv4.ip_unprivileged_port_start={0}`",
                port.host_port,
                observed.engine.lowest_port,
                observed.engine.kind,
                choose()
            )
        } else {
            continue;
        };
        found.push(Conflict(Problem::of(name, format!("ports.{}", port.key), message)));
    }
}

/// Whether the engine may not publish a port. To try is no good: Podman 4.3 never gives the container's address back after
/// that, not even with its network.
fn is_roots(observed: &Observed, socket: HostSocket) -> bool {
    let published = || observed.containers.iter().any(|container| publishes(container, socket));
    socket.port < observed.engine.lowest_port && !published()
}

/// Who else has a host port: another container or a process, in words.
pub(super) fn holder(desired: &Desired, observed: &Observed, socket: HostSocket) -> Option<String> {
    let mut publishers = observed.containers.iter().filter(|container| publishes(container, socket));
    if let Some(other) = publishers.clone().find(|container| !is_ours(desired, &container.labels)) {
        return Some(format!("container {}, which {}", other.name, owner(desired, &other.labels)));
    }
    if publishers.next().is_some() {
        return None;
    }
    let listener = observed.listeners.iter().find(|listener| {
        let theirs =
            HostSocket { ip: listener.host_ip, port: listener.host_port, protocol: listener.protocol };
        theirs.overlaps(&socket)
    })?;
    Some(listener.process.clone().unwrap_or_else(|| "a process of another user".to_owned()))
}

fn publishes(container: &ObservedContainer, socket: HostSocket) -> bool {
    container.ports.iter().any(|port| {
        HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol }.overlaps(&socket)
    })
}
