//! The addresses of a stack's networks: kept where possible, and chosen for new networks.

use crate::{
    id::StackId,
    name::{ContainerName, NetworkName, StackName},
    ownership::Seen,
    resolve::LinkedInstances,
    stack::Stack,
    subnet,
    wire::WireTo,
};
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};

/// The subnets of a stack's networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets {
    /// The subnet of the stack's own network.
    pub own: Ipv4Net,
    /// The subnets of its links, except those for which the pool has no room.
    pub links: BTreeMap<NetworkName, Ipv4Net>,
}

/// The address requirements of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressNeeds {
    /// The stack.
    pub stack: StackName,
    /// The last subnet of its network.
    pub earlier: Option<Ipv4Net>,
    /// The number of its instances.
    pub instances: usize,
    /// The highest slot among its instances.
    pub last_slot: Option<u32>,
    /// The networks of its links.
    pub links: BTreeSet<NetworkName>,
}

impl AddressNeeds {
    /// Returns the requirements of a stack that is linked to instances of `others`.
    pub fn of(stack: &Stack, others: &LinkedInstances) -> Self {
        Self {
            stack: stack.name.clone(),
            earlier: stack.subnet,
            instances: stack.instances.len(),
            last_slot: stack.instances.values().map(|instance| instance.slot).max(),
            links: link_networks(stack, others),
        }
    }

    /// Whether a subnet has an address for every slot.
    fn fit(&self, net: Ipv4Net) -> bool {
        self.last_slot.is_none_or(|slot| subnet::address(net, slot).is_some())
    }

    fn prefix(&self) -> u8 {
        let slots = self.last_slot.map_or(0, |slot| slot as usize + 1);
        subnet::prefix_for(slots.max(self.instances))
    }
}

fn link_networks(stack: &Stack, others: &LinkedInstances) -> BTreeSet<NetworkName> {
    let mut networks = BTreeSet::new();
    for wire in &stack.wiring.wires {
        let WireTo::Other { stack: other, instance, .. } = &wire.to else { continue };
        let consumer = ContainerName::for_instance(&stack.name, &wire.from.instance);
        if let (Ok(consumer), Some(other)) = (consumer, others.get(&(other.clone(), instance.clone()))) {
            networks.insert(NetworkName::for_link(&consumer, &other.wire.container));
        }
    }
    networks
}

/// The addresses in use, and the pool to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFacts {
    /// The pool for new subnets.
    pub pool: Ipv4Net,
    /// The subnets of the stack's networks that exist.
    pub existing: BTreeMap<NetworkName, Ipv4Net>,
    /// The subnets of the engine's networks, and those the host has routes to.
    pub in_use: Vec<Ipv4Net>,
    /// Other subnets that a new one must not overlap: those reserved for other stacks, and those of other engines.
    /// Needed only if [`Self::suffice`] is false.
    pub reserved: Vec<Ipv4Net>,
}

impl AddressFacts {
    /// Creates the facts for a pool in which no address is in use.
    pub fn unobserved(pool: Ipv4Net) -> Self {
        Self { pool, existing: BTreeMap::new(), in_use: Vec::new(), reserved: Vec::new() }
    }

    /// Creates the facts from what was observed on the stack's engine.
    pub fn observed(pool: Ipv4Net, stack: &StackId, seen: Seen<'_>) -> Self {
        let networks = &seen.observed.networks;
        let own = networks.iter().filter(|network| seen.ownership.is_of(stack, *network));
        let existing = own.filter_map(|network| {
            let subnet = network.subnets.first()?;
            Some((NetworkName::from_stored(network.name.clone()), *subnet))
        });
        let of_networks = networks.iter().flat_map(|network| &network.subnets);
        Self {
            existing: existing.collect(),
            in_use: of_networks.chain(&seen.observed.routes).copied().collect(),
            ..Self::unobserved(pool)
        }
    }

    /// Whether every network keeps its subnet, so that none has to be chosen.
    pub fn suffice(&self, needs: &AddressNeeds) -> bool {
        self.kept(needs).is_some() && needs.links.iter().all(|link| self.existing.contains_key(link))
    }

    /// Returns the existing subnet of a stack's network, or else its last one if that is free and large enough.
    fn kept(&self, needs: &AddressNeeds) -> Option<Ipv4Net> {
        let existing = self.existing.get(&NetworkName::for_stack(&needs.stack)).copied();
        existing.or_else(|| needs.earlier.filter(|net| needs.fit(*net) && self.is_unused(*net)))
    }

    fn is_unused(&self, net: Ipv4Net) -> bool {
        !self.in_use.iter().any(|other| subnet::overlap(&net, other))
    }

    fn taken(&self) -> Vec<Ipv4Net> {
        self.existing.values().chain(&self.in_use).chain(&self.reserved).copied().collect()
    }
}

