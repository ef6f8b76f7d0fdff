//! Keeps Podman's networks isolated from each other when the last container of one of them ends.
//!
//! Netavark's iptables driver (seen in 1.4; later sources look the same) then removes the only jump to the rules of all
//! isolated networks from the firewall, and every stack can reach every other by address until the next container
//! starts. Setting up a container on an isolated network restores the jump, and its end keeps it as long as it is not
//! the last of its network. So a throw-away container is run on a network that still has running containers: it is
//! created, initialised (which sets up its network; nothing of its image ever runs) and removed. Measured on Podman
//! 4.3: 6 ms to see that nothing is needed, 0.35 s for a throw-away container, 0.2 s of them until the jump is
//! restored. Detecting the firewall driver is not cheaper (`/info` takes 0.25 s), so this is done on every Podman.
//!
//! Not covered: containers that end by themselves, and networks not managed by DevArch if no others are left.

use super::{BollardEngine, LIBPOD};
use crate::{
    EngineErrorKind as Kind,
    cause::Failure,
    http_transport::{Call, HttpTransport, encoded},
};
use devarch_core::{id::ContainerId, spec::label};
use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Mutex;

type Result<T> = std::result::Result<T, Failure>;
type Labels = BTreeMap<String, String>;

/// Seconds after a container's end in which its end is handled: an interrupted stop is repeated.
const HANDLED_WITHIN: i64 = 300;
/// Seconds for which a throw-away container is hidden; an older one was left behind and is shown as a leftover of its
/// stack.
const HIDDEN_FOR: i64 = 60;
/// Attempts to find a network that stays in use meanwhile.
const ATTEMPTS: u32 = 3;

/// Keeps the jump in place; shared by all users of an engine.
#[derive(Debug, Clone)]
pub(super) struct Isolation {
    http: HttpTransport,
    /// When the latest throw-away container was created.
    latest: Arc<Mutex<Option<Instant>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    state: String,
    exited_at: i64,
    networks: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    labels: Option<Labels>,
    options: Option<BTreeMap<String, String>>,
    subnets: Option<Vec<Subnet>>,
}

#[derive(Deserialize)]
struct Subnet {
    subnet: Ipv4Net,
}

impl Container {
    fn is_on(&self, network: &Network) -> bool {
        self.networks.iter().flatten().any(|name| *name == network.name)
    }

    fn runs_on(&self, network: &Network) -> bool {
        self.state == "running" && self.is_on(network)
    }

    /// Recently, or never: a start that failed.
    fn ended_recently(&self) -> bool {
        self.exited_at <= 0 || now() - self.exited_at < HANDLED_WITHIN
    }
}

impl Network {
    fn is_isolated(&self) -> bool {
        let option = self.options.as_ref().and_then(|options| options.get("isolate"));
        option.is_some_and(|isolate| isolate != "false")
    }

    fn store(&self) -> Option<&String> {
        self.labels.as_ref()?.get(label::STORE_ID)
    }

