//! Makes containers learn a gateway's new hardware address (see [`gateway`](super::gateway) for when and why it
//! changes).
//!
//! Bridges of root's Podman are in the host's network namespace, whose settings DevArch must not change. But when the
//! kernel needs an unknown address, it broadcasts an ARP request that contains the bridge's own hardware address, and
//! every container with an older entry for the bridge updates it (RFC 826, "packet reception"). So a datagram to an
//! unused address is sent to each bridge: this takes no privilege, and the kernel repeats the request twice, a second
//! apart. Bridges of a rootless Podman are in a namespace of their own, where the kernel is configured to send a
//! gratuitous ARP for every change.

use super::gateway::gateway_moves;
use crate::find::Endpoint;
use devarch_core::engine::{EngineInfo, Locality};
use rustix::process::geteuid;
use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    process::Stdio,
    time::Duration,
};
use tokio::sync::Mutex;

/// Name prefix of Podman's bridges, followed by a number.
const BRIDGE: &str = "podman";
/// The discard port (RFC 863): a listener would drop the datagram.
const DISCARD: u16 = 9;

/// Makes the kernel send a gratuitous ARP when an interface changes its address (`arp_notify` in the kernel's
/// ip-sysctl), in the namespace of a user's bridges. Measured: 30 to 50 ms.
const ENABLE_ARP_NOTIFY: [&str; 5] =
    ["unshare", "--rootless-netns", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify"];
/// Time limit of that command; Podman waits for its own lock.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How containers learn about changed hardware addresses.
#[derive(Debug)]
pub(super) enum GratuitousArp {
    /// Not needed, or the bridges cannot be reached.
    None,
    /// Root's bridges: requests are sent each time a container is attached or detached.
    Bridges,
    /// A user's namespace: configured once. It ends with its last container, and the next one has to be configured
    /// again.
    Namespace { enabled: Mutex<bool> },
}

impl GratuitousArp {
    /// For an engine at that endpoint.
    pub(super) fn new(engine: &EngineInfo, endpoint: &Endpoint) -> Self {
        let own = || endpoint.owner() == Some(geteuid().as_raw());
        match engine.locality {
            Locality::Host if !gateway_moves(engine) => Self::None,
            Locality::Host if !engine.rootless => Self::Bridges,
            Locality::Host if own() => Self::Namespace { enabled: Mutex::default() },
            _ => Self::None,
        }
    }

    /// A container was started.
    pub(super) async fn started(&self) {
        match self {
            Self::None => (),
            Self::Bridges => send_arp_requests(),
            Self::Namespace { enabled } => {
                let mut enabled = enabled.lock().await;
                if !std::mem::replace(&mut *enabled, true)
                    && let Err(message) = enable_arp_notify().await
                {
                    tracing::warn!(message, "names may not be found for a minute at a time");
                }
            }
        }
    }

    /// A container was stopped, perhaps the last of a namespace, or did not start.
    pub(super) async fn stopped(&self) {
        match self {
            Self::None => (),
            Self::Bridges => send_arp_requests(),
            Self::Namespace { enabled } => *enabled.lock().await = false,
        }
    }

    /// A container was connected to a network or disconnected from it, possibly while running.
    pub(super) fn attachments_changed(&self) {
        if matches!(self, Self::Bridges) {
            send_arp_requests();
        }
    }
}

/// Makes the kernel send ARP requests for an unused address on each bridge.
fn send_arp_requests() {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else { return };
    for unused in unused_addresses(&routes) {
        // Best effort: the bridge may have been removed meanwhile.
        let _ = socket.send_to(&[], (unused, DISCARD));
    }
}

/// An unused address on each of Podman's bridges: the last one, which only throw-away containers get.
fn unused_addresses(routes: &str) -> impl Iterator<Item = Ipv4Addr> {
    routes.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok().map(u32::from_be);
        let (network, gateway, mask) = (number(1)?, number(2)?, number(7)?);
        let is_bridge = fields.first()?.starts_with(BRIDGE) && gateway == 0;
        is_bridge.then(|| Ipv4Addr::from((network | !mask).saturating_sub(1)))
    })
}

async fn enable_arp_notify() -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "Podman's API does not lead into its user's namespace")]
    let mut podman = tokio::process::Command::new("podman");
    let podman = podman.args(ENABLE_ARP_NOTIFY).current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(TIMEOUT, podman.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Ok(Err(error)) => Err(format!("podman unshare: {error}")),
        Err(_) => Err(format!("podman unshare took more than {} s", TIMEOUT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_podmans_own_bridges_have_an_unused_address() {
        // As the kernel prints an address: the number its bytes are on this machine.
        let hex = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let line = |name: &str, network, gateway, mask| {
            format!("{name}\t{}\t{}\t0001\t0\t0\t0\t{}\t0\t0\t0\n", hex(network), hex(gateway), hex(mask))
        };
        let table = [
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n".to_owned(),
            line("eth0", [0; 4], [192, 168, 1, 1], [0; 4]),
            line("docker0", [172, 17, 0, 0], [0; 4], [255, 255, 0, 0]),
            line("podman1", [10, 213, 246, 96], [0; 4], [255, 255, 255, 248]),
            line("podman1", [10, 9, 0, 0], [10, 213, 246, 98], [255, 255, 0, 0]),
        ];
        assert_eq!(unused_addresses(&table.concat()).collect::<Vec<_>>(), [Ipv4Addr::new(10, 213, 246, 102)]);
    }
}
