//! For `scripts/bench`: what an engine needs when it is asked for no more than it has to be, and the broom.
//!
//!     bare up ADDRESS NAME COUNT AT_ONCE   a network and that many containers, made and started, so many at once
//!     bare chain ADDRESS NAME COUNT        the same for the benchmark's chain: each started a second after the one before
//!     bare again ADDRESS CONTAINER         stops a container and starts it again
//!     bare down ADDRESS PREFIX             removes what belongs to a stack or project whose name begins so

use devarch_core::{
    id::ContainerId,
    name::{ContainerName, NetworkName, PhysicalVolume},
    spec::{Attachment, CreateContainer, NetworkSpec, label},
    unit::Millis,
};
use devarch_engine::{Candidate, Engine, EngineErrorKind, Way, connect};
use devarch_testkit::fixture;
use futures_util::{StreamExt, TryStreamExt, stream};
use ipnet::Ipv4Net;
use std::{
    collections::BTreeMap, env, error::Error, net::Ipv4Addr, process::ExitCode, sync::Arc, time::Duration,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Labels = BTreeMap<String, String>;

/// The label of objects created here.
const OURS: &str = "devarch.bench";

/// The labels that identify all of the benchmark's objects, whoever created them.
const OWNERS: [&str; 4] =
    [OURS, label::STACK_NAME, "com.docker.compose.project", "io.podman.compose.project"];

/// In full, so that Podman need not be asked what a short name means.
const IMAGE: &str = "docker.io/library/busybox:1.37";

/// Unlikely to be in use: DevArch takes 10.213.0.0/16, the tests 10.198.0.0/16.
const SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 197, 0, 0), 22);

/// How often removing the remaining objects is tried.
const ATTEMPTS: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["up", address, name, count, at_once] => up(address, name, count, at_once).await,
        ["chain", address, name, count] => chain(address, name, count).await,
        ["again", address, name] => again(address, name).await,
        ["down", address, prefix] => down(address, prefix).await,
        _ => Err("usage: bare up ADDRESS NAME COUNT AT_ONCE | chain ADDRESS NAME COUNT | again ADDRESS CONTAINER | \
                  down ADDRESS PREFIX"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(error.as_ref()),
    }
}

#[expect(clippy::print_stderr, reason = "it is a program")]
fn report(error: &dyn Error) -> ExitCode {
    eprintln!("bare: {error}");
    ExitCode::FAILURE
}

async fn engine(address: &str) -> Result<Arc<dyn Engine>> {
    let way = Way::Dial(address.to_owned());
    let candidate = Candidate { way, because: "the command line".to_owned(), only: None };
    Ok(connect(&[candidate]).await?)
}

async fn up(address: &str, name: &str, count: &str, at_once: &str) -> Result<()> {
    let at_once = at_once.parse()?;
    let engine = engine(address).await?;
    let requests = requests(engine.as_ref(), name, count.parse()?, &["sleep", "infinity"]).await?;
    stream::iter(requests)
        .map(|request| run(engine.as_ref(), request))
        .buffer_unordered(at_once)
        .try_collect()
        .await
}

/// Containers are not probed: the next one starts a second after the start of the previous one.
async fn chain(address: &str, name: &str, count: &str) -> Result<()> {
    let engine = engine(address).await?;
    let argv = ["sh", "-c", "sleep 1; touch /ok; exec sleep infinity"];
    let mut made = Vec::new();
    for request in requests(engine.as_ref(), name, count.parse()?, &argv).await? {
        made.push(engine.create_container(&request).await?);
    }
    for id in &made {
        engine.start(id).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Creates a network, and requests for that many containers on it.
async fn requests(
    engine: &dyn Engine,
    name: &str,
    count: u32,
    argv: &[&str],
) -> Result<Vec<CreateContainer>> {
    let network = NetworkSpec::of_stack(NetworkName::from_stored(name), SUBNET);
    let labels = Labels::from([(OURS.to_owned(), name.to_owned())]);
    engine.create_network(&network, &labels).await?;
    Ok((0..count).map(|at| request(name, at, &network, &labels, argv)).collect())
}

async fn run(engine: &dyn Engine, request: CreateContainer) -> Result<()> {
    let id = engine.create_container(&request).await?;
    Ok(engine.start(&id).await?)
}

/// The same container that the benchmark's devarch.yml and compose.yaml describe.
fn request(name: &str, at: u32, network: &NetworkSpec, labels: &Labels, argv: &[&str]) -> CreateContainer {
    let instance = format!("i{at}");
    let mut spec = fixture::spec(argv);
    IMAGE.clone_into(&mut spec.image);
    spec.hostname.clone_from(&instance);
    spec.stop_grace_period = Some(Millis(0));
    spec.network_mode = None;
    spec.network = Some(Attachment {
        name: network.name.clone(),
        address: fixture::address(network, at + 2),
        aliases: vec![instance.clone()],
    });
    CreateContainer {
        name: ContainerName::from_stored(format!("{name}-{instance}")),
        spec,
        labels: labels.clone(),
    }
}

async fn again(address: &str, name: &str) -> Result<()> {
    let engine = engine(address).await?;
    let all = engine.containers().await?;
    let found = all.into_iter().find(|container| container.name.as_str() == name);
    let id = found.ok_or_else(|| format!("there is no container {name}"))?.id;
    engine.stop(&id, None).await?;
    Ok(engine.start(&id).await?)
}

async fn down(address: &str, prefix: &str) -> Result<()> {
    if prefix.len() < 4 {
        return Err(format!("{prefix:?} is too short to be the benchmark's").into());
    }
    let engine = engine(address).await?;
    for _ in 0..ATTEMPTS {
        if sweep(engine.as_ref(), prefix).await? == 0 {
            return Ok(());
        }
    }
    Err(format!("something of {prefix} can't be removed from {address}").into())
}

/// Removes as much as possible and returns how many objects may need another round.
#[expect(clippy::print_stderr, reason = "it is a program")]
async fn sweep(engine: &dyn Engine, prefix: &str) -> Result<usize> {
    let containers: Vec<ContainerId> = engine
        .containers()
        .await?
        .into_iter()
        .filter(|container| of(prefix, &container.labels))
        .map(|container| container.id)
        .collect();
    let mut found = containers.len();
    // One by one: Docker before 29 may miscount a network's containers when several end together.
    for id in &containers {
        remove(engine, id).await;
    }
    for network in engine.networks().await?.iter().filter(|network| of(prefix, &network.labels)) {
        match engine.remove_network(&network.id).await {
            // Until Docker is restarted; a network of that name is reused as it is.
            Err(error) if error.kind == EngineErrorKind::Miscounted => {
                eprintln!("bare: {} stays: {error}", network.name);
            }
            // Objects in use or already removed are checked in the next round.
            _ => found += 1,
        }
    }
    for (name, _) in engine.volumes().await?.iter().filter(|(_, labels)| of(prefix, labels)) {
        found += 1;
        let _ = engine.remove_volume(&PhysicalVolume::from_stored(name.clone())).await;
    }
    Ok(found)
}

async fn remove(engine: &dyn Engine, id: &ContainerId) {
    let _ = engine.stop(id, Some(Millis(0))).await;
    let _ = engine.remove_container(id).await;
}

fn of(prefix: &str, labels: &Labels) -> bool {
    OWNERS.iter().any(|owner| labels.get(*owner).is_some_and(|name| name.starts_with(prefix)))
}
