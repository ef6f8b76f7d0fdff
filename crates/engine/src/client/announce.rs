//! Makes gateways that have changed their hardware address known to the containers behind them (see
//! [`gateway`](super::gateway) for who changes it and why).
//!
//! A bridge of root's is in this machine's namespace, whose settings are its owner's. But the kernel has to ask for an
//! address it doesn't know, by a broadcast in which the bridge gives its own hardware address, and whoever has an older
//! one for it takes that (RFC 826, "packet reception"). So a datagram to nobody is sent to each bridge; it takes no
//! privilege, and the kernel repeats the question twice, a second apart. A user's bridges are in a namespace of the
//! user's, which is told to announce every change by itself.

use super::gateway::moves;
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

/// What Podman calls its bridges, with a number after it.
const BRIDGE: &str = "podman";
/// Where nobody listens, and what comes is thrown away if somebody does (RFC 863).
const DISCARD: u16 = 9;

/// In the namespace of a user's bridges: who changes its address tells its neighbours (`arp_notify` in the kernel's
/// ip-sysctl). Measured: 30 to 50 ms.
const ANNOUNCE: [&str; 5] =
    ["unshare", "--rootless-netns", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify"];
/// How long that may take; Podman waits for a lock of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sees to it that bridges announce themselves.
#[derive(Debug)]
pub(super) enum Announcements {
    /// Addresses stay, or the bridges are out of reach.
    None,
    /// Root's bridges, each time something is plugged in or out.
    Bridges,
    /// A user's namespace, once; it ends with its last container, and the next one is to be told anew.
    Namespace { told: Mutex<bool> },
}

impl Announcements {
    /// For an engine at that endpoint.
    pub(super) fn new(engine: &EngineInfo, endpoint: &Endpoint) -> Self {
        let own = || endpoint.owner() == Some(geteuid().as_raw());
        match engine.locality {
            Locality::Host if !moves(engine) => Self::None,
            Locality::Host if !engine.rootless => Self::Bridges,
            Locality::Host if own() => Self::Namespace { told: Mutex::default() },
            _ => Self::None,
        }
    }

    /// A container was started.
    pub(super) async fn started(&self) {
        match self {
            Self::None => (),
            Self::Bridges => call_out(),
            Self::Namespace { told } => {
                let mut told = told.lock().await;
                if !std::mem::replace(&mut *told, true)
                    && let Err(message) = tell().await
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
            Self::Bridges => call_out(),
            Self::Namespace { told } => *told.lock().await = false,
        }
    }

    /// A container was connected to a network or disconnected from it, perhaps as it ran.
    pub(super) fn rewired(&self) {
        if matches!(self, Self::Bridges) {
            call_out();
        }
    }
}

/// Has the kernel ask behind each bridge for who is not there.
fn call_out() {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else { return };
    for nobody in nobodies(&routes) {
        // Where it can't be sent, to a bridge that has gone meanwhile for one, nobody waits for it.
        let _ = socket.send_to(&[], (nobody, DISCARD));
    }
}

/// An address behind each of Podman's bridges that no container has: the last, which only passers-by get.
fn nobodies(routes: &str) -> impl Iterator<Item = Ipv4Addr> {
    routes.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok().map(u32::from_be);
        let (network, gateway, mask) = (number(1)?, number(2)?, number(7)?);
        let is_bridge = fields.first()?.starts_with(BRIDGE) && gateway == 0;
        is_bridge.then(|| Ipv4Addr::from((network | !mask).saturating_sub(1)))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_behind_podmans_own_bridges_only() {
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
        assert_eq!(nobodies(&table.concat()).collect::<Vec<_>>(), [Ipv4Addr::new(10, 213, 246, 102)]);
    }
}