    /// The last address minus `back`: instances get theirs from the first on, and the network has twice the room they
    /// need.
    fn address(&self, back: u32) -> Option<Ipv4Addr> {
        let last = u32::from(self.subnets.as_ref()?.first()?.subnet.broadcast()) - 1;
        Some(Ipv4Addr::from(last - back))
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// The containers and isolated networks of the engine.
struct EngineState {
    containers: Vec<Container>,
    isolated: Vec<Network>,
}

impl EngineState {
    async fn read(http: &HttpTransport) -> Result<Self> {
        let (containers, networks) = tokio::try_join!(
            http.json(Call::get(format!("{LIBPOD}/containers/json?all=true"))),
            http.json::<Vec<Network>>(Call::get(format!("{LIBPOD}/networks/json"))),
        )?;
        Ok(Self { containers, isolated: networks.into_iter().filter(Network::is_isolated).collect() })
    }

    fn is_used(&self, network: &Network) -> bool {
        self.containers.iter().any(|container| container.runs_on(network))
    }

    /// The network whose last running container this was.
    fn emptied_by(&self, id: &ContainerId) -> Option<&Network> {
        let ended = self.containers.iter().find(|container| container.id == id.as_str())?;
        let empty = |network: &&Network| ended.is_on(network) && !self.is_used(network);
        self.isolated.iter().filter(|_| ended.ended_recently()).find(empty)
    }

    /// A DevArch network in use, of that store if possible, with one of its containers.
    fn network_in_use(&self, store: Option<&String>) -> Option<(&Network, &Container)> {
        let mut managed: Vec<&Network> =
            self.isolated.iter().filter(|network| network.store().is_some()).collect();
        managed.sort_by_key(|network| network.store() != store);
        managed.into_iter().find_map(|network| {
            let container = self.containers.iter().find(|container| container.runs_on(network))?;
            Some((network, container))
        })
    }
}

impl Isolation {
    pub(super) fn new(http: HttpTransport) -> Self {
        Self { http, latest: Arc::default() }
    }

    /// Handles the end of a container. Continues if the caller is dropped, so that no throw-away container remains.
    pub(super) async fn restore_after_end(&self, id: &ContainerId) {
        let (this, id, ended) = (self.clone(), id.clone(), Instant::now());
        let restored = tokio::spawn(async move { this.restore(&id, ended).await }).await;
        if let Ok(Err(failure)) = restored {
            tracing::warn!(?failure, "networks may reach each other until the next container starts");
        }
    }

    async fn restore(&self, id: &ContainerId, ended: Instant) -> Result<()> {
        let state = EngineState::read(&self.http).await?;
        let Some(store) = state.emptied_by(id).map(|network| network.store().cloned()) else {
            return Ok(());
        };
        let mut latest = self.latest.lock().await;
        if latest.is_some_and(|latest| latest > ended) {
            return Ok(());
        }
        let started = Instant::now();
        self.run_until_restored(state, store.as_ref()).await?;
        *latest = Some(started);
        Ok(())
    }

    /// Runs throw-away containers until one was on a network that was in use all the time, or no network is in use.
    async fn run_until_restored(&self, mut state: EngineState, store: Option<&String>) -> Result<()> {
        let mut outcome = Ok(());
        for attempt in 0..ATTEMPTS {
            let Some((network, container)) = state.network_in_use(store) else { return Ok(()) };
            outcome = self.run_throwaway(throwaway(network, container, store, attempt)).await;
            let after = EngineState::read(&self.http).await?;
            if outcome.is_ok() && after.is_used(network) {
                return Ok(());
            }
            state = after;
        }
        outcome
    }

    async fn run_throwaway(&self, throwaway: Call) -> Result<()> {
        let created: Created = self.http.json(throwaway).await?;
        let init = Call::post(format!("{LIBPOD}/containers/{}/init", created.id));
        let set_up = match self.http.send(init).await {
            // The network is set up before the program is looked up.
            Err(Failure::Answered(answer)) if answer.kind() == Kind::CannotRun => Ok(()),
            set_up => set_up,
        };
        self.http.send(removal(&created.id)).await?;
        set_up
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

/// Uses an image that is present, without volumes, health check, or a user that might not exist.
fn throwaway(network: &Network, container: &Container, store: Option<&String>, attempt: u32) -> Call {
    let of_network = network.labels.iter().flatten();
    let owner_labels = of_network
        .filter(|(key, _)| [label::STORE_ID, label::STACK_ID, label::STACK_NAME].contains(&key.as_str()));
    let mut labels: BTreeMap<&str, &str> =
        owner_labels.map(|(key, value)| (key.as_str(), value.as_str())).collect();
    // The other labels belong to the network, which may be another store's.
    labels.insert(label::PASSER_BY, store.map_or("", String::as_str));
    let place = match network.address(attempt) {
        Some(address) => json!({"static_ips": [address]}),
        None => json!({}),
    };
    Call::post(format!("{LIBPOD}/containers/create")).json(&json!({
        "name": format!("{}{}.{}", label::PASSER_BY_PREFIX, network.name, unique_number()),
        "image": container.image_id,
        "entrypoint": ["true"],
        "command": [],
        "user": "0",
        "image_volume_mode": "ignore",
        "healthconfig": {"Test": ["NONE"]},
        "netns": {"nsmode": "bridge"},
        "Networks": {network.name.as_str(): place},
        "labels": labels,
    }))
}

/// Unique among concurrent throw-away containers.
fn unique_number() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn removal(id: &str) -> Call {
    Call::delete(format!("{LIBPOD}/containers/{}?force=true", encoded(id)))
}

/// Whether a listed container is a throw-away one that is in use right now.
pub(super) fn is_active_throwaway(labels: &Labels, created: i64) -> bool {
    labels.contains_key(label::PASSER_BY) && (now() - created).abs() < HIDDEN_FOR
}

/// Time limit for a throw-away container to leave a network.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether a container is named like a throw-away one of that network; its label alone proves nothing.
fn is_throwaway_of(container: &Value, network: &str) -> bool {
    let names = container["Names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let prefix = format!("{}{network}.", label::PASSER_BY_PREFIX);
    names.map(|name| name.trim_start_matches('/')).any(|name| name.starts_with(&prefix))
}

/// Waits until no throw-away container is on a network to be removed; one that remains was left behind and is removed.
pub(super) async fn wait_for_throwaways(engine: &BollardEngine, network: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let filters = json!({"network": [network], "label": [label::PASSER_BY]}).to_string();
        let path = format!("{LIBPOD}/containers/json?all=true&filters={}", encoded(&filters));
        let mut found: Vec<Value> = engine.http.json(Call::get(path)).await?;
        found.retain(|container| is_throwaway_of(container, network));
        if found.is_empty() {
            return Ok(());
        }
        if started.elapsed() > LEAVE_TIMEOUT {
            for id in found.iter().filter_map(|throwaway| throwaway["Id"].as_str()) {
                engine.http.send(removal(id)).await?;
            }
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throwaway_container_is_hidden_only_while_it_can_be_in_use() {
        let active = Labels::from([(label::PASSER_BY.to_owned(), "true".to_owned())]);
        assert!(is_active_throwaway(&active, now()));
        assert!(!is_active_throwaway(&active, now() - HIDDEN_FOR - 1));
        assert!(!is_active_throwaway(&Labels::new(), now()));
    }
}
