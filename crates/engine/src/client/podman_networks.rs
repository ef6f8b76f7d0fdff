//! Podman's networks, read through its own API only.
//!
//! Its compatible API removes `isolate` from the options it returns, and thereby (4.3.1) from its own memory: after a
//! `GET /networks/{name}` containers start without isolation until the service reads its files again.

use super::{BollardEngine, LIBPOD};
use crate::{cause::Failure, http_transport::Call};
use devarch_core::{id::NetworkId, observed::ObservedNetwork};
use ipnet::Ipv4Net;
use serde::Deserialize;
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, Failure>;

#[derive(Deserialize)]
pub(super) struct PodmanNetwork {
    pub(super) name: String,
    id: String,
    labels: Option<BTreeMap<String, String>>,
    subnets: Option<Vec<Subnet>>,
}

#[derive(Deserialize)]
struct Subnet {
    subnet: String,
    gateway: Option<String>,
}

impl PodmanNetwork {
    pub(super) fn gateway(self) -> Option<String> {
        self.subnets?.into_iter().find_map(|subnet| subnet.gateway)
    }
}

impl From<PodmanNetwork> for ObservedNetwork {
    fn from(network: PodmanNetwork) -> Self {
        let subnets = network.subnets.unwrap_or_default();
        Self {
            id: NetworkId::new(network.id),
            name: network.name,
            labels: network.labels.unwrap_or_default(),
            subnets: subnets.iter().filter_map(|net| net.subnet.parse::<Ipv4Net>().ok()).collect(),
        }
    }
}

pub(super) async fn list(engine: &BollardEngine) -> Result<Vec<PodmanNetwork>> {
    engine.http.json(Call::get(format!("{LIBPOD}/networks/json"))).await
}

/// By name or id.
pub(super) async fn find(engine: &BollardEngine, network: &str) -> Result<Option<PodmanNetwork>> {
    engine.http.find(Call::get(format!("{LIBPOD}/networks/{network}/json"))).await
}
