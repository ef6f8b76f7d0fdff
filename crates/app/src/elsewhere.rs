//! What other engines of this machine have, where two must not have the same.

use devarch_core::engine::{EngineInfo, Locality};
use devarch_engine::{Candidate, ConnectOptions, EngineError, Engines, FindInput, Way, candidates};
use futures_util::future::join_all;
use ipnet::Ipv4Net;
use std::time::Duration;

/// Time another engine gets to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Addresses of the networks of the engines at this machine's usual sockets but for this one. The host may have no route
/// there: Podman makes a network's bridge with its first container. What does not answer tells nothing.
pub(crate) async fn networks(engines: &dyn Engines, here: &EngineInfo) -> Vec<Ipv4Net> {
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
    join_all(others.map(|other| subnets(engines, other))).await.into_iter().flatten().flatten().collect()
}

async fn subnets(engines: &dyn Engines, place: &Candidate) -> Result<Vec<Ipv4Net>, EngineError> {
    let options = ConnectOptions { timeout: PATIENCE };
    let engine = engines.connect(std::slice::from_ref(place), options).await?;
    let networks = engine.networks().await?;
    Ok(networks.into_iter().flat_map(|network| network.subnets).collect())
}
