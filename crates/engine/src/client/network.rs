use super::{
    BollardEngine, Result, isolation,
    podman_networks::{self, PodmanNetwork},
    transient,
};
use crate::{
    EngineError, EngineErrorKind as Kind,
    cause::{During, Failure},
    http_transport::Call,
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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

impl From<Listed> for ObservedNetwork {
    fn from(listed: Listed) -> Self {
        let pools = listed.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let subnet = |pool: Pool| pool.subnet?.parse::<Ipv4Net>().ok();
        Self {
            subnets: pools.into_iter().filter_map(subnet).collect(),
            id: NetworkId::new(listed.id),
            name: listed.name,
            labels: listed.labels.unwrap_or_default(),
        }
    }
}

pub(super) async fn list(engine: &BollardEngine) -> Result<Vec<ObservedNetwork>> {
    let action = || "list networks".to_owned();
    if engine.is_podman() {
        let listed = podman_networks::list(engine).await.during(action)?;
        return Ok(listed.into_iter().map(ObservedNetwork::from).collect());
    }
    let listed: Vec<Listed> = engine.http.json(Call::get("/networks")).await.during(action)?;
    Ok(listed.into_iter().map(ObservedNetwork::from).collect())
}

/// Docker's links are internal: they lead only to their other end, so that a container's default route, and the ports
/// it publishes, remain on its stack's network. Podman's cannot be internal: netavark 1.4 adds no accept rule for an
/// internal bridge, and if Docker runs too the firewall's default is to drop that traffic.
///
/// Podman's bridges reach each other without the option `isolate`; Docker's do not. Docker before API 1.44 creates a
/// second network of the same name without `CheckDuplicate`, which bollard no longer has.
pub(super) async fn create(
    engine: &BollardEngine,
    spec: &NetworkSpec,
    labels: &BTreeMap<String, String>,
) -> Result<NetworkId> {
    let options = if engine.is_podman() { json!({"isolate": "true"}) } else { json!({}) };
    let body = body(spec, labels, &options, engine.is_podman());
    let create = || Call::post("/networks/create").json(&body);
    let created: Created =
        transient::send(engine, create).await.during(|| format!("create network {}", spec.name))?;
    Ok(NetworkId::new(created.id))
}

fn body(spec: &NetworkSpec, labels: &BTreeMap<String, String>, options: &Value, podman: bool) -> Value {
    let gateway = spec.subnet.hosts().next().unwrap_or(spec.subnet.addr());
    json!({
        "Name": spec.name,
        "CheckDuplicate": true,
        "Driver": "bridge",
        "Internal": spec.link.is_some() && !podman,
        "IPAM": {"Config": [{"Subnet": spec.subnet.trunc(), "Gateway": gateway}]},
        "Options": options,
        "Labels": labels,
    })
}

/// By name on Podman: by id it removes a network under running containers (4.3.1 looks for the given word among the
/// names of their networks).
pub(super) async fn remove(engine: &BollardEngine, id: &NetworkId) -> Result<()> {
    let action = || format!("remove network {id}");
    if !engine.is_podman() {
        return match remove_by(engine, id.as_str()).await.during(action) {
            Err(error) if error.kind == Kind::InUse => remove_unused(engine, id, error).await,
            removed => removed,
        };
    }
    let Some(found) = podman_networks::find(engine, id.as_str()).await.during(action)? else { return Ok(()) };
    let removed = match remove_by(engine, &found.name).await {
        Err(Failure::Answered(answer)) if answer.kind() == Kind::InUse => {
            isolation::wait_for_throwaways(engine, &found.name).await.during(action)?;
            remove_by(engine, &found.name).await
        }
        removed => removed,
    };
    removed.during(action)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Used {
    containers: Option<BTreeMap<String, Value>>,
}

/// Retries removing a network that Docker reports as used although nothing is connected to it by now.
async fn remove_unused(engine: &BollardEngine, id: &NetworkId, error: EngineError) -> Result<()> {
    let look = engine.http.find(Call::get(format!("/networks/{id}"))).await;
    let found: Option<Used> = look.during(|| format!("inspect network {id}"))?;
    if found.and_then(|found| found.containers).is_some_and(|containers| !containers.is_empty()) {
        return Err(error);
    }
    match remove_by(engine, id.as_str()).await.during(|| error.action.clone()) {
        Err(again) if again.kind == Kind::InUse => Err(EngineError { kind: Kind::Miscounted, ..again }),
        removed => removed,
    }
}

/// Succeeds if the network no longer exists.
async fn remove_by(engine: &BollardEngine, name: &str) -> std::result::Result<(), Failure> {
    match engine.timed(engine.docker.remove_network(name)).await {
        Err(failure) if failure.is_missing() => Ok(()),
        removed => removed,
    }
}

/// A fixed address and the aliases in addition to the container's own name.
///
/// The hardware address is derived from the address, as Docker before 28 does by default. Podman 4.3 generates a new
/// one at each start, and every neighbour that knew a predecessor at that address (the host for its published ports,
/// other containers) keeps sending to the old one until the kernel asks again: up to a minute of timeouts.
pub(super) fn endpoint(address: Ipv4Addr, aliases: &[String]) -> EndpointSettings {
    let [a, b, c, d] = address.octets();
    EndpointSettings {
        mac_address: Some(format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")),
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
    let request = NetworkConnectRequest { container: container.to_string(), endpoint_config: Some(endpoint) };
    let connected = engine.timed(engine.docker.connect_network(network.as_str(), request)).await;
    engine.gratuitous_arp.attachments_changed();
    connected.during(|| format!("connect container {container} to {network}"))
}

pub(super) async fn disconnect(
    engine: &BollardEngine,
    network: &NetworkName,
    container: &ContainerId,
) -> Result<()> {
    let request = NetworkDisconnectRequest { container: container.to_string(), force: Some(false) };
    let disconnected = engine.timed(engine.docker.disconnect_network(network.as_str(), request)).await;
    engine.gratuitous_arp.attachments_changed();
    match disconnected.during(|| format!("disconnect container {container} from {network}")) {
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        disconnected => disconnected,
    }
}

/// The address under which the containers of a network of Podman's reach its host.
pub(super) async fn gateway(engine: &BollardEngine, network: &NetworkName) -> Result<String> {
    let found = podman_networks::find(engine, network.as_str()).await;
    found
        .and_then(|found| {
            let gateway = found.and_then(PodmanNetwork::gateway);
            gateway.ok_or_else(|| Failure::Garbled("it has no gateway".to_owned()))
        })
        .during(|| format!("inspect network {network}"))
}
