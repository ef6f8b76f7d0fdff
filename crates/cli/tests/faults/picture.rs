//! The objects of a stack on an engine, observed without DevArch.

use crate::common::Sandbox;
use devarch_testkit::outside;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Pages that containers serve: the value they were created with, and content of their volumes.
const PAGES: [&str; 3] = ["/tmp/mark", "/data/precious", "/site/index.html"];

/// All objects of a stack: containers and networks by name, and volume names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Picture {
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) networks: BTreeMap<String, String>,
    pub(crate) volumes: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) running: bool,
    /// By network; empty unless it is running.
    pub(crate) addresses: BTreeMap<String, String>,
    /// Host ports on the loopback address.
    pub(crate) ports: BTreeSet<u16>,
    /// Responses by path; empty unless it is running.
    pub(crate) pages: BTreeMap<&'static str, String>,
}

impl Picture {
    /// Inspects the sandbox's stack.
    pub(crate) fn take(sandbox: &Sandbox) -> Self {
        sandbox.wait(look(&sandbox.engine().info().endpoint, &format!("devarch-{}-", sandbox.stack)))
    }

    /// The running containers.
    pub(crate) fn running(&self) -> BTreeMap<&String, &Container> {
        self.containers.iter().filter(|(_, container)| container.running).collect()
    }
}

impl Container {
    /// Whether it serves this page.
    pub(crate) fn shows(&self, path: &str, page: &str) -> bool {
        self.pages.get(path).is_some_and(|found| found == page)
    }
}

/// Temporary names also begin with the stack's prefix, so a search by name finds everything.
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

/// Retries on errors: Podman fails while a listed container or network is being removed.
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
