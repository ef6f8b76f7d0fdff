//! Host ports DevArch chooses: the same for the same store, stack, instance and container port, so that a stack
//! made anew keeps its addresses.

use crate::{
    id::StoreId,
    name::{InstanceName, StackName},
    template::{PortKey, Protocol},
};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// The first port DevArch chooses; below the range Linux takes ephemeral ports from (32768).
pub const FIRST: u16 = 20_000;
/// How many there are.
pub const COUNT: u16 = 10_000;

/// The ports to try for a container port, each once: a stable first choice, then its neighbours.
pub fn candidates(
    store: &StoreId,
    stack: &StackName,
    instance: &InstanceName,
    key: PortKey,
) -> impl Iterator<Item = u16> {
    let digest = Sha256::digest(format!("{store}\0{stack}\0{instance}\0{key}"));
    let start = u16::from_be_bytes([digest[0], digest[1]]) % COUNT;
    (0..COUNT).map(move |step| FIRST + (start + step) % COUNT)
}

/// A socket on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostSocket {
    /// Address; unspecified (`0.0.0.0`, `::`) for all.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl HostSocket {
    /// Whether both can't be listened on at once: a wildcard address overlaps every specific one.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip.is_unspecified() || other.ip.is_unspecified())
    }
}

impl std::fmt::Display for HostSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", std::net::SocketAddr::new(self.ip, self.port), self.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_choice_is_stable_and_every_port_is_tried_once() {
        let of = |stack: &str| -> Vec<u16> {
            let key = PortKey { target: 80, protocol: Protocol::Tcp };
            let store = StoreId::new("s");
            candidates(&store, &stack.parse().unwrap(), &"web".parse().unwrap(), key).collect()
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a")[0], of("b")[0]);
        assert_eq!(of("a").into_iter().collect::<BTreeSet<_>>().len(), usize::from(COUNT));
    }
}
