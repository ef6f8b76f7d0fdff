//! Values that belong to the data of volumes: kept when an edit releases a volume, restored when an instance takes it
//! over.

use crate::{
    Context, OperationError, PrepareOptions,
    error::Unreadable,
    planning::{
        links::linked_instances,
        wiring::{load_applied_state, prior, wire_stack},
    },
};
use devarch_core::{
    desired::effective_of,
    id::{EngineId, InstanceId},
    kept::{KeptValues, LastUse, Recipient, give_back},
    name::{InstanceName, PhysicalVolume},
    observed::{ImageInfo, Observed},
    plan::{AppliedState, GivenBack, KeptData},
    resolve::{WiredStack, image_volume, login_of},
    secret::SecretValue,
    spec::label,
    stack::{Instance, Stack},
    wire::ProviderName,
};
use devarch_store::{KeptVolume, LetGo};
use std::collections::{BTreeMap, BTreeSet};

/// Returns what to keep with the volumes that an edit releases.
pub(crate) async fn let_go_of_volumes(
    ctx: &Context,
    before: &Stack,
    after: &Stack,
) -> Result<LetGo, OperationError> {
    let stay: BTreeSet<&InstanceId> = after.instances.values().map(|instance| &instance.id).collect();
    let gone = before.instances.iter().filter(|(_, instance)| !stay.contains(&instance.id));
    let gone: Vec<&InstanceName> = gone.map(|(name, _)| name).collect();
    Ok(LetGo { values: last_known_values(ctx, before, &gone).await?, ..LetGo::default() })
}

/// Returns the values that belong to the data of instances' volumes, as last used with it. Fails if one cannot be
/// decrypted, because it could not be kept.
pub(crate) async fn last_known_values(
    ctx: &Context,
    stack: &Stack,
    instances: &[&InstanceName],
) -> Result<BTreeMap<PhysicalVolume, KeptValues>, OperationError> {
    let mut values = BTreeMap::new();
    let has_volumes = |name: &&&InstanceName| !stack.instances[**name].volumes.is_empty();
    let concerned: Vec<&&InstanceName> = instances.iter().filter(has_volumes).collect();
    if stack.engine.is_none() || concerned.is_empty() {
        return Ok(values);
    }
    let remembered = load_applied_state(ctx, stack).await?;
    let wired = wire_stack(ctx, stack).await?;
    let logins = logins_on(ctx, stack, &remembered, &wired).await?;
    for name in concerned {
        let instance = &stack.instances[*name];
        let Some(applied) = remembered.last_applied(&instance.id) else { continue };
        let last = LastUse { stack, instance, config: &wired.effective[*name], applied };
        let kept = last.values(logins.get(*name).cloned().unwrap_or_default());
        if let Some(why) = kept.locked() {
            let (stack, instance) = (stack.name.clone(), (*name).clone());
            return Err(Unreadable::KeptValues { stack, instance, why }.into());
        }
        values.extend(instance.volumes.values().map(|volume| (volume.clone(), kept.clone())));
    }
    Ok(values)
}

/// Returns for each instance the logins that consumers in its stack have on it, and its own on others.
async fn logins_on(
    ctx: &Context,
    stack: &Stack,
    remembered: &AppliedState,
    wired: &WiredStack,
) -> Result<BTreeMap<InstanceName, BTreeMap<InstanceName, BTreeMap<String, SecretValue>>>, OperationError> {
    let (prior, others) = (prior(stack, remembered), linked_instances(ctx, stack).await?);
    let mut on: BTreeMap<InstanceName, BTreeMap<InstanceName, BTreeMap<String, SecretValue>>> =
        BTreeMap::new();
    for (consumer, instance) in &stack.instances {
        let at = wired.own_logins(consumer, &prior, &others).into_iter();
        let at: BTreeMap<String, Option<ProviderName>> =
            at.map(|login| (login.import, login.at.map(|at| at.provider))).collect();
        for (key, kept) in &instance.generated {
            let Some((import, _)) = login_of(key) else { continue };
            let provider = match at.get(import) {
                Some(Some(ProviderName::Instance(provider))) => Some(provider),
                _ => None,
            };
            for holder in provider.into_iter().chain([consumer]) {
                let logins = on.entry(holder.clone()).or_default().entry(consumer.clone()).or_default();
                logins.insert(key.clone(), kept.value.clone());
            }
        }
    }
    Ok(on)
}

