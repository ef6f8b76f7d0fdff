//! Keeps containers from losing their gateway, and with it their name server, on Podman before 4.8.
//!
//! netavark before 1.9 leaves a bridge's hardware address to the kernel, which picks the lowest of the attached
//! interfaces: it changes as containers start and stop, and other containers keep sending to the old one for up to a
//! minute (netavark, pull request 833).
//!
//! Changes made by DevArch are followed by a gratuitous ARP ([`gratuitous_arp`](super::gratuitous_arp)). For other
//! changes, containers of root's Podman query their gateway's address every second, and lose it for two seconds at
//! most. This can only be configured for their first interface, because a kernel parameter of a removed interface keeps
//! a container from starting: a container that is linked to another stack has a name server on each network, and asks
//! the next one after a second. The kernel does not offer these parameters to a user's Podman.

use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    spec::ContainerSpec,
};
use std::{collections::HashMap, path::Path};

/// Podman with netavark 1.9.
const STEADY: [u32; 2] = [4, 8];

/// Milliseconds, seconds and numbers of requests (arp(7)): an entry that was not confirmed for a second is verified by
/// broadcast a second later, and remains in use meanwhile. Unless `locktime` is zero the kernel ignores an address that
/// changes within a second of the last update, both in a gratuitous ARP and in a reply.
const NEIGHBOUR_SETTINGS: [(&str, &str); 5] = [
    ("base_reachable_time_ms", "1000"),
    ("delay_first_probe_time", "1"),
    ("ucast_solicit", "0"),
    ("mcast_resolicit", "1"),
    ("locktime", "0"),
];

/// A container's kernel parameters: those of its spec, and those that make it find its gateway again.
pub(super) fn sysctls(engine: &EngineInfo, spec: &ContainerSpec) -> HashMap<String, String> {
    let mut sysctls = HashMap::new();
    if spec.network.is_some() && gateway_moves(engine) && are_available(engine) {
        let settings =
            NEIGHBOUR_SETTINGS.map(|(name, value)| (format!("net.ipv4.neigh.eth0.{name}"), value.to_owned()));
        sysctls.extend(settings);
    }
    sysctls.extend(spec.sysctls.clone());
    sysctls
}

/// A container's resolver options: the order of its name servers changes with each start, and each resolves the names
/// of all its networks.
pub(super) fn resolver(engine: &EngineInfo, spec: &ContainerSpec) -> Vec<String> {
    if spec.network.is_some() && gateway_moves(engine) { vec!["timeout:1".to_owned()] } else { Vec::new() }
}

/// Whether gateways change their hardware addresses.
pub(super) fn gateway_moves(engine: &EngineInfo) -> bool {
    engine.kind == EngineKind::Podman && !engine.is_at_least(STEADY)
}

/// The kernel offers them to root only, and not to root of a user namespace; a container with an unavailable parameter
/// does not start.
fn are_available(engine: &EngineInfo) -> bool {
    !engine.rootless
        && engine.locality == Locality::Host
        && Path::new("/proc/sys/net/ipv4/neigh/default/mcast_resolicit").exists()
}
