//! Objects that another home or user left on an engine. Only their own home touches them, unless the user declares
//! that home lost.

use crate::{
    Context, OperationError, context::connect_engine, editing::edit::edit_stack,
    planning::engine_identity::marked,
};
use devarch_core::{
    id::{ContainerId, EngineId, InstanceId, NetworkId, StackId, StoreId},
    kept::KeptValues,
    name::PhysicalVolume,
    observed::{ObservedContainer, RunState},
    secret::SecretValue,
    spec::label,
};
use devarch_engine::{Engine, EngineError};
use devarch_store::KeptVolume;
use futures_util::future::try_join3;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

/// The objects of another home's stack on an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The id of the store that created them.
    pub store: StoreId,
    /// The stack's name in that store.
    pub stack: String,
    /// The names of its containers.
    pub containers: Vec<String>,
    /// How many of them run.
    pub running: usize,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// The names of its volumes.
    pub volumes: Vec<String>,
    /// Containers and networks with its labels, but with names that it did not assign: they are left alone.
    pub left_alone: Vec<String>,
    #[serde(skip)]
    container_ids: Vec<ContainerId>,
    #[serde(skip)]
    network_ids: Vec<NetworkId>,
}

impl Leftover {
    fn of((store, stack): &(String, String)) -> Self {
        Self {
            store: StoreId::new(store.as_str()),
            stack: stack.clone(),
            containers: Vec::new(),
            running: 0,
            networks: Vec::new(),
            volumes: Vec::new(),
            left_alone: Vec::new(),
            container_ids: Vec::new(),
            network_ids: Vec::new(),
        }
    }
}

/// Returns all objects on an engine that other stores created, grouped by stack.
pub(crate) async fn leftovers(engine: &dyn Engine, own: &StoreId) -> Result<Vec<Leftover>, EngineError> {
    let lists = try_join3(engine.containers(), engine.networks(), engine.volumes());
    let (containers, networks, volumes) = lists.await?;
    let mut found: BTreeMap<(String, String), Leftover> = BTreeMap::new();
    let whose = |labels: &BTreeMap<String, String>| {
        let store = labels.get(label::STORE_ID).filter(|store| *store != own.as_str())?;
        Some((store.clone(), labels.get(label::STACK_NAME)?.clone()))
    };
    let mut of = |key: (String, String), add: &dyn Fn(&mut Leftover)| {
        add(found.entry(key.clone()).or_insert_with(|| Leftover::of(&key)));
    };
    for container in containers {
        let Some(key) = whose(&container.labels) else { continue };
        if !has_its_name(&container) {
            of(key, &|left| left.left_alone.push(container.name.to_string()));
            continue;
        }
        of(key, &|left| {
            left.running += usize::from(container.state == RunState::Running);
            left.containers.push(container.name.to_string());
            left.container_ids.push(container.id.clone());
        });
    }
    for network in networks {
        let Some(key) = whose(&network.labels) else { continue };
        if !network.name.starts_with(&format!("devarch-{}-", key.1)) {
            of(key, &|left| left.left_alone.push(network.name.clone()));
            continue;
        }
        of(key, &|left| {
            left.networks.push(network.name.clone());
            left.network_ids.push(network.id.clone());
        });
    }
    for (name, labels) in volumes {
        let Some(key) = whose(&labels) else { continue };
        of(key, &|left| left.volumes.push(name.clone()));
    }
    Ok(found.into_values().collect())
}

/// Returns whether a container has a name assigned by its home: containers created from an image committed from it
/// have the same labels.
fn has_its_name(container: &ObservedContainer) -> bool {
    let label = |name| container.label(name).unwrap_or_default();
    let own = format!("devarch-{}-{}", label(label::STACK_NAME), label(label::INSTANCE_NAME));
    let name = container.name.as_str();
    name.split_once('.').map_or(name, |(stem, _)| stem) == own
}