/// Restores the values that belong to the data of volumes in the instances that take them over, as planned; returns
/// the stack before the change, if there was one. Nothing is saved yet.
pub(crate) async fn give_values_back(
    ctx: &Context,
    stack: &mut Stack,
    options: &PrepareOptions,
    observed: &Observed,
    remembered: &mut AppliedState,
) -> Result<Option<Box<Stack>>, OperationError> {
    if !options.reuse_volumes && !options.adopt_volumes {
        return Ok(None);
    }
    let before = stack.clone();
    let known = match &observed.engine_id {
        Some(engine) => known_values(ctx, engine).await?,
        None => BTreeMap::new(),
    };
    for name in before.instances.keys() {
        let instance = &before.instances[name];
        for volume in volumes(&before, name, instance, observed) {
            if !changes_hands(ctx, &volume, instance, observed, remembered) {
                continue;
            }
            let values = give_to(ctx, stack, name, remembered, known.get(&volume)).await?;
            let of = known.get(&volume).map(|kept| format!("{}/{}", kept.stack, kept.instance));
            remembered.kept.insert(volume, KeptData { of, values });
        }
    }
    Ok((before != *stack).then(|| Box::new(before)))
}

async fn known_values(
    ctx: &Context,
    engine: &EngineId,
) -> Result<BTreeMap<PhysicalVolume, KeptVolume>, OperationError> {
    let kept = ctx.store.kept_volumes().await?.into_iter();
    Ok(kept.filter(|kept| kept.engine == *engine).map(|kept| (kept.physical.clone(), kept)).collect())
}

/// Returns whether a volume's data belonged to another instance.
fn changes_hands(
    ctx: &Context,
    volume: &PhysicalVolume,
    instance: &Instance,
    observed: &Observed,
    remembered: &AppliedState,
) -> bool {
    let Some(labels) = observed.volumes.get(volume.as_str()) else { return false };
    let is = |label: &str, id: &str| labels.get(label).map(String::as_str) == Some(id);
    let own = is(label::STORE_ID, ctx.store_id.as_str()) && is(label::INSTANCE_ID, instance.id.as_str());
    !own && !remembered.had_volume(&instance.id, volume)
}

async fn give_to(
    ctx: &Context,
    stack: &mut Stack,
    name: &InstanceName,
    remembered: &AppliedState,
    kept: Option<&KeptVolume>,
) -> Result<GivenBack, OperationError> {
    let is_new = |instance: &Instance| !remembered.was_applied(&instance.id);
    let wired = wire_stack(ctx, stack).await?;
    let links = wired.resolution.links.iter();
    let links = links.filter(|link| link.to.provider == ProviderName::Instance(name.clone()));
    let links = links.filter(|link| stack.instances.get(&link.consumer).is_some_and(is_new));
    let consumers = links.map(|link| (link.consumer.clone(), link.import.clone())).collect();
    let to = Recipient {
        name,
        is_new: stack.instances.get(name).is_some_and(is_new),
        stack_is_new: stack.instances.values().all(is_new),
        consumers,
        now: ctx.clock.now(),
        ids: ctx.ids.as_ref(),
    };
    let nothing = KeptValues::default();
    Ok(give_back(stack, &to, kept.map_or(&nothing, |kept| &kept.values)))
}

/// Returns the volumes of an instance, including those its image declares if it was never applied.
fn volumes(
    stack: &Stack,
    name: &InstanceName,
    instance: &Instance,
    observed: &Observed,
) -> BTreeSet<PhysicalVolume> {
    let image = effective_of(stack, name, instance).service.image;
    let image: Option<&ImageInfo> = image.and_then(|image| observed.images.get(&image));
    let of_image = image.into_iter().flat_map(|image| &image.volumes);
    let of_image = of_image.filter_map(|path| image_volume(path.trim_end_matches('/')));
    let of_image = of_image.filter(|volume| !instance.volumes.contains_key(volume));
    let of_image = of_image.map(|volume| PhysicalVolume::for_instance(&stack.name, name, &volume));
    instance.volumes.values().cloned().chain(of_image).collect()
}
