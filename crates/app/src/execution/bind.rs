//! Facts an apply stores besides its steps: the stack's engine and the volumes its images declare.

use crate::{
    Context, OperationError, Prepared,
    editing::edit::{edit_stack, save_edit},
    planning::engine_identity::mark_first,
};
use devarch_core::{
    desired::Desired,
    engine::EngineBinding,
    id::EngineId,
    name::{InstanceName, PhysicalVolume, VolumeName},
    plan::{Action, ChangeKind, Step, Subject},
    resolve::image_volume,
    spec::MountFrom,
    stack::{DesiredRun, Stack},
};
use devarch_store::StoreError;
use ipnet::Ipv4Net;

/// Binds a stack to its engine at the first apply. The engine is identified by a labelled volume. The addresses of an
/// existing network are stored as well; those of a new one were reserved before.
pub(crate) async fn bind_engine(ctx: &Context, prepared: &Prepared) -> Result<EngineId, OperationError> {
    let engine = prepared.engine.as_ref();
    let id = match &prepared.observed.engine_id {
        Some(id) => id.clone(),
        None => mark_first(engine, ctx.ids.as_ref()).await?,
    };
    let info = engine.info();
    let binding = EngineBinding { kind: info.kind, id: id.clone(), endpoint: info.endpoint.clone() };
    let new = Some(&binding).filter(|new| prepared.stack.engine.as_ref() != Some(*new));
    let subnet = unknown_subnet(prepared).filter(|_| !creates_network(prepared));
    if new.is_some() || subnet.is_some() {
        ctx.store.bind_stack(&prepared.stack.id, new, subnet).await?;
    }
    Ok(id)
}

/// Reserves the addresses of a network before anything is created with them.
pub(crate) async fn reserve_subnet(ctx: &Context, prepared: &Prepared) -> Result<(), StoreError> {
    match unknown_subnet(prepared).filter(|_| creates_network(prepared)) {
        Some(subnet) => ctx.store.bind_stack(&prepared.stack.id, None, Some(subnet)).await,
        None => Ok(()),
    }
}

/// Returns the addresses of the stack's network if the store does not have them yet.
fn unknown_subnet(prepared: &Prepared) -> Option<Ipv4Net> {
    Some(prepared.desired.network.subnet).filter(|subnet| prepared.stack.subnet != Some(*subnet))
}

fn creates_network(prepared: &Prepared) -> bool {
    let network = &prepared.desired.network.name;
    let creates =
        |step: &Step| matches!(&step.action, Action::CreateNetwork { spec, .. } if spec.name == *network);
    prepared.plan.steps.iter().any(creates)
}

/// Stores the names of volumes that an image's `VOLUME` paths became, like those of any other volume.
pub(crate) async fn remember_image_volumes(ctx: &Context, prepared: &Prepared) -> Result<(), OperationError> {
    let mut new: Vec<(InstanceName, VolumeName, PhysicalVolume)> = Vec::new();
    for (name, desired) in &prepared.desired.instances {
        let Some(image) = prepared.observed.images.get(&desired.spec.image) else { continue };
        let known = &prepared.stack.instances[name].volumes;
        for path in &image.volumes {
            let Some(volume) = image_volume(path).filter(|volume| !known.contains_key(volume)) else {
                continue;
            };
            let mount = desired.spec.mounts.iter().find(|mount| mount.target == path.trim_end_matches('/'));
            if let Some(MountFrom::Volume(physical)) = mount.map(|mount| &mount.source)
                && !known.values().any(|known| known == physical)
            {
                new.push((name.clone(), volume, physical.clone()));
            }
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let add = |stack: &mut Stack| {
        for (name, volume, physical) in &new {
            if let Some(instance) = stack.instances.get_mut(name) {
                instance.volumes.entry(volume.clone()).or_insert_with(|| physical.clone());
            }
        }
        Ok(())
    };
    edit_stack(ctx, &prepared.stack.name, add).await.map(|_| ())
}

/// Stores the values kept with a volume in the instance that takes it over, before anything runs on it.
pub(crate) async fn save_given_values(ctx: &Context, prepared: &Prepared) -> Result<(), OperationError> {
    match &prepared.without_values {
        Some(before) => save_edit(ctx, before, &mut prepared.stack.clone()).await,
        None => Ok(()),
    }
}

/// Drops the kept records of volumes that the instances' containers now run on.
pub(crate) async fn forget_kept(
    ctx: &Context,
    engine: &EngineId,
    desired: &Desired,
) -> Result<(), OperationError> {
    let instances = desired.instances.values();
    let wanted = instances.filter(|instance| instance.wanted != DesiredRun::Absent);
    let volumes: Vec<&PhysicalVolume> =
        wanted.flat_map(|instance| &instance.volumes).map(|volume| &volume.name).collect();
    Ok(ctx.store.forget_kept_volumes(engine, &volumes).await?)
}

pub(crate) async fn remember_removed(ctx: &Context, prepared: &Prepared) -> Result<(), OperationError> {
    let removed = prepared.plan.changes.iter().filter(|change| change.kind == ChangeKind::Remove);
    for change in removed {
        if let Subject::Instance(name) = &change.subject
            && let Some(instance) = prepared.desired.instances.get(name)
        {
            ctx.store.mark_removed(&prepared.stack.id, &instance.id).await?;
        }
    }
    Ok(())
}