/// Returns the objects of other homes' and users' stacks on the requested engine, or on the first that answers.
#[tracing::instrument(level = "info", skip_all)]
pub async fn find_leftovers(ctx: &Context) -> Result<Vec<Leftover>, OperationError> {
    Ok(leftovers(connect_engine(ctx, None).await?.as_ref(), &ctx.store_id).await?)
}

/// Gives a copied home a new identity that owns no objects: those of the home it was copied from now belong to another
/// home. Definitions and secrets are kept; the names of stacks that are up there are taken.
#[tracing::instrument(level = "info", skip_all)]
pub async fn renew_identity(ctx: &Context) -> Result<(), OperationError> {
    ctx.store.renew().await?;
    let renewed = Context::open(ctx.settings.clone(), ctx.environment()).await?;
    for name in renewed.store.stack_names().await? {
        // This store assigns new host ports.
        edit_stack(&renewed, &name, |_| Ok(())).await?;
    }
    Ok(())
}

/// Keeps, with volumes of another home, those values of their data that its containers still show before they are
/// removed: their environment.
async fn keep_shown_values(
    ctx: &Context,
    engine: &dyn Engine,
    left: &Leftover,
) -> Result<(), OperationError> {
    let volumes = engine.volumes().await?;
    let Some(id) = marked(&volumes) else { return Ok(()) };
    let of_stack = |container: &ObservedContainer| left.container_ids.contains(&container.id);
    let mut containers = engine.containers().await?;
    containers.retain(of_stack);
    // Of several containers of an instance the last one counts: a running one with its proper name.
    containers.sort_by_key(|one| (!one.name.as_str().contains('.'), one.state == RunState::Running));
    let mut kept: BTreeMap<String, KeptVolume> = BTreeMap::new();
    for container in containers {
        let mounted = container.volumes.iter().filter(|volume| left.volumes.contains(volume));
        let mounted: Vec<&String> = mounted.collect();
        if mounted.is_empty() {
            continue;
        }
        let shown = engine.environment(&container.id).await?.into_iter();
        let environment = shown.map(|(name, value)| (name, SecretValue::Known(value))).collect();
        let values = KeptValues { environment, ..KeptValues::default() };
        for name in mounted {
            let Some(labels) = volumes.get(name) else { continue };
            let volume = kept_volume(&id, name, labels, &values, ctx.clock.now());
            kept.extend(volume.map(|volume| (name.clone(), volume)));
        }
    }
    let kept: Vec<KeptVolume> = kept.into_values().collect();
    if !kept.is_empty() {
        ctx.store.keep_volumes(&kept).await?;
    }
    Ok(())
}

/// Removes containers and networks of another home's stack and keeps its volumes. Can be repeated after an
/// interruption.
#[tracing::instrument(level = "info", skip_all)]
pub async fn remove_leftovers(ctx: &Context, left: &Leftover) -> Result<(), OperationError> {
    let engine = connect_engine(ctx, None).await?;
    keep_shown_values(ctx, engine.as_ref(), left).await?;
    for container in &left.container_ids {
        engine.stop(container, None).await?;
        engine.remove_container(container).await?;
    }
    for network in &left.network_ids {
        engine.remove_network(network).await?;
    }
    Ok(())
}

/// Returns the record of a volume, with the owner its labels name.
fn kept_volume(
    engine: &EngineId,
    name: &str,
    labels: &BTreeMap<String, String>,
    values: &KeptValues,
    now: i64,
) -> Option<KeptVolume> {
    let (stack, instance) = (labels.get(label::STACK_NAME)?, labels.get(label::INSTANCE_NAME)?);
    let volume = name.strip_prefix(&format!("devarch-{stack}-{instance}-"))?;
    Some(KeptVolume {
        engine: engine.clone(),
        physical: PhysicalVolume::from_stored(name),
        stack_id: StackId::new(labels.get(label::STACK_ID)?),
        stack: stack.parse().ok()?,
        instance_id: InstanceId::new(labels.get(label::INSTANCE_ID)?),
        instance: instance.parse().ok()?,
        volume: volume.parse().ok()?,
        deleted_at: UNIX_EPOCH + Duration::from_millis(now.try_into().ok()?),
        values: values.clone(),
    })
}
