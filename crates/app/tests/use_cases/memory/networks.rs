//! Networks: each stack has its own, with addresses that nothing else uses.

use crate::{
    harness::{Command, Sandbox, hints},
    stacks::{LINKED, SHOP, shop},
};
use devarch_app::{Conflict, ErrorKind, InUse, OperationError};
use devarch_core::{name::NetworkName, spec::NetworkSpec, subnet::overlap};
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::memory::{Call, Fault};
use ipnet::Ipv4Net;
use std::{collections::BTreeMap, net::IpAddr};

async fn subnet(sandbox: &Sandbox, network: &str) -> Ipv4Net {
    sandbox.objects().await.networks[network].subnets[0]
}

fn pool() -> Ipv4Net {
    "10.212.0.0/23".parse().unwrap()
}

async fn foreign_network(sandbox: &Sandbox, name: &str, subnet: &str) {
    let spec = NetworkSpec::of_stack(NetworkName::from_stored(name), subnet.parse().unwrap());
    sandbox.engine.create_network(&spec, &BTreeMap::new()).await.unwrap();
}

const WEB: &str = "web: {template: busybox}";

#[tokio::test]
async fn networks_and_container_addresses_come_from_the_pool() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let net = subnet(&sandbox, "devarch-shop-net").await;
    assert!(pool().contains(&net), "{net}");
    let status = sandbox.status("shop").await;
    let addresses: Vec<IpAddr> = status.instances.iter().filter_map(|instance| instance.address).collect();
    assert_eq!(addresses.len(), 2);
    assert_ne!(addresses[0], addresses[1]);
    for address in addresses {
        assert!(matches!(address, IpAddr::V4(v4) if net.contains(&v4)), "{address} {net}");
    }
}

#[tokio::test]
async fn a_stack_keeps_its_addresses_after_a_down_unless_another_takes_them() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let first = subnet(&sandbox, "devarch-shop-net").await;
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(subnet(&sandbox, "devarch-shop-net").await, first);
    sandbox.run("shop", Command::Down).await.unwrap();
    foreign_network(&sandbox, "their-net", &first.to_string()).await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert!(!overlap(&subnet(&sandbox, "devarch-shop-net").await, &first));
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn routes_of_the_host_and_other_networks_are_avoided() {
    let sandbox = Sandbox::new().await;
    sandbox.host.route("10.212.0.0/24".parse().unwrap());
    foreign_network(&sandbox, "their-net", "10.212.1.0/25").await;
    sandbox.run("shop", Command::up(shop(&[WEB]))).await.unwrap();
    let own = subnet(&sandbox, "devarch-shop-net").await;
    assert!("10.212.1.128/25".parse::<Ipv4Net>().unwrap().contains(&own), "{own}");
}

#[tokio::test]
async fn an_exhausted_pool_is_refused_with_the_setting() {
    let sandbox = Sandbox::new().await;
    sandbox.host.route("10.212.0.0/23".parse().unwrap());
    let error = sandbox.run("shop", Command::up(shop(&[WEB]))).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::InUse(InUse::Subnets { .. }))), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(hints(&error).contains("DEVARCH_ADDRESS_POOL"));
    assert!(sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn a_running_stack_keeps_its_network_in_a_full_pool() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.host.route("10.212.0.0/23".parse().unwrap());
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_larger_stack_gets_a_larger_network() {
    let sandbox = Sandbox::new().await;
    let many: Vec<String> = (0..70).map(|number| format!("w{number}: {{template: busybox}}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    sandbox.run("shop", Command::up(shop(&many))).await.unwrap();
    let net = subnet(&sandbox, "devarch-shop-net").await;
    assert!(net.prefix_len() <= 25, "{net}");
    let objects = sandbox.objects().await;
    let addresses: std::collections::BTreeSet<_> =
        objects.containers.values().flat_map(|container| container.networks.values().flatten()).collect();
    assert_eq!(addresses.len(), 70);
}

#[tokio::test]
async fn the_network_of_a_link_overlaps_no_other() {
    let sandbox = Sandbox::new().await;
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
    sandbox.run("shop", Command::up(LINKED)).await.unwrap();
    let networks = sandbox.objects().await.networks;
    let subnets: Vec<Ipv4Net> = networks.values().flat_map(|network| network.subnets.clone()).collect();
    assert_eq!(subnets.len(), 3);
    for (at, one) in subnets.iter().enumerate() {
        assert!(subnets[..at].iter().all(|other| !overlap(one, other)), "{subnets:?}");
    }
}

#[tokio::test]
async fn addresses_taken_concurrently_are_refused_by_the_engine_and_others_are_chosen_next_time() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.inject(Fault::refused(Call::CreateNetwork, "shop", Kind::SubnetTaken));
    let error = sandbox.run("shop", Command::up(shop(&[WEB]))).await.unwrap_err();
    assert!(matches!(error, OperationError::Apply(_)), "{error:?}");
    assert!(sandbox.objects().await.networks.is_empty());
    sandbox.run("shop", Command::up(shop(&[WEB]))).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_network_removed_by_hand_is_recreated() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let net = subnet(&sandbox, "devarch-shop-net").await;
    for container in ["devarch-shop-web", "devarch-shop-db"] {
        sandbox.remove_by_hand(container).await;
    }
    let id = sandbox.objects().await.networks["devarch-shop-net"].id.clone();
    sandbox.engine.remove_network(&id).await.unwrap();
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(plan.contains("network"), "{plan}");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(subnet(&sandbox, "devarch-shop-net").await, net);
}
