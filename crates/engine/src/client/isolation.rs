//! Keeps Podman's networks isolated from each other when the last container of one of them ends.
//!
//! Netavark's iptables driver (seen in 1.4; later sources read alike) then takes the one jump to the rules of all
//! isolated networks out of the firewall, and every stack reaches every other by address until the next container
//! starts. Setting up a container on an isolated network puts the jump back, and its end leaves it there as long as it is
//! not the last of its network. So a passer-by goes through a network that still has running containers: it is made,
//! initialised (which sets up its network; nothing of its image ever runs) and removed. Measured on Podman 4.3: 6 ms
//! to see that there is nothing to do, 0.35 s for a passer-by, 0.2 s of them until the jump is back. Which firewall driver
//! there is can't be asked for less (`/info` takes 0.25 s), so it is done on every Podman.
//!
//! Not covered: containers that end by themselves, and networks that are not DevArch's where those are all that is left.

use super::{BollardEngine, LIBPOD};
use crate::{
    EngineErrorKind as Kind,
    cause::Failure,
    wire::{Call, Wire, encoded},
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

/// How long ago a container may have ended for its end to be looked after: a stop that was cut off is repeated.
const RECENTLY: i64 = 300;
/// Seconds for which a passer-by is not shown; an older one was left behind and is shown as a leftover of its stack.
const PASSES_WITHIN: i64 = 60;
/// Attempts to find a network that stays in use meanwhile.
const ATTEMPTS: u32 = 3;

/// Keeps the jump in place; one for all who share an engine.
#[derive(Debug, Clone)]
pub(super) struct Isolation {
    wire: Wire,
    /// When the latest passer-by set out.
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
        self.exited_at <= 0 || now() - self.exited_at < RECENTLY
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

    /// The last address but `back`: instances get theirs from the first on, and there is twice the room they need.
    fn address(&self, back: u32) -> Option<Ipv4Addr> {
        let last = u32::from(self.subnets.as_ref()?.first()?.subnet.broadcast()) - 1;
        Some(Ipv4Addr::from(last - back))
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// What there is.
struct Scene {
    containers: Vec<Container>,
    isolated: Vec<Network>,
}

impl Scene {
    async fn look(wire: &Wire) -> Result<Self> {
        let (containers, networks) = tokio::try_join!(
            wire.json(Call::get(format!("{LIBPOD}/containers/json?all=true"))),
            wire.json::<Vec<Network>>(Call::get(format!("{LIBPOD}/networks/json"))),
        )?;
        Ok(Self { containers, isolated: networks.into_iter().filter(Network::is_isolated).collect() })
    }

    fn is_used(&self, network: &Network) -> bool {
        self.containers.iter().any(|container| container.runs_on(network))
    }

    /// The network whose last container that one was.
    fn left_empty(&self, id: &ContainerId) -> Option<&Network> {
        let gone = self.containers.iter().find(|container| container.id == id.as_str())?;
        let empty = |network: &&Network| gone.is_on(network) && !self.is_used(network);
        self.isolated.iter().filter(|_| gone.ended_recently()).find(empty)
    }

    /// A network of DevArch's in use, of that store if possible, with one of its containers.
    fn way(&self, store: Option<&String>) -> Option<(&Network, &Container)> {
        let mut ours: Vec<&Network> =
            self.isolated.iter().filter(|network| network.store().is_some()).collect();
        ours.sort_by_key(|network| network.store() != store);
        ours.into_iter().find_map(|network| {
            let container = self.containers.iter().find(|container| container.runs_on(network))?;
            Some((network, container))
        })
    }
}

impl Isolation {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, latest: Arc::default() }
    }

    /// Looks after the end of that container. It goes on if the caller gives up, so that no passer-by stays.
    pub(super) async fn outlive(&self, id: &ContainerId) {
        let (this, id, ended) = (self.clone(), id.clone(), Instant::now());
        let kept = tokio::spawn(async move { this.keep(&id, ended).await }).await;
        if let Ok(Err(failure)) = kept {
            tracing::warn!(?failure, "networks may reach each other until the next container starts");
        }
    }

    async fn keep(&self, id: &ContainerId, ended: Instant) -> Result<()> {
        let scene = Scene::look(&self.wire).await?;
        let Some(store) = scene.left_empty(id).map(|network| network.store().cloned()) else {
            return Ok(());
        };
        let mut latest = self.latest.lock().await;
        if latest.is_some_and(|latest| latest > ended) {
            return Ok(());
        }
        let begun = Instant::now();
        self.pass(scene, store.as_ref()).await?;
        *latest = Some(begun);
        Ok(())
    }

    /// Until one went through a network that was in use all the time, or none is.
    async fn pass(&self, mut scene: Scene, store: Option<&String>) -> Result<()> {
        let mut outcome = Ok(());
        for attempt in 0..ATTEMPTS {
            let Some((network, container)) = scene.way(store) else { return Ok(()) };
            outcome = self.pass_through(passer_by(network, container, store, attempt)).await;
            let after = Scene::look(&self.wire).await?;
            if outcome.is_ok() && after.is_used(network) {
                return Ok(());
            }
            scene = after;
        }
        outcome
    }

    async fn pass_through(&self, passer_by: Call) -> Result<()> {
        let made: Made = self.wire.json(passer_by).await?;
        let init = Call::post(format!("{LIBPOD}/containers/{}/init", made.id));
        let set_up = match self.wire.send(init).await {
            // The network comes first, the program after it.
            Err(Failure::Answered(answer)) if answer.kind() == Kind::CannotRun => Ok(()),
            set_up => set_up,
        };
        self.wire.send(removal(&made.id)).await?;
        set_up
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

/// Of an image that is there, with nothing of its own: no volumes, no health check, no user that might be missing.
fn passer_by(network: &Network, container: &Container, store: Option<&String>, attempt: u32) -> Call {
    let of_network = network.labels.iter().flatten();
    let whose = of_network
        .filter(|(key, _)| [label::STORE_ID, label::STACK_ID, label::STACK_NAME].contains(&key.as_str()));
    let mut labels: BTreeMap<&str, &str> = whose.map(|(key, value)| (key.as_str(), value.as_str())).collect();
    // Its other labels are of the network it goes through, which may be another store's.
    labels.insert(label::PASSER_BY, store.map_or("", String::as_str));
    let place = match network.address(attempt) {
        Some(address) => json!({"static_ips": [address]}),
        None => json!({}),
    };
    Call::post(format!("{LIBPOD}/containers/create")).json(&json!({
        "name": format!("{}{}.{}", label::PASSER_BY_PREFIX, network.name, number()),
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

/// A number no other passer-by has at this time.
fn number() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn removal(id: &str) -> Call {
    Call::delete(format!("{LIBPOD}/containers/{}?force=true", encoded(id)))
}

/// Whether a listed container is one that passes by at this moment.
pub(super) fn passes_by(labels: &Labels, created: i64) -> bool {
    labels.contains_key(label::PASSER_BY) && (now() - created).abs() < PASSES_WITHIN
}

/// Time a passer-by is given to leave a network.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Whether a container has the name of a passer-by of that network; its label alone proves nothing.
fn is_named_for(container: &Value, network: &str) -> bool {
    let names = container["Names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let prefix = format!("{}{network}.", label::PASSER_BY_PREFIX);
    names.map(|name| name.trim_start_matches('/')).any(|name| name.starts_with(&prefix))
}

/// Waits until nobody passes through a network that is to be removed; one that stays was left behind and is removed.
pub(super) async fn make_way(engine: &BollardEngine, network: &str) -> Result<()> {
    let begun = Instant::now();
    loop {
        let filters = json!({"network": [network], "label": [label::PASSER_BY]}).to_string();
        let path = format!("{LIBPOD}/containers/json?all=true&filters={}", encoded(&filters));
        let mut found: Vec<Value> = engine.wire.json(Call::get(path)).await?;
        found.retain(|container| is_named_for(container, network));
        if found.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > LEAVES_WITHIN {
            for id in found.iter().filter_map(|passer_by| passer_by["Id"].as_str()) {
                engine.wire.send(removal(id)).await?;
            }
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passer_by_is_hidden_only_as_long_as_it_can_be_passing() {
        let passing = Labels::from([(label::PASSER_BY.to_owned(), "true".to_owned())]);
        assert!(passes_by(&passing, now()));
        assert!(!passes_by(&passing, now() - PASSES_WITHIN - 1));
        assert!(!passes_by(&Labels::new(), now()));
    }
}
