//! Lists all containers with one call.

use super::{BollardEngine, LIBPOD, Result, isolation, state, transient};
use crate::{
    cause::During,
    http_transport::{Call, encoded},
};
use devarch_core::{
    id::ContainerId,
    name::ContainerName,
    observed::{ObservedContainer, RunState},
    port::{PortKey, Protocol},
    spec::{PublishedPort, label},
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    #[serde(rename = "ImageID")]
    image_id: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    created: Option<i64>,
    state: Option<String>,
    status: Option<String>,
    ports: Option<Vec<Port>>,
    mounts: Option<Vec<Mounted>>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    #[serde(rename = "IP")]
    ip: Option<String>,
    #[serde(rename = "PrivatePort")]
    private: u16,
    #[serde(rename = "PublicPort")]
    public: Option<u16>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mounted {
    r#type: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<BTreeMap<String, Option<Attached>>>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
}

pub(super) async fn containers(engine: &BollardEngine) -> Result<Vec<ObservedContainer>> {
    let list = || Call::get("/containers/json?all=true");
    let listed: Vec<Listed> = transient::send(engine, list).await.during(|| "list containers".to_owned())?;
    let hidden = |listed: &Listed| engine.is_podman() && listed.is_active_throwaway();
    let listed = listed.into_iter().filter(|listed| !hidden(listed)).map(ObservedContainer::from);
    mark_stuck(engine, listed.collect()).await
}

/// Docker lists a container that it could not start as exited; only an inspect shows whether it can be started again.
async fn mark_stuck(
    engine: &BollardEngine,
    mut listed: Vec<ObservedContainer>,
) -> Result<Vec<ObservedContainer>> {
    let failed = |container: &ObservedContainer| {
        let code = container.exit_code.filter(|_| container.label(label::STORE_ID).is_some());
        code.is_some_and(|code| state::NOT_STARTED.contains(&code))
    };
    for container in listed.iter_mut().filter(|container| failed(container)) {
        if let Some(found) = state::inspect(engine, &container.id).await?
            && found.state == RunState::Stuck
        {
            container.state = RunState::Stuck;
            container.exit_code = None;
        }
    }
    Ok(listed)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Checked {
    id: String,
}

/// A container without a check matches no filter value: inspecting all of them takes longer than this list.
pub(super) async fn unattended_checks(engine: &BollardEngine) -> Result<Vec<ContainerId>> {
    if engine.info.runs_health_checks {
        return Ok(Vec::new());
    }
    let filters = json!({"health": ["starting", "healthy", "unhealthy"]}).to_string();
    let path = format!("{LIBPOD}/containers/json?filters={}", encoded(&filters));
    let listed: Option<Vec<Checked>> = transient::send(engine, || Call::get(&path))
        .await
        .during(|| "list containers with health checks".to_owned())?;
    Ok(listed.unwrap_or_default().into_iter().map(|listed| ContainerId::new(listed.id)).collect())
}

impl Listed {
    fn is_active_throwaway(&self) -> bool {
        let created = self.created.unwrap_or_default();
        self.labels.as_ref().is_some_and(|labels| isolation::is_active_throwaway(labels, created))
    }
}

impl From<Listed> for ObservedContainer {
    fn from(listed: Listed) -> Self {
        let status = listed.status.unwrap_or_default();
        let word = listed.state.unwrap_or_default();
        let state = state::run_state(&word);
        let runs = matches!(state, RunState::Running | RunState::Paused);
        Self {
            id: ContainerId::new(listed.id),
            name: ContainerName::from_stored(own_name(&listed.names.unwrap_or_default())),
            labels: listed.labels.unwrap_or_default(),
            image_id: state::image_id(&listed.image_id.unwrap_or_default()),
            image: listed.image.unwrap_or_default(),
            state,
            restarting: word == "restarting",
            exit_code: state::exit_code(&status).filter(|_| state == RunState::Exited),
            health: state::listed_health(&status).filter(|_| runs),
            networks: networks(listed.network_settings),
            // Podman lists the ports of stopped containers too; they are free.
            ports: if runs { ports(listed.ports.unwrap_or_default()) } else { Vec::new() },
            volumes: listed
                .mounts
                .unwrap_or_default()
                .into_iter()
                .filter(|mount| mount.r#type.as_deref() == Some("volume"))
                .filter_map(|mount| mount.name)
                .collect(),
            status,
        }
    }
}

/// The name without its slash; Docker lists the aliases of links as `/other/alias`.
fn own_name(names: &[String]) -> String {
    let plain = names.iter().map(|name| name.trim_start_matches('/'));
    plain.clone().find(|name| !name.contains('/')).or(plain.clone().next()).unwrap_or_default().to_owned()
}

fn networks(settings: Option<NetworkSettings>) -> BTreeMap<String, Option<IpAddr>> {
    let networks = settings.and_then(|settings| settings.networks).unwrap_or_default();
    let address = |attached: Option<Attached>| attached?.ip_address?.parse().ok();
    networks.into_iter().map(|(name, attached)| (name, address(attached))).collect()
}

fn ports(listed: Vec<Port>) -> Vec<PublishedPort> {
    let mut ports: Vec<PublishedPort> = listed.into_iter().filter_map(port).collect();
    ports.sort();
    ports.dedup();
    ports
}

fn port(listed: Port) -> Option<PublishedPort> {
    let protocol = match listed.r#type.as_deref() {
        Some("tcp") | None => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some(_) => return None,
    };
    let ip = listed.ip.unwrap_or_default();
    Some(PublishedPort {
        key: PortKey { target: listed.private, protocol },
        host_ip: ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        host_port: listed.public.filter(|port| *port != 0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(entry: serde_json::Value) -> ObservedContainer {
        serde_json::from_value::<Listed>(entry).unwrap().into()
    }

    #[test]
    fn nulls_and_unknown_states_do_not_lose_a_list() {
        let seen = observed(json!({
            "Id": "1", "Names": ["/other/alias", "/mine"], "State": "hibernating", "Ports": null,
            "Labels": null, "Mounts": null, "NetworkSettings": {"Networks": {"host": null}},
        }));
        assert_eq!(seen.name.as_str(), "mine");
        assert_eq!(seen.state, RunState::Running);
        assert_eq!(seen.networks["host"], None);
    }

    #[test]
    fn a_restarting_container_counts_as_running() {
        let seen = observed(json!({"Id": "1", "State": "restarting", "Status": "Restarting (3) now"}));
        assert_eq!((seen.state, seen.restarting), (RunState::Running, true));
        let seen = observed(json!({"Id": "1", "State": "running", "Status": "Up"}));
        assert_eq!((seen.state, seen.restarting), (RunState::Running, false));
    }

    #[test]
    fn a_stopped_container_publishes_nothing() {
        let port = json!([{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}]);
        let stopped =
            observed(json!({"Id": "1", "State": "exited", "Status": "Exited (3) now", "Ports": port}));
        assert_eq!((stopped.ports.len(), stopped.exit_code), (0, Some(3)));
        let running = observed(json!({"Id": "1", "State": "running", "Status": "Up", "Ports": port}));
        assert_eq!(running.ports[0].host_port, 8080);
    }
}
