//! A single observation of an engine and its host: everything a plan depends on, requested at once.

use crate::{Context, OperationError, planning::engine_identity};
use devarch_core::{
    build::BuildHash,
    engine::Locality,
    environment::Host,
    name::ContainerName,
    observed::{ImageInfo, Listener, Observed, ObservedContainer},
    port::HostSocket,
};
use devarch_engine::{Engine, EngineError};
use futures_util::future::{try_join, try_join_all, try_join3};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What to observe besides the objects that are always listed.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Images, by the name users write.
    pub(crate) images: BTreeSet<String>,
    /// Images that stacks build, by their name in the definition.
    pub(crate) builds: BTreeMap<String, LookedForBuild>,
    /// Host sockets to check for listeners.
    pub(crate) sockets: Vec<HostSocket>,
}

/// An image that a stack builds.
#[derive(Debug)]
pub(crate) struct LookedForBuild {
    /// Its name on the engine.
    pub(crate) tag: String,
    /// The container that was created from it, if any.
    pub(crate) container: ContainerName,
    /// The current hash of its build context, if known.
    pub(crate) hash: Option<BuildHash>,
}

/// How many times an engine that is starting a container is observed again, and the pause in between.
const LOOKS: usize = 15;
const PAUSE: Duration = Duration::from_millis(200);

/// Observes the engine; repeats this while one of the engine's own processes holds a port that no container publishes
/// yet: a start is in progress, perhaps of a killed apply.
pub(crate) async fn observe(
    ctx: &Context,
    engine: &dyn Engine,
    look: &Look,
) -> Result<Observed, OperationError> {
    for _ in 1..LOOKS {
        let observed = observe_once(ctx.host.as_ref(), engine, look).await?;
        if !observed.listeners.iter().any(is_proxy) {
            return Ok(observed);
        }
        ctx.clock.sleep(PAUSE).await;
    }
    observe_once(ctx.host.as_ref(), engine, look).await
}

/// Returns whether the listener is an engine's, for one of its containers.
fn is_proxy(listener: &Listener) -> bool {
    const PROXIES: [&str; 4] = ["docker-proxy", "rootlessport", "conmon", "slirp4netns"];
    listener.process.as_ref().is_some_and(|process| PROXIES.iter().any(|proxy| process.starts_with(proxy)))
}

async fn observe_once(host: &dyn Host, engine: &dyn Engine, look: &Look) -> Result<Observed, OperationError> {
    let lists = try_join3(engine.containers(), engine.networks(), engine.volumes());
    let tags = look.builds.values().map(|build| build.tag.clone());
    let names: BTreeSet<String> = look.images.iter().cloned().chain(tags).collect();
    let ((containers, networks, volumes), mut images) = try_join(lists, images(engine, &names)).await?;
    for (image, build) in &look.builds {
        let found = match images.get(&build.tag) {
            Some(found) => Some(found.clone()),
            None => built_before(engine, image, build, &containers).await?,
        };
        images.extend(found.map(|found| (image.clone(), found)));
    }
    // The holder of a port that a container publishes is known; finding a process requires reading all of /proc.
    let unpublished: Vec<HostSocket> =
        look.sockets.iter().copied().filter(|socket| !published(&containers, *socket)).collect();
    let local = engine.info().locality == Locality::Host;
    Ok(Observed {
        engine: engine.info().clone(),
        engine_id: engine_identity::marked(&volumes),
        containers,
        networks,
        images,
        listeners: if local { host.listeners(&unpublished) } else { Vec::new() },
        routes: if local { host.routes() } else { BTreeSet::new() },
        volumes,
    })
}

fn published(containers: &[ObservedContainer], socket: HostSocket) -> bool {
    let mut ports = containers.iter().flat_map(|container| &container.ports);
    ports.any(|port| port.socket().overlaps(&socket))
}

/// Finds an image that an earlier DevArch built without a name of its own: the one the container was created from, or
/// the one the definition's name refers to. Prefers one built from the current context.
async fn built_before(
    engine: &dyn Engine,
    image: &str,
    build: &LookedForBuild,
    containers: &[ObservedContainer],
) -> Result<Option<ImageInfo>, EngineError> {
    let container = containers.iter().find(|container| container.name == build.container);
    let made_from = async {
        match container.filter(|container| container.built_from().is_some()) {
            Some(container) => engine.image(container.image_id.as_str()).await,
            None => Ok(None),
        }
    };
    let (made_from, named) = try_join(made_from, engine.image(image)).await?;
    let found: Vec<ImageInfo> = made_from.into_iter().chain(named).collect();
    let current = found.iter().position(|it| build.hash.is_some() && it.built_from() == build.hash);
    Ok(found.into_iter().nth(current.unwrap_or_default()))
}

async fn images(
    engine: &dyn Engine,
    references: &BTreeSet<String>,
) -> Result<BTreeMap<String, ImageInfo>, EngineError> {
    let one = async |reference: &String| {
        let info = engine.image(reference).await?;
        Ok::<_, EngineError>(info.map(|info| (reference.clone(), info)))
    };
    let found = try_join_all(references.iter().map(one)).await?;
    Ok(found.into_iter().flatten().collect())
}
