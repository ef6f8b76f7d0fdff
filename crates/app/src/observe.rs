//! One look at an engine and its host: everything a plan depends on, asked for at once.

use crate::{AppError, Surroundings};
use devarch_core::{
    engine::Locality,
    id::EngineId,
    observed::{ImageInfo, Listener, Observed, ObservedContainer},
    port::HostSocket,
    surroundings::Host,
};
use devarch_engine::{Engine, EngineError};
use futures_util::future::{try_join_all, try_join3};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The volume by which an engine is known: made at the first apply, never while planning. An engine's own id is no
/// use: Podman 4.3 tells another one at each call.
pub(crate) const MARKER: &str = "devarch-engine";

/// The label of the marker that holds the engine's id.
pub(crate) const MARKER_LABEL: &str = "devarch.engine_id";

/// What to look for besides what is always looked at.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Images, by the name users write.
    pub(crate) images: BTreeSet<String>,
    /// Host sockets that may be listened on.
    pub(crate) sockets: Vec<HostSocket>,
}

/// How often an engine that is just starting a container is looked at again, and how long it is left alone.
const LOOKS: usize = 15;
const PAUSE: Duration = Duration::from_millis(200);

/// Looks; again where one of the engine's own processes has a port that no container publishes yet: a start is under
/// way, perhaps of an apply that was killed.
pub(crate) async fn observe(
    around: &Surroundings,
    engine: &dyn Engine,
    look: &Look,
) -> Result<Observed, AppError> {
    for _ in 1..LOOKS {
        let observed = observe_once(around.host.as_ref(), engine, look).await?;
        if !observed.listeners.iter().any(is_proxy) {
            return Ok(observed);
        }
        around.clock.sleep(PAUSE).await;
    }
    observe_once(around.host.as_ref(), engine, look).await
}

/// Whether an engine listens there for one of its containers.
fn is_proxy(listener: &Listener) -> bool {
    const PROXIES: [&str; 4] = ["docker-proxy", "rootlessport", "conmon", "slirp4netns"];
    listener.process.as_ref().is_some_and(|process| PROXIES.iter().any(|proxy| process.starts_with(proxy)))
}

async fn observe_once(host: &dyn Host, engine: &dyn Engine, look: &Look) -> Result<Observed, AppError> {
    let lists = try_join3(engine.containers(), engine.networks(), engine.volumes());
    let ((containers, networks, volumes), images) =
        futures_util::future::try_join(lists, images(engine, &look.images)).await?;
    // Who holds a port that a container publishes is known; finding a process means reading all of /proc.
    let unpublished: Vec<HostSocket> =
        look.sockets.iter().copied().filter(|socket| !published(&containers, *socket)).collect();
    let local = engine.info().locality == Locality::Host;
    let marker = volumes.get(MARKER).and_then(|labels| labels.get(MARKER_LABEL));
    Ok(Observed {
        engine: engine.info().clone(),
        engine_id: marker.map(EngineId::new),
        containers,
        networks,
        images,
        listeners: if local { host.listeners(&unpublished) } else { Vec::new() },
        routes: if local { host.routes() } else { BTreeSet::new() },
        volumes,
    })
}

fn published(containers: &[ObservedContainer], socket: HostSocket) -> bool {
    let ports = containers.iter().flat_map(|container| &container.ports);
    ports
        .map(|port| HostSocket { ip: port.host_ip, port: port.host_port, protocol: port.key.protocol })
        .any(|theirs| theirs.overlaps(&socket))
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
