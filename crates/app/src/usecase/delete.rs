//! Deletes a stack from the outside in: first its volumes on the engine, then its records in the store. After an
//! interruption no existing object is forgotten, and the command can be repeated.

use crate::{
    Context, OperationError,
    context::{connect_engine, find_stack},
    error::{InUse, Outdated},
    planning::{
        engine_identity::{lives_here, marked, observe_stack},
        interrupted::copies,
        kept::last_known_values,
        links::refuse_if_linked,
        observe::Look,
        prepare::list_objects,
        wiring::load_applied_state,
    },
};
use devarch_core::{
    id::InstanceId,
    name::{ContainerName, InstanceName, PhysicalVolume, StackName},
    observed::{Observed, ObservedContainer},
    ownership::Seen,
    plan::AppliedState,
    spec::label,
    stack::Stack,
};
use devarch_engine::EngineErrorKind;
use devarch_store::{KeptVolume, LetGo, StackLock};
use std::collections::{BTreeMap, BTreeSet};

/// A stack that can be deleted, with its volumes.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The stack.
    pub stack: Stack,
    /// Its volumes on the engine: those of current and removed instances, and copies of their data.
    pub volumes: Vec<PhysicalVolume>,
    /// Volumes with names of its instances' volumes that are not this home's: they are left alone.
    pub foreign: Vec<PhysicalVolume>,
    /// Its volumes that are missing from the engine.
    absent: BTreeSet<PhysicalVolume>,
}

/// What happened to the volumes of a deleted stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The removed volumes.
    pub removed: Vec<PhysicalVolume>,
    /// The volumes that stay on the engine.
    pub kept: Vec<PhysicalVolume>,
    /// The names of the values kept with them because their data needs them.
    pub values: BTreeMap<PhysicalVolume, Vec<String>>,
}

/// Plans the deletion of a stack. Fails if it has objects other than volumes on its engine, or if another stack is
/// linked to it.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn plan_deletion(ctx: &Context, name: &StackName) -> Result<Deletion, OperationError> {
    let stack = find_stack(ctx, name).await?;
    refuse_if_linked(ctx, name, None).await?;
    let Some(binding) = stack.engine.clone() else {
        let (volumes, foreign, absent) = (Vec::new(), Vec::new(), BTreeSet::new());
        return Ok(Deletion { stack, volumes, foreign, absent });
    };
    let engine = connect_engine(ctx, Some(&stack)).await?;
    let left = list_objects(ctx, engine.as_ref(), &stack).await?;
    if !left.is_empty() {
        return Err(InUse::Objects { stack: name.clone(), objects: left }.into());
    }
    let (observed, _) = observe_stack(ctx, &stack, engine.as_ref(), &Look::default()).await?;
    lives_here(&stack, &observed)?;
    // Without its marker this may be a different engine in the same place: volumes missing here may exist elsewhere.
    let proven = marked(&observed.volumes).is_some();
    let remembered = load_applied_state(ctx, &stack).await?;
    let kept = ctx.store.kept_volumes().await?;
    let kept = kept.iter().filter(|kept| kept.stack_id == stack.id && kept.engine == binding.id);
    let mut deletion = volumes_of(ctx, &stack, kept, &observed, &remembered);
    if !proven {
        deletion.absent.clear();
    }
    Ok(deletion)
}

fn volumes_of<'a>(
    ctx: &Context,
    stack: &'a Stack,
    kept: impl Iterator<Item = &'a KeptVolume>,
    observed: &Observed,
    remembered: &AppliedState,
) -> Deletion {
    let own = stack
        .instances
        .values()
        .flat_map(|instance| instance.volumes.values().map(move |volume| (volume, &instance.id)));
    let ours = |labels: &BTreeMap<String, String>, volume, instance: &InstanceId| {
        let made = labels.get(label::STORE_ID).map(String::as_str) == Some(ctx.store_id.as_str())
            && labels.get(label::INSTANCE_ID).map(String::as_str) == Some(instance.as_str());
        made || remembered.had_volume(instance, volume)
    };
    let (mut volumes, mut foreign) = (BTreeSet::new(), BTreeSet::new());
    let mut absent = BTreeSet::new();
    for (volume, instance) in own.chain(kept.map(|kept| (&kept.physical, &kept.instance_id))) {
        match observed.volumes.get(volume.as_str()) {
            None => absent.insert(volume.clone()),
            Some(labels) if ours(labels, volume, instance) => volumes.insert(volume.clone()),
            Some(_) => foreign.insert(volume.clone()),
        };
    }
    volumes.extend(copies(stack, Seen { observed, ownership: &remembered.ownership }).into_keys());
    foreign.retain(|volume| !volumes.contains(volume));
    let (volumes, foreign) = (volumes.into_iter().collect(), foreign.into_iter().collect());
    Deletion { stack: stack.clone(), volumes, foreign, absent }
}

