//! Networks, addresses and ports.

use super::assert_refused;
use crate::{
    fixture::{Fixture, RUNS, address, mounted, published},
    scope::free_port,
};
use devarch_core::{name::ContainerName, observed::RunState, spec::NetworkSpec};
use devarch_engine::EngineErrorKind as Kind;
use std::collections::BTreeSet;

/// Docker would create a second one by default.
pub async fn a_second_network_of_that_name_is_refused(f: &Fixture) {
    let (first, id) = f.network("net", 0).await;
    let second = NetworkSpec::of_stack(first.name.clone(), f.scope.subnet(1));
    assert_refused(f.engine.create_network(&second, &f.scope.labels()).await, &Kind::NameTaken);
    let networks = f.engine.networks().await.unwrap();
    let ours: Vec<_> = networks.into_iter().filter(|network| network.name == first.name.as_str()).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!((&ours[0].id, &ours[0].labels), (&id, &f.scope.labels()));
    assert_eq!(ours[0].subnets, [first.subnet]);
}

/// Addresses belong to one network.
pub async fn an_overlapping_network_is_reported_as_such(f: &Fixture) {
    let (first, _) = f.network("net", 0).await;
    let second = NetworkSpec::of_stack(format_name(f, "other"), first.subnet);
    assert_refused(f.engine.create_network(&second, &f.scope.labels()).await, &Kind::SubnetTaken);
}

fn format_name(f: &Fixture, name: &str) -> devarch_core::name::NetworkName {
    devarch_core::name::NetworkName::from_stored(f.scope.name(name))
}

/// Never by force: a container would lose it.
pub async fn a_network_in_use_is_not_removed(f: &Fixture) {
    let (network, id) = f.network("net", 0).await;
    let container = f.run(&f.attached("web", &RUNS, &network, 5)).await;
    assert_refused(f.engine.remove_network(&id).await, &Kind::InUse);
    f.stop(&container).await;
    f.engine.remove_container(&container).await.unwrap();
    f.engine.remove_network(&id).await.unwrap();
    assert!(f.engine.networks().await.unwrap().iter().all(|left| left.id != id));
}

/// The steps of a replacement: create a successor beside the running container, with the same address, aliases, port
/// and volume; then stop, rename, rename, start.
pub async fn a_replacement_can_be_created_with_the_same_address_while_the_old_one_runs(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let volume = f.volume("data").await;
    let mut request = f.attached("db", &RUNS, &network, 7);
    request.spec.ports.push(published(80, free_port()));
    request.spec.mounts.push(mounted(&volume, "/data"));
    let old = f.run(&request).await;
    let name = request.name.clone();
    request.name = ContainerName::from_stored(f.scope.name("db-new"));
    let new = f.create(&request).await;

    f.stop(&old).await;
    assert_eq!(f.engine.inspect(&old).await.unwrap().unwrap().state, RunState::Exited);
    f.engine.rename(&old, &ContainerName::from_stored(f.scope.name("db-old"))).await.unwrap();
    f.engine.rename(&new, &name).await.unwrap();
    f.engine.start(&new).await.unwrap();
    let seen = f.listed(&new).await.unwrap();
    assert_eq!((seen.name, seen.state), (name, RunState::Running));
    assert_eq!(seen.networks[network.name.as_str()], Some(address(&network, 7).into()));

    f.stop(&new).await;
    f.engine.start(&old).await.unwrap();
    assert_eq!(f.listed(&old).await.unwrap().state, RunState::Running);
}

/// Neighbours cache the hardware address behind an address, and keep sending there.
pub async fn a_successor_has_the_hardware_address_that_neighbours_cached(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let mut request = f.attached("web", &RUNS, &network, 7);
    let mut seen = BTreeSet::new();
    for name in ["old", "new"] {
        request.name = ContainerName::from_stored(f.scope.name(name));
        let id = f.run(&request).await;
        seen.insert(f.sh(&id, "cat /sys/class/net/eth0/address").await.stdout);
        f.stop(&id).await;
        f.engine.disconnect(&network.name, &id).await.unwrap();
        f.engine.connect(&network.name, &id, address(&network, 7), &[]).await.unwrap();
        f.engine.start(&id).await.unwrap();
        seen.insert(f.sh(&id, "cat /sys/class/net/eth0/address").await.stdout);
        f.stop(&id).await;
    }
    let octets = address(&network, 7).octets().map(|octet| format!("{octet:02x}")).join(":");
    assert_eq!(seen, BTreeSet::from([format!("02:42:{octets}\n")]));
}

/// A bridge may change its hardware address with each container that starts or stops; its gateway remains reachable.
///
/// Probes a closed port rather than resolving a name: Podman 4.3's name server refuses queries for seconds when several
/// networks change at once, even for names it resolves.
pub async fn a_container_reaches_its_gateway_while_others_start_and_stop(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let id = f.run(&f.attached("web", &RUNS, &network, 2)).await;
    let asks = asks_gateway(&network);
    for at in 0..6 {
        let other = f.run(&f.attached(&format!("other-{at}"), &RUNS, &network, 3)).await;
        assert_eq!(f.sh(&id, &asks).await.code, 0, "the gateway is lost after container {at} came");
        f.stop(&other).await;
        f.engine.remove_container(&other).await.unwrap();
        assert_eq!(f.sh(&id, &asks).await.code, 0, "the gateway is lost after container {at} went");
    }
}

