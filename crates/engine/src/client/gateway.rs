//! What keeps containers from losing their gateway, and with it their name server, on Podman before 4.8.
//!
//! netavark before 1.9 leaves a bridge's hardware address to the kernel, which takes the lowest of those that are plugged
//! in: it changes as containers come and go, and others go on sending to the old one for up to a minute (netavark, pull
//! request 833).
//!
//! Containers of root's Podman look again each second, and are without it for two seconds at most. This can be said of
//! their first interface only, for a kernel parameter of one that is taken away keeps a container from starting: one that
//! is linked to another stack, too, has a name server behind each, and asks the next after a second. The kernel does not
//! show these parameters to a user's Podman; its bridges are in a namespace of the user's, which is told to announce
//! each change of address, as root's namespace, this machine's, is not ours to be told.

use crate::find::Endpoint;
use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    spec::ContainerSpec,
};
use rustix::process::geteuid;
use std::{collections::HashMap, path::Path, process::Stdio, time::Duration};
use tokio::sync::Mutex;

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
    engine.kind == EngineKind::Podman && !engine.is_at_least(STEADY)
}

/// The kernel shows them to root alone, and not to that of a user namespace; a container that asks for what is not
/// there does not start.
fn can_be_set(engine: &EngineInfo) -> bool {
    !engine.rootless
        && engine.locality == Locality::Host
        && Path::new("/proc/sys/net/ipv4/neigh/default/mcast_resolicit").exists()
}

/// In the namespace of a user's bridges: who changes its address tells its neighbours (`arp_notify` in the kernel's
/// ip-sysctl). Measured: 30 to 50 ms.
const ANNOUNCE: [&str; 5] =
    ["unshare", "--rootless-netns", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify"];
/// How long that may take; Podman waits for a lock of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sees to it that a user's bridges announce themselves. The namespace ends with its last container, and the next one is
/// to be told anew.
#[derive(Debug)]
pub(super) struct Announcements {
    wanted: bool,
    told: Mutex<bool>,
}

impl Announcements {
    /// For an engine at that endpoint.
    pub(super) fn new(engine: &EngineInfo, endpoint: &Endpoint) -> Self {
        let own = || endpoint.owner() == Some(geteuid().as_raw());
        let wanted = moves(engine) && engine.rootless && engine.locality == Locality::Host && own();
        Self { wanted, told: Mutex::default() }
    }

    /// A container was started: the namespace is there.
    pub(super) async fn switch_on(&self) {
        if !self.wanted {
            return;
        }
        let mut told = self.told.lock().await;
        if !std::mem::replace(&mut *told, true)
            && let Err(message) = tell().await
        {
            tracing::warn!(message, "names may not be found for a minute at a time");
        }
    }

    /// A container was stopped, perhaps the last one.
    pub(super) async fn expire(&self) {
        *self.told.lock().await = false;
    }
}

async fn tell() -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "Podman's API does not lead into its user's namespace")]
    let mut podman = tokio::process::Command::new("podman");
    let podman = podman.args(ANNOUNCE).current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, podman.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Ok(Err(error)) => Err(format!("podman unshare: {error}")),
        Err(_) => Err(format!("podman unshare took more than {} s", PATIENCE.as_secs())),
    }
}
