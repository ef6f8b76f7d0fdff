//! What there is of a stack on an engine, seen without DevArch.

use crate::common::Sandbox;
use devarch_testkit::outside;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Pages that containers serve: what they were made from, what lies in their volume.
const PAGES: [&str; 3] = ["/tmp/mark", "/data/precious", "/site/index.html"];

/// Everything of one stack: containers and networks by name, names of volumes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Picture {
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) networks: BTreeMap<String, String>,
    pub(crate) volumes: BTreeSet<String>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) running: bool,
    /// By network; only of one that runs.
    pub(crate) addresses: BTreeMap<String, String>,
    /// Ports of the loopback.
    pub(crate) ports: BTreeSet<u16>,
    /// What it answers on them, by path; only one that runs.
    pub(crate) pages: BTreeMap<&'static str, String>,
}

impl Picture {
    /// As it is now.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        sandbox.wait(look(&sandbox.engine().info().endpoint, &format!("devarch-{}-", sandbox.stack)))
    }

    /// Only what runs.
    pub(crate) fn running(&self) -> BTreeMap<&String, &Container> {
        self.containers.iter().filter(|(_, container)| container.running).collect()
    }
}

impl Container {
    /// Whether it serves that page.
    pub(crate) fn shows(&self, path: &str, page: &str) -> bool {
        self.pages.get(path).is_some_and(|found| found == page)
    }
}

/// Temporary names begin with the stack's too, so by name nothing is missed.
async fn look(endpoint: &str, prefix: &str) -> Picture {
    let mut picture = Picture::default();
    for found in list(endpoint, "/containers/json?all=1").await {
        let name = found["Names"][0].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        if name.starts_with(prefix) {
            let container = inspect(endpoint, &text(&found["Id"])).await;
            picture.containers.insert(name, container);
        }
    }
    for found in list(endpoint, "/networks").await {
        let name = text(&found["Name"]);
        if name.starts_with(prefix) {
            picture.networks.insert(name, text(&found["Id"]));
        }
    }
    let volumes = outside::get(endpoint, "/volumes").await;
    let names = volumes["Volumes"].as_array().into_iter().flatten().map(|volume| text(&volume["Name"]));
    picture.volumes = names.filter(|name| name.starts_with(prefix)).collect();
    picture
}

/// Asked again where it fails: Podman does while a container or network that it is listing is being removed.
async fn list(endpoint: &str, path: &str) -> Vec<Value> {
    for _ in 0..20 {
        if let Value::Array(all) = outside::get(endpoint, path).await {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} is no list");
}

async fn inspect(endpoint: &str, id: &str) -> Container {
    let found = outside::get(endpoint, &format!("/containers/{id}/json")).await;
    let running = found["State"]["Running"] == true;
    let networks = found["NetworkSettings"]["Networks"].as_object().cloned().unwrap_or_default();
    let address = |network: &Value| text(&network["IPAddress"]);
    let addresses = networks.iter().filter(|_| running).map(|(name, at)| (name.clone(), address(at)));
    let bindings = found["HostConfig"]["PortBindings"].as_object().cloned().unwrap_or_default();
    let host = |binding: &Value| binding["HostPort"].as_str().and_then(|port| port.parse().ok());
    let ports: BTreeSet<u16> =
        bindings.values().filter_map(Value::as_array).flatten().filter_map(host).collect();
    let pages = if running { pages(&ports).await } else { BTreeMap::new() };
    Container { id: id.to_owned(), running, addresses: addresses.collect(), ports, pages }
}

async fn pages(ports: &BTreeSet<u16>) -> BTreeMap<&'static str, String> {
    let mut pages = BTreeMap::new();
    for port in ports {
        for path in PAGES {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            let page = outside::web_page(address, path).await;
            pages.insert(path, page.unwrap_or_else(|| format!("{address} does not answer")));
        }
    }
    pages
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