/// The gateway of a second network, a link's, is found as soon as the first one's.
pub async fn a_container_reaches_both_its_gateways_while_others_start_and_stop(f: &Fixture) {
    let ((first, _), (second, _)) = (f.network("net", 0).await, f.network("link", 1).await);
    let id = f.create(&f.attached("web", &RUNS, &first, 2)).await;
    f.engine.connect(&second.name, &id, address(&second, 2), &[]).await.unwrap();
    f.engine.start(&id).await.unwrap();
    let (asks_first, asks_second) = (asks_gateway(&first), asks_gateway(&second));
    for at in 0..6 {
        let other = f.run(&f.attached(&format!("other-{at}"), &RUNS, &second, 3)).await;
        assert_eq!(f.sh(&id, &asks_second).await.code, 0, "the gateway is lost after container {at} came");
        assert_eq!(f.sh(&id, &asks_first).await.code, 0, "the other is lost after container {at} came");
        f.stop(&other).await;
        f.engine.remove_container(&other).await.unwrap();
        assert_eq!(f.sh(&id, &asks_second).await.code, 0, "the gateway is lost after container {at} went");
    }
}

/// Succeeds as soon as a network's gateway answers that a port is closed.
fn asks_gateway(network: &NetworkSpec) -> String {
    let gateway = address(network, 1);
    format!("for i in 1 2 3; do nc -w 1 {gateway} 9 2>&1 | grep refused && exit 0; done; exit 1")
}

/// An address is one container's at a time.
pub async fn a_taken_address_is_reported_as_such(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    f.run(&f.attached("a", &RUNS, &network, 5)).await;
    let second = f.create(&f.attached("b", &RUNS, &network, 5)).await;
    assert_refused(f.engine.start(&second).await, &Kind::AddressTaken);
}

/// Kept containers are detached and attached again at the same address.
pub async fn a_disconnected_container_is_reconnected_with_its_address(f: &Fixture) {
    let (network, id) = f.network("net", 0).await;
    let container = f.run(&f.attached("web", &RUNS, &network, 5)).await;
    f.stop(&container).await;
    f.engine.disconnect(&network.name, &container).await.unwrap();
    assert!(!f.listed(&container).await.unwrap().networks.contains_key(network.name.as_str()));
    f.engine.remove_network(&id).await.unwrap();
    f.engine.create_network(&network, &f.scope.labels()).await.unwrap();
    let aliases = ["web".to_owned()];
    f.engine.connect(&network.name, &container, address(&network, 5), &aliases).await.unwrap();
    f.engine.start(&container).await.unwrap();
    let seen = f.listed(&container).await.unwrap();
    assert_eq!(seen.networks[network.name.as_str()], Some(address(&network, 5).into()));
}

/// An interrupted call may be carried out while the next one is sent.
pub async fn detaching_an_unattached_container_succeeds(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let running = f.run(&f.attached("web", &RUNS, &network, 5)).await;
    let created = f.create(&f.attached("db", &RUNS, &network, 6)).await;
    for container in [&running, &created] {
        f.engine.disconnect(&network.name, container).await.unwrap();
        assert!(!f.listed(container).await.unwrap().networks.contains_key(network.name.as_str()));
        f.engine.disconnect(&network.name, container).await.unwrap();
    }
    f.engine.remove_container(&created).await.unwrap();
    f.engine.disconnect(&network.name, &created).await.unwrap();
}

/// By another container; `world` has the case of another process.
pub async fn a_taken_port_is_reported_as_such(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let port = free_port();
    let mut first = f.attached("a", &RUNS, &network, 5);
    first.spec.ports.push(published(80, port));
    let id = f.run(&first).await;
    let seen = f.listed(&id).await.unwrap();
    assert_eq!(seen.ports.iter().map(|port| port.host_port).collect::<Vec<_>>(), [port]);
    let mut second = f.attached("b", &RUNS, &network, 6);
    second.spec.ports.push(published(81, port));
    let second = f.create(&second).await;
    assert_refused(f.engine.start(&second).await, &Kind::PortTaken);
}

/// Podman still lists them.
pub async fn a_stopped_container_publishes_nothing(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let mut request = f.attached("web", &RUNS, &network, 5);
    request.spec.ports.push(published(80, free_port()));
    let id = f.create(&request).await;
    assert_eq!(f.listed(&id).await.unwrap().ports, []);
    f.engine.start(&id).await.unwrap();
    assert_eq!(f.listed(&id).await.unwrap().ports.len(), 1);
    f.stop(&id).await;
    assert_eq!(f.listed(&id).await.unwrap().ports, []);
}