/// Deletes a stack as it was shown; with `volumes` its volumes too, before anything is forgotten. The others stay on
/// the engine and in the store.
#[tracing::instrument(level = "info", skip_all)]
pub async fn delete_stack(
    ctx: &Context,
    lock: &StackLock,
    shown: &Deletion,
    volumes: bool,
) -> Result<Deleted, OperationError> {
    let name = &shown.stack.name;
    let now = plan_deletion(ctx, name).await?;
    if volumes && now.volumes.iter().any(|volume| !shown.volumes.contains(volume)) {
        return Err(Outdated::Volumes(name.clone()).into());
    }
    let mut let_go = LetGo { gone: now.absent, ..LetGo::default() };
    let mut deleted = Deleted { removed: Vec::new(), kept: now.foreign, values: BTreeMap::new() };
    if volumes {
        remove_volumes(ctx, lock, &now.stack, &now.volumes).await?;
        let_go.gone.extend(now.volumes.iter().cloned());
        deleted.removed = now.volumes;
    } else {
        let all: Vec<&InstanceName> = now.stack.instances.keys().collect();
        let_go.values = last_known_values(ctx, &now.stack, &all).await?;
        let copies = now.volumes.iter().filter_map(|copy| Some((copy.clone(), copy.copied_from()?)));
        let_go.copies = copies.collect();
        deleted.kept.extend(now.volumes);
        deleted.kept.sort();
    }
    ctx.store.prove(lock).await?;
    ctx.store.delete_stack(&now.stack, &let_go).await?;
    deleted.values = kept_names(ctx, &now.stack, &deleted.kept).await?;
    Ok(deleted)
}

/// Returns the names of the values kept with a stack's volumes.
async fn kept_names(
    ctx: &Context,
    stack: &Stack,
    volumes: &[PhysicalVolume],
) -> Result<BTreeMap<PhysicalVolume, Vec<String>>, OperationError> {
    if volumes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let engine = stack.engine.as_ref().map(|binding| &binding.id);
    let kept = ctx.store.kept_volumes().await?.into_iter();
    let kept = kept.filter(|kept| Some(&kept.engine) == engine && volumes.contains(&kept.physical));
    let named = kept.filter(|kept| !kept.values.is_empty());
    Ok(named.map(|kept| (kept.physical, kept.values.names())).collect())
}

async fn remove_volumes(
    ctx: &Context,
    lock: &StackLock,
    stack: &Stack,
    volumes: &[PhysicalVolume],
) -> Result<(), OperationError> {
    if volumes.is_empty() {
        return Ok(());
    }
    let engine = connect_engine(ctx, Some(stack)).await?;
    let containers = engine.containers().await?;
    for volume in volumes {
        let users = users(&containers, volume);
        if !users.is_empty() {
            return Err(in_use(stack, volume, users, &[]));
        }
    }
    for (done, volume) in volumes.iter().enumerate() {
        ctx.store.prove(lock).await?;
        match engine.remove_volume(volume).await {
            Err(error) if error.kind == EngineErrorKind::InUse => {
                let users = users(&engine.containers().await?, volume);
                return Err(in_use(stack, volume, users, &volumes[..done]));
            }
            other => other?,
        }
    }
    Ok(())
}

fn users(containers: &[ObservedContainer], volume: &PhysicalVolume) -> Vec<ContainerName> {
    let users = containers.iter().filter(|container| container.volumes.contains(volume.as_str()));
    users.map(|container| container.name.clone()).collect()
}

fn in_use(
    stack: &Stack,
    volume: &PhysicalVolume,
    users: Vec<ContainerName>,
    removed: &[PhysicalVolume],
) -> OperationError {
    InUse::Volume { stack: stack.name.clone(), volume: volume.clone(), users, removed: removed.to_vec() }
        .into()
}
