//! Subnets of stacks: small, not overlapping any subnet in use, and stable.

use crate::name::{NetworkName, StackName};
use ipnet::Ipv4Net;
use sha2::{Digest as _, Sha256};
use std::net::Ipv4Addr;

/// The default pool for subnets: a part of 10/8 (RFC 1918) that neither Docker's default pools (172.17-31, 192.168)
/// nor Podman's (10.88-10.89) use.
pub const DEFAULT_POOL: &str = "10.213.0.0/16";

/// The smallest subnet a stack gets.
pub const LONGEST_PREFIX: u8 = 26;

/// The prefixes of a link's network, and of the part of the pool that links use.
const LINK_PREFIX: u8 = 29;
const LINKS_PREFIX: u8 = 20;

/// The slot of a link's provider in its network.
pub const LINK_PROVIDER: u32 = 0;
/// The slot of a link's consumer in its network.
pub const LINK_CONSUMER: u32 = 1;

/// Addresses not available to instances: network, gateway, broadcast.
const RESERVED: u32 = 3;

/// Returns the prefix of a subnet for that many instances and as many again.
pub fn prefix_for(instances: usize) -> u8 {
    let wanted = u32::try_from(instances).unwrap_or(u32::MAX / 4).saturating_mul(2) + RESERVED;
    let bits = 32 - wanted.next_power_of_two().trailing_zeros();
    u8::try_from(bits).unwrap_or(16).clamp(16, LONGEST_PREFIX)
}

/// Returns a free subnet of the pool: the stack's own first choice or the next one that overlaps none in use. `None`
/// if the pool is exhausted.
pub fn choose(stack: &StackName, pool: Ipv4Net, prefix: u8, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    choose_for(stack.as_str(), pool, prefix, taken)
}

/// Returns a subnet for a link: a gateway, two ends and throw-away containers. Links take theirs from the end of the
/// pool, so that these small subnets leave room for stacks.
pub fn choose_link(network: &NetworkName, pool: Ipv4Net, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let first = u32::from(pool.broadcast()).saturating_sub((1 << (32 - LINKS_PREFIX)) - 1);
    let end = Ipv4Net::new(Ipv4Addr::from(first), LINKS_PREFIX).ok().filter(|end| pool.contains(end));
    let choose = |pool| choose_for(network.as_str(), pool, LINK_PREFIX, taken);
    end.and_then(choose).or_else(|| choose(pool))
}

fn choose_for(seed: &str, pool: Ipv4Net, prefix: u8, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let prefix = prefix.max(pool.prefix_len());
    let count = 1_u64 << (prefix - pool.prefix_len());
    let digest = Sha256::digest(seed);
    let start = u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) % count;
    (0..count).find_map(|step| {
        let offset = ((start + step) % count) << (32 - u32::from(prefix));
        let address = u32::from(pool.network()).checked_add(u32::try_from(offset).ok()?)?;
        let net = Ipv4Net::new(Ipv4Addr::from(address), prefix).ok()?;
        (!taken.iter().any(|other| overlap(&net, other))).then_some(net)
    })
}

/// Whether two subnets share an address.
pub fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Returns the fixed address of a slot; `None` if the subnet is too small.
pub fn address(net: Ipv4Net, slot: u32) -> Option<Ipv4Addr> {
    let address = Ipv4Addr::from(u32::from(net.network()).checked_add(2)?.checked_add(slot)?);
    (net.contains(&address) && address != net.broadcast()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subnet() -> impl Strategy<Value = Ipv4Net> {
        (0_u32..64, 26_u8..=32)
            .prop_map(|(host, prefix)| Ipv4Net::new(Ipv4Addr::from(0x0ad5_0000 + host), prefix).unwrap())
    }

    fn addresses(net: Ipv4Net) -> std::ops::RangeInclusive<u32> {
        u32::from(net.network())..=u32::from(net.broadcast())
    }

    proptest! {
        #[test]
        fn subnets_overlap_if_they_share_an_address(one in subnet(), other in subnet()) {
            let shared = addresses(one).any(|address| addresses(other).contains(&address));
            prop_assert_eq!(overlap(&one, &other), shared);
            prop_assert_eq!(overlap(&other, &one), shared);
        }
    }

    #[test]
    fn a_hundred_stacks_get_disjoint_subnets() {
        let pool = DEFAULT_POOL.parse().unwrap();
        let mut taken: Vec<Ipv4Net> = Vec::new();
        for n in 0..1000 {
            let net = choose(&format!("stack-{n}").parse().unwrap(), pool, 26, &taken).unwrap();
            assert!(taken.iter().all(|other| !overlap(&net, other)));
            taken.push(net);
        }
    }

    #[test]
    fn links_get_disjoint_subnets_at_the_end_of_the_pool_or_in_the_rest_when_that_is_full() {
        let pool: Ipv4Net = DEFAULT_POOL.parse().unwrap();
        let mut taken: Vec<Ipv4Net> = Vec::new();
        for n in 0..600 {
            let network = NetworkName::from_stored(format!("devarch-a{n}-api.infra-db"));
            let net = choose_link(&network, pool, &taken).unwrap();
            assert!(pool.contains(&net) && taken.iter().all(|other| !overlap(&net, other)));
            assert_eq!(net.network() >= Ipv4Addr::new(10, 213, 240, 0), n < 512, "{n}: {net}");
            assert!(address(net, LINK_PROVIDER).is_some() && address(net, LINK_CONSUMER).is_some());
            taken.push(net);
        }
        let small: Ipv4Net = "10.0.0.0/26".parse().unwrap();
        let network = NetworkName::from_stored("devarch-shop-api.infra-db");
        assert!(small.contains(&choose_link(&network, small, &[]).unwrap()));
    }

    #[test]
    fn an_exhausted_pool_has_no_subnet() {
        let pool: Ipv4Net = "10.0.0.0/26".parse().unwrap();
        assert_eq!(choose(&"s".parse().unwrap(), pool, 26, &[pool]), None);
    }

    #[test]
    fn a_subnet_has_room_for_twice_the_number_of_instances() {
        for instances in [1, 30, 31, 500, 5000] {
            let net = Ipv4Net::new(Ipv4Addr::new(10, 213, 0, 0), prefix_for(instances)).unwrap();
            let last = u32::try_from(2 * instances - 1).unwrap();
            assert!(address(net, last).is_some(), "{instances} in {net}");
        }
    }
}
