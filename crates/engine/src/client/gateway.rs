//! What keeps containers from losing their gateway, and with it their name server, on Podman before 4.8.
//!
//! netavark before 1.9 leaves a bridge's hardware address to the kernel, which takes the lowest of those that are plugged
//! in: it changes as containers come and go, and others go on sending to the old one for up to a minute (netavark, pull
//! request 833).
//!
//! What DevArch changes is announced at once ([`announce`](super::announce)). Of what changes without it, containers of
//! root's Podman learn by looking again each second, and are without their gateway for two seconds at most. This can be
//! said of their first interface only, for a kernel parameter of one that is taken away keeps a container from starting:
//! one that is linked to another stack, too, has a name server behind each, and asks the next after a second. The kernel
//! does not show these parameters to a user's Podman.

use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    spec::ContainerSpec,
};
use std::{collections::HashMap, path::Path};

/// Podman with netavark 1.9.
const STEADY: [u32; 2] = [4, 8];

/// Milliseconds, seconds and numbers of requests (arp(7)): what was not heard of for a second is asked for by broadcast
/// a second later, while what is known goes on being used. Without a lock time of zero the kernel does not believe an
/// address that changes within a second of the last look, neither where it is announced nor in the answer to that question.
const LOOKS: [(&str, &str); 5] = [
    ("base_reachable_time_ms", "1000"),
    ("delay_first_probe_time", "1"),
    ("ucast_solicit", "0"),
    ("mcast_resolicit", "1"),
    ("locktime", "0"),
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
pub(super) fn moves(engine: &EngineInfo) -> bool {
    engine.kind == EngineKind::Podman && !engine.is_at_least(STEADY)
}

/// The kernel shows them to root alone, and not to that of a user namespace; a container that asks for what is not
/// there does not start.
fn can_be_set(engine: &EngineInfo) -> bool {
    !engine.rootless
        && engine.locality == Locality::Host
        && Path::new("/proc/sys/net/ipv4/neigh/default/mcast_resolicit").exists()
}
