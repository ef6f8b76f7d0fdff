//! Host ports that DevArch chooses: the same for the same store, stack, instance and container port, so that a
//! recreated stack keeps its addresses.

use crate::{
    id::StoreId,
    name::{InstanceName, StackName},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{fmt, net::IpAddr, str::FromStr};

/// The host ports that DevArch chooses from, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl Default for PortRange {
    /// A range below the ports Linux uses for outgoing connections, which begin at 32768.
    fn default() -> Self {
        Self { first: 20_000, last: 29_999 }
    }
}

impl FromStr for PortRange {
    type Err = ();

    /// Parses `FIRST-LAST`; ports below 1024 are reserved for the system.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once('-').ok_or(())?;
        let range = Self { first: first.parse().map_err(drop)?, last: last.parse().map_err(drop)? };
        if range.first >= 1024 && range.first <= range.last { Ok(range) } else { Err(()) }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl PortRange {
    /// Returns the ports to try for a container port, each once: a stable first choice, then its neighbours.
    pub fn candidates(
        self,
        store: &StoreId,
        stack: &StackName,
        instance: &InstanceName,
        key: PortKey,
    ) -> impl Iterator<Item = u16> {
        let digest = Sha256::digest(format!("{store}\0{stack}\0{instance}\0{key}"));
        let count = self.last - self.first + 1;
        let start = u16::from_be_bytes([digest[0], digest[1]]) % count;
        (start..count).chain(0..start).map(move |step| self.first + step)
    }
}

/// The transport of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the protocol of that name")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

impl Protocol {
    /// The name engines and Compose files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Identifies a port within an instance by container port and protocol, written `80/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortKey {
    /// Port in the container.
    pub target: u16,
    /// The transport.
    pub protocol: Protocol,
}

impl fmt::Display for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.protocol)
    }
}

/// A host port assigned to an instance for the instance's lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostBinding {
    /// Address on the host.
    pub host_ip: IpAddr,
    /// Port on the host.
    pub host_port: u16,
}

impl HostBinding {
    /// Returns the socket of the port with that transport.
    pub fn socket(self, protocol: Protocol) -> HostSocket {
        HostSocket { ip: self.host_ip, port: self.host_port, protocol }
    }
}

impl FromStr for PortKey {
    type Err = InvalidPort;

    /// Parses `80` and `80/udp`.
    fn from_str(given: &str) -> Result<Self, InvalidPort> {
        let invalid = || InvalidPort(given.to_owned());
        let (target, protocol) = given.split_once('/').unwrap_or((given, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(invalid()),
        };
        let target = target.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
        Ok(Self { target, protocol })
    }
}

/// A text that is not a container port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a container port such as 80 or 53/udp")]
pub struct InvalidPort(String);

/// A socket on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HostSocket {
    /// Address; unspecified (`0.0.0.0`, `::`) for all.
    #[serde(rename = "host_ip")]
    pub ip: IpAddr,
    /// Port.
    #[serde(rename = "host_port")]
    pub port: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl HostSocket {
    /// Whether the two sockets cannot both be listened on: same port and transport, and a common address. `0.0.0.0`
    /// covers every IPv4 address, `::` every address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || covers(self.ip, other.ip) || covers(other.ip, self.ip))
    }
}

/// Whether a wildcard address includes another.
fn covers(wildcard: IpAddr, other: IpAddr) -> bool {
    wildcard.is_unspecified() && (wildcard.is_ipv6() || other.is_ipv4())
}

impl fmt::Display for HostSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", std::net::SocketAddr::new(self.ip, self.port), self.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(range: PortRange, stack: &str) -> Vec<u16> {
        let key = PortKey { target: 80, protocol: Protocol::Tcp };
        let store = StoreId::new("s");
        range.candidates(&store, &stack.parse().unwrap(), &"web".parse().unwrap(), key).collect()
    }

    #[test]
    fn the_first_choice_is_stable_and_every_port_is_tried_once() {
        let range = PortRange::default();
        assert_eq!(of(range, "a"), of(range, "a"));
        assert_ne!(of(range, "a")[0], of(range, "b")[0]);
        let all: BTreeSet<u16> = (20_000..=29_999).collect();
        assert_eq!(of(range, "a").len(), all.len());
        assert_eq!(of(range, "a").into_iter().collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn a_port_range_is_two_ascending_ports() {
        let range: PortRange = "65534-65535".parse().unwrap();
        assert_eq!(of(range, "a").into_iter().collect::<BTreeSet<_>>(), [65_534, 65_535].into());
        for wrong in ["", "2000", "2000-", "80-2000", "3000-2000", "2000-70000", "a-b"] {
            assert_eq!(wrong.parse::<PortRange>(), Err(()), "{wrong}");
        }
    }

    const ADDRESSES: [&str; 4] = ["127.0.0.1", "192.168.7.9", "::1", "fd00::9"];

    /// Returns the addresses a socket listens on, for a host that has [`ADDRESSES`].
    fn bound(socket: &HostSocket) -> BTreeSet<IpAddr> {
        let host = ADDRESSES.iter().map(|address| address.parse::<IpAddr>().unwrap());
        match socket.ip.to_string().as_str() {
            "::" => host.collect(),
            "0.0.0.0" => host.filter(IpAddr::is_ipv4).collect(),
            _ => [socket.ip].into(),
        }
    }

    fn socket() -> impl Strategy<Value = HostSocket> {
        let address = prop::sample::select([&ADDRESSES[..], &["0.0.0.0", "::"]].concat());
        let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp]);
        (address, 80_u16..82, protocol).prop_map(|(ip, port, protocol)| HostSocket {
            ip: ip.parse().unwrap(),
            port,
            protocol,
        })
    }

    proptest! {
        #[test]
        fn sockets_overlap_if_they_listen_on_a_common_address(one in socket(), other in socket()) {
            let shared = !bound(&one).is_disjoint(&bound(&other));
            let expected = one.port == other.port && one.protocol == other.protocol && shared;
            prop_assert_eq!(one.overlaps(&other), expected);
            prop_assert_eq!(other.overlaps(&one), expected);
        }
    }
}
