//! Addresses and objects of other engines on this machine, where duplicates must be avoided.

use crate::planning::engine_identity;
use devarch_core::{
    engine::{EngineInfo, Locality},
    ownership::{Listed, Ownership},
};
use devarch_engine::{ConnectOptions, Engine, Engines, FindInput, Way, candidates};
use futures_util::future::join_all;
use ipnet::Ipv4Net;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The time limit for answers of other engines.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the network addresses of engines at this machine's usual sockets, except this one. The host may have no
/// route for them: Podman creates a network's bridge with its first container. Engines that do not answer are ignored.
pub(crate) async fn networks(engines: &dyn Engines, here: &EngineInfo) -> Vec<Ipv4Net> {
    let subnets = async |engine: Arc<dyn Engine>| engine.networks().await.unwrap_or_default();
    let found = join_all(others(engines, here).await.into_iter().map(subnets)).await;
    found.into_iter().flatten().flat_map(|network| network.subnets).collect()
}

/// Returns whether one of these engines has a container or network that this store created.
pub(crate) async fn has_ours(engines: &dyn Engines, here: &EngineInfo, ownership: &Ownership) -> bool {
    let ours = async |engine: Arc<dyn Engine>| {
        let (containers, networks) = tokio::join!(engine.containers(), engine.networks());
        let (containers, networks) = (containers.unwrap_or_default(), networks.unwrap_or_default());
        engine_identity::has_ours(Listed::all(&containers, &networks, &BTreeMap::new()), ownership)
    };
    join_all(others(engines, here).await.into_iter().map(ours)).await.contains(&true)
}

/// Connects to the engines at this machine's usual sockets that answer, except this one.
async fn others(engines: &dyn Engines, here: &EngineInfo) -> Vec<Arc<dyn Engine>> {
    if here.locality != Locality::Host {
        return Vec::new();
    }
    let nothing_said = FindInput {
        devarch_engine: None,
        docker_host: None,
        container_host: None,
        docker_context: None,
        ..engines.said()
    };
    let usual = candidates(&nothing_said);
    let others = usual.iter().filter(|other| match &other.way {
        Way::Dial(address) => *address != here.endpoint,
        Way::StartPodman { .. } => false,
    });
    let options = ConnectOptions { timeout: PATIENCE };
    let connected = others.map(|other| engines.connect(std::slice::from_ref(other), options));
    join_all(connected).await.into_iter().flatten().collect()
}
