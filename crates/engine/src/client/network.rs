use super::{BollardEngine, Result};
use crate::{
    cause::{During, Failure},
    wire::Call,
};
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
};
use devarch_core::{
    id::{ContainerId, NetworkId},
    name::NetworkName,
    observed::ObservedNetwork,
    spec::NetworkSpec,
};
use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    name: String,
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "IPAM")]
    ipam: Option<Ipam>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    config: Option<Vec<Pool>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pool {
    subnet: Option<String>,
    gateway: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

impl Listed {
    fn pools(&self) -> &[Pool] {
        self.ipam
            .as_ref()
            .and_then(|ipam| ipam.config.as_deref())
            .unwrap_or_default()
    }
}

impl From<Listed> for ObservedNetwork {
    fn from(listed: Listed) -> Self {
        let subnet = |pool: &Pool| pool.subnet.as_deref()?.parse::<Ipv4Net>().ok();
        Self {
            subnets: listed.pools().iter().filter_map(subnet).collect(),
            id: NetworkId::new(listed.id),
            name: listed.name,
            labels: listed.labels.unwrap_or_default(),
        }
    }
}

pub(super) async fn list(engine: &BollardEngine) -> Result<Vec<ObservedNetwork>> {
    let listed: Vec<Listed> = engine
        .wire
        .json(Call::get("/networks"))
        .await
        .during(|| "list networks".to_owned())?;
    Ok(listed.into_iter().map(ObservedNetwork::from).collect())
}

/// Podman's bridges reach each other unless told `isolate`; Docker's don't. Docker before API 1.44 makes a second
/// network of the same name unless told `CheckDuplicate`, which bollard no longer knows.
pub(super) async fn create(
    engine: &BollardEngine,
    spec: &NetworkSpec,
    labels: &BTreeMap<String, String>,
) -> Result<NetworkId> {
    let options = if engine.is_podman() {
        json!({"isolate": "true"})
    } else {
        json!({})
    };
    let call = Call::post("/networks/create").json(body(spec, labels, &options));
    let created: Created = engine
        .wire
        .json(call)
        .await
        .during(|| format!("create network {}", spec.name))?;
    Ok(NetworkId::new(created.id))
}

fn body(spec: &NetworkSpec, labels: &BTreeMap<String, String>, options: &Value) -> Value {
    let gateway = spec.subnet.hosts().next().unwrap_or(spec.subnet.addr());
    json!({
        "Name": spec.name,
        "CheckDuplicate": true,
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": spec.subnet.trunc(), "Gateway": gateway}]},
        "Options": options,
        "Labels": labels,
    })
}

pub(super) async fn remove(engine: &BollardEngine, id: &NetworkId) -> Result<()> {
    match engine
        .docker
        .remove_network(id.as_str())
        .await
        .map_err(Failure::from)
    {
        Err(failure) if failure.is_missing() => Ok(()),
        other => other.during(|| format!("remove network {id}")),
    }
}

/// A fixed address and the names beside the container's own.
pub(super) fn endpoint(address: Ipv4Addr, aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        }),
        aliases: Some(aliases.to_vec()),
        ..EndpointSettings::default()
    }
}

pub(super) async fn connect(
    engine: &BollardEngine,
    network: &NetworkName,
    container: &ContainerId,
    endpoint: EndpointSettings,
) -> Result<()> {
    let request = NetworkConnectRequest {
        container: container.to_string(),
        endpoint_config: Some(endpoint),
    };
    let connected = engine
        .docker
        .connect_network(network.as_str(), request)
        .await;
    connected.during(|| format!("connect container {container} to {network}"))
}

pub(super) async fn disconnect(
    engine: &BollardEngine,
    network: &NetworkName,
    container: &ContainerId,
) -> Result<()> {
    let request = NetworkDisconnectRequest {
        container: container.to_string(),
        force: Some(false),
    };
    let disconnected = engine
        .docker
        .disconnect_network(network.as_str(), request)
        .await;
    disconnected.during(|| format!("disconnect container {container} from {network}"))
}

/// The address under which a network's containers reach its host.
pub(super) async fn gateway(engine: &BollardEngine, network: &NetworkName) -> Result<String> {
    let action = || format!("inspect network {network}");
    let found: Listed = engine
        .wire
        .json(Call::get(format!("/networks/{network}")))
        .await
        .during(action)?;
    let told = found.pools().iter().find_map(|pool| pool.gateway.clone());
    told.ok_or_else(|| Failure::Garbled("it has no gateway".to_owned()))
        .during(action)
}
