//! What keeps containers from losing their gateway, and with it their name server, on Podman before 4.8.
//!
//! netavark before 1.9 leaves a bridge's hardware address to the kernel, which takes the lowest of those that are plugged
//! in: it changes as containers come and go, and others go on sending to the old one for up to a minute (netavark, pull
//! request 833). A container that looks again each second is without it for two seconds at most. This can be said of its
//! first interface only, for a kernel parameter of one that is taken away keeps a container from starting: one that is
//! linked to another stack, too, has a name server behind each, and asks the next after a second.

use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    spec::ContainerSpec,
};
use std::{collections::HashMap, path::Path};

/// Podman with netavark 1.9.
const STEADY: [u32; 2] = [4, 8];

/// Milliseconds, seconds and numbers of requests (arp(7)): what was not heard of for a second is asked for by broadcast
/// a second later, while what is known goes on being used.
const LOOKS: [(&str, &str); 4] = [
    ("base_reachable_time_ms", "1000"),
    ("delay_first_probe_time", "1"),
    ("ucast_solicit", "0"),
    ("mcast_resolicit", "1"),
];

/// A container's kernel parameters: those of its spec, and what it needs to find its gateway again.
pub(super) fn sysctls(engine: &EngineInfo, spec: &ContainerSpec) -> HashMap<String, String> {
    let mut sysctls = HashMap::new();
    if spec.network.is_some() && moves(engine) && can_be_set(engine) {
        let looks = LOOKS.map(|(name, value)| (format!("net.ipv4.neigh.eth0.{name}"), value.to_owned()));
        sysctls.extend(looks);
    }
    sysctls.extend(spec.sysctls.clone());
    sysctls
}

/// A container's resolver options: which of its name servers is asked first changes with each start, and each knows the
/// names of all its networks.
pub(super) fn resolver(engine: &EngineInfo, spec: &ContainerSpec) -> Vec<String> {
    if spec.network.is_some() && moves(engine) { vec!["timeout:1".to_owned()] } else { Vec::new() }
}

/// Whether gateways change their hardware addresses.
fn moves(engine: &EngineInfo) -> bool {
    let numbers: Vec<u32> = engine.version.split('.').take(2).filter_map(|part| part.parse().ok()).collect();
    engine.kind == EngineKind::Podman && numbers.as_slice() < STEADY.as_slice()
}

/// The kernel shows them to root alone, and not to that of a user namespace; a container that asks for what is not
/// there does not start.
fn can_be_set(engine: &EngineInfo) -> bool {
    !engine.rootless
        && engine.locality == Locality::Host
        && Path::new("/proc/sys/net/ipv4/neigh/default/mcast_resolicit").exists()
}