/// The pool has no free subnet for a stack's network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("every subnet of {pool} is in use")]
pub struct PoolExhausted {
    /// The pool.
    pub pool: Ipv4Net,
}

/// Chooses the subnets of a stack's network and of its links. Pure: the same facts give the same choice.
///
/// # Errors
///
/// The stack's network is new and the pool has no room for it.
pub fn choose_subnets(needs: &AddressNeeds, facts: &AddressFacts) -> Result<Subnets, PoolExhausted> {
    let pool = facts.pool;
    let mut taken = facts.taken();
    let new = || subnet::choose(&needs.stack, pool, needs.prefix(), &taken);
    let own = facts.kept(needs).or_else(new).ok_or(PoolExhausted { pool })?;
    taken.push(own);
    let mut links = BTreeMap::new();
    for link in &needs.links {
        if let Some(existing) = facts.existing.get(link) {
            links.insert(link.clone(), *existing);
        } else if let Some(new) = subnet::choose_link(link, pool, &taken) {
            taken.push(new);
            links.insert(link.clone(), new);
        }
    }
    Ok(Subnets { own, links })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const LINK: &str = "devarch-shop-api.infra-db";

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn network(name: &str) -> NetworkName {
        NetworkName::from_stored(name)
    }

    /// A stack with an instance in the first slot and one link.
    fn needs() -> AddressNeeds {
        AddressNeeds {
            stack: "shop".parse().unwrap(),
            earlier: None,
            instances: 1,
            last_slot: Some(0),
            links: BTreeSet::from([network(LINK)]),
        }
    }

    fn facts() -> AddressFacts {
        AddressFacts::unobserved(net("10.213.0.0/16"))
    }

    fn exists(name: &str, subnet: &str) -> AddressFacts {
        AddressFacts {
            existing: BTreeMap::from([(network(name), net(subnet))]),
            in_use: vec![net(subnet)],
            ..facts()
        }
    }

    fn own(needs: &AddressNeeds, facts: &AddressFacts) -> Ipv4Net {
        choose_subnets(needs, facts).unwrap().own
    }

    #[test]
    fn an_existing_network_keeps_its_subnet_even_outside_the_pool_or_too_small() {
        let needs = AddressNeeds { last_slot: Some(500), earlier: Some(net("10.213.7.0/24")), ..needs() };
        assert_eq!(own(&needs, &exists("devarch-shop-net", "172.20.0.0/29")), net("172.20.0.0/29"));
    }

    #[test]
    fn another_stacks_network_is_not_kept() {
        let other = exists("devarch-store-net", "10.213.7.0/26");
        assert!(!subnet::overlap(&own(&needs(), &other), &net("10.213.7.0/26")));
    }

    #[test]
    fn the_earlier_subnet_is_reused_if_it_is_free_and_large_enough() {
        let earlier = net("10.213.7.0/26");
        let needs = AddressNeeds { earlier: Some(earlier), ..needs() };
        assert_eq!(own(&needs, &facts()), earlier);
        let used = AddressFacts { in_use: vec![net("10.213.7.32/27")], ..facts() };
        assert!(!subnet::overlap(&own(&needs, &used), &earlier));
        let grown = AddressNeeds { last_slot: Some(61), ..needs };
        let larger = own(&grown, &facts());
        assert!(larger != earlier && subnet::address(larger, 61).is_some(), "{larger}");
    }

    #[test]
    fn the_earlier_subnet_is_the_stacks_own_whatever_else_is_reserved() {
        let earlier = net("10.213.7.0/26");
        let needs = AddressNeeds { earlier: Some(earlier), ..needs() };
        assert_eq!(own(&needs, &AddressFacts { reserved: vec![earlier], ..facts() }), earlier);
    }

    #[test]
    fn facts_suffice_if_every_network_keeps_its_subnet() {
        let linked = needs();
        let unlinked = AddressNeeds { links: BTreeSet::new(), ..needs() };
        assert!(!facts().suffice(&unlinked));
        let up = exists("devarch-shop-net", "10.213.7.0/26");
        assert!(up.suffice(&unlinked) && !up.suffice(&linked));
        let earlier = AddressNeeds { earlier: Some(net("10.213.7.0/26")), ..unlinked };
        assert!(facts().suffice(&earlier));
        assert!(!exists(LINK, "10.213.7.0/29").suffice(&earlier));
        let mut both = up;
        both.existing.insert(network(LINK), net("10.213.240.0/29"));
        assert!(both.suffice(&linked));
    }

    #[test]
    fn an_exhausted_pool_is_an_error_that_names_it() {
        let pool = net("10.0.0.0/26");
        let full = AddressFacts { reserved: vec![pool], ..AddressFacts::unobserved(pool) };
        assert_eq!(choose_subnets(&needs(), &full), Err(PoolExhausted { pool }));
    }

    #[test]
    fn a_link_without_room_in_the_pool_gets_no_subnet() {
        let pool = net("10.0.0.0/26");
        let subnets = choose_subnets(&needs(), &AddressFacts::unobserved(pool)).unwrap();
        assert_eq!(subnets, Subnets { own: pool, links: BTreeMap::new() });
    }

    fn subnet_near() -> impl Strategy<Value = Ipv4Net> {
        (0_u32..0x4000, 20_u8..=29).prop_map(|(host, prefix)| {
            Ipv4Net::new(Ipv4Addr::from(0x0ad5_0000 + host), prefix).unwrap().trunc()
        })
    }

    fn some_needs() -> impl Strategy<Value = AddressNeeds> {
        let earlier = proptest::option::of(subnet_near());
        let links = proptest::collection::btree_set(0..6_u8, 0..4);
        (earlier, 0..200_u32, links).prop_map(|(earlier, last, links)| AddressNeeds {
            earlier,
            instances: last as usize + 1,
            last_slot: Some(last),
            links: links.into_iter().map(|n| network(&format!("devarch-shop-a{n}.infra-db"))).collect(),
            ..needs()
        })
    }

    /// Generates facts: which of the stack's network and its first three possible links exist, and which other
    /// subnets are in use.
    fn some_facts() -> impl Strategy<Value = AddressFacts> {
        let existing = proptest::collection::btree_map(0..4_u8, subnet_near(), 0..3);
        let nets = || proptest::collection::vec(subnet_near(), 0..8);
        (existing, nets(), nets()).prop_map(|(existing, mut in_use, reserved)| {
            let name = |n| match n {
                0 => network("devarch-shop-net"),
                n => network(&format!("devarch-shop-a{n}.infra-db")),
            };
            in_use.extend(existing.values());
            let existing = existing.into_iter().map(|(n, subnet)| (name(n), subnet)).collect();
            AddressFacts { existing, in_use, reserved, ..AddressFacts::unobserved(net("10.213.0.0/18")) }
        })
    }

    proptest! {
        #[test]
        fn the_same_facts_give_the_same_choice(needs in some_needs(), facts in some_facts()) {
            prop_assert_eq!(choose_subnets(&needs, &facts), choose_subnets(&needs, &facts));
        }

        #[test]
        fn existing_networks_keep_their_subnets(needs in some_needs(), facts in some_facts()) {
            let Ok(chosen) = choose_subnets(&needs, &facts) else { return Ok(()) };
            if let Some(existing) = facts.existing.get(&network("devarch-shop-net")) {
                prop_assert_eq!(chosen.own, *existing);
            }
            for link in &needs.links {
                if let Some(existing) = facts.existing.get(link) {
                    prop_assert_eq!(chosen.links.get(link), Some(existing));
                }
            }
        }

        #[test]
        fn a_new_subnet_overlaps_no_other(needs in some_needs(), facts in some_facts()) {
            let Ok(chosen) = choose_subnets(&needs, &facts) else { return Ok(()) };
            let own = Some(chosen.own).filter(|_| facts.kept(&needs).is_none());
            let links = chosen.links.iter().filter(|(name, _)| !facts.existing.contains_key(*name));
            let new: Vec<Ipv4Net> = own.into_iter().chain(links.map(|(_, net)| *net)).collect();
            for (at, net) in new.iter().enumerate() {
                let mut others = facts.in_use.iter().chain(&facts.reserved).chain(&new[..at]);
                prop_assert!(!others.any(|other| subnet::overlap(net, other)), "{net} of {new:?}");
                prop_assert!(own == Some(*net) || !subnet::overlap(net, &chosen.own), "{net}");
            }
        }

        #[test]
        fn a_new_subnet_is_in_the_pool_and_has_an_address_for_every_slot(
            needs in some_needs(),
            facts in some_facts(),
        ) {
            let Ok(chosen) = choose_subnets(&needs, &facts) else { return Ok(()) };
            if facts.kept(&needs).is_none() {
                prop_assert!(facts.pool.contains(&chosen.own));
                prop_assert!(subnet::address(chosen.own, needs.last_slot.unwrap_or(0)).is_some());
            }
        }

        #[test]
        fn reserved_subnets_do_not_matter_if_the_facts_suffice(
            needs in some_needs(),
            facts in some_facts(),
        ) {
            let looked_up = AddressFacts { reserved: Vec::new(), ..facts.clone() };
            if facts.suffice(&needs) {
                prop_assert_eq!(choose_subnets(&needs, &facts), choose_subnets(&needs, &looked_up));
            }
        }
    }
}
