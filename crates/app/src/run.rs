//! Applying: images first, then the plan that was shown, then what is remembered of it.

use crate::{
    App, AppError, PrepareOptions, Prepared,
    execute::{EventSink, Hands, Outcome, execute},
    observe::{MARKER, MARKER_LABEL},
};
use devarch_core::{
    engine::EngineBinding,
    id::{ApplyId, EngineId},
    name::{InstanceName, PhysicalVolume, StackName},
    plan::{ChangeKind, Subject},
    resolve::image_volume,
    spec::{MountFrom, label},
    stack::Stack,
};
use devarch_engine::Engine;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

impl App {
    /// Carries out a plan that was shown.
    pub async fn apply(
        &self,
        prepared: &Prepared,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Outcome, AppError> {
        let begun = Instant::now();
        if prepared.plan.steps.is_empty() {
            return Ok(Outcome { steps: 0, took: begun.elapsed() });
        }
        let engine_id = self.bind(prepared).await?;
        self.remember_image_volumes(prepared).await?;
        let images = prepared.observed.images.iter();
        let hands = Hands {
            engine: prepared.engine.as_ref(),
            store: &self.store,
            stack: &prepared.stack.id,
            engine_id: &engine_id,
            apply: ApplyId::new(Uuid::now_v7().to_string()),
            hash_key: &self.hash_key,
            images: images.map(|(name, image)| (name.clone(), image.id.clone())).collect(),
            made: Mutex::default(),
        };
        let steps = execute(&prepared.plan, &hands, events, cancel).await?;
        self.forget_removed(prepared).await?;
        Ok(Outcome { steps, took: begun.elapsed() })
    }

    /// The first apply binds a stack to its engine, and keeps its subnet. The engine's identity is a labelled volume.
    async fn bind(&self, prepared: &Prepared) -> Result<EngineId, AppError> {
        let engine = prepared.engine.as_ref();
        let id = match &prepared.observed.engine_id {
            Some(id) => id.clone(),
            None => mark(engine).await?,
        };
        let info = engine.info();
        let binding = EngineBinding { kind: info.kind, id: id.clone(), endpoint: info.endpoint.clone() };
        let subnet = prepared.desired.network.subnet;
        if prepared.stack.engine.as_ref() != Some(&binding) || prepared.stack.subnet != Some(subnet) {
            self.store.bind_engine(&prepared.stack.id, &binding, Some(subnet)).await?;
        }
        Ok(id)
    }

    /// A `VOLUME` path of an image became a named volume; its name is kept like any other's.
    async fn remember_image_volumes(&self, prepared: &Prepared) -> Result<(), AppError> {
        let mut new: Vec<(InstanceName, devarch_core::name::VolumeName, PhysicalVolume)> = Vec::new();
        for (name, desired) in &prepared.desired.instances {
            let Some(image) = prepared.observed.images.get(&desired.spec.image) else { continue };
            let known = &prepared.stack.instances[name].volumes;
            for path in &image.volumes {
                let Some(volume) = image_volume(path).filter(|volume| !known.contains_key(volume)) else {
                    continue;
                };
                let mount =
                    desired.spec.mounts.iter().find(|mount| mount.target == path.trim_end_matches('/'));
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
        self.edit(&prepared.stack.name, add).await.map(|_| ())
    }

    async fn forget_removed(&self, prepared: &Prepared) -> Result<(), AppError> {
        let removed = prepared.plan.changes.iter().filter(|change| change.kind == ChangeKind::Remove);
        for change in removed {
            if let Subject::Instance(name) = &change.subject
                && let Some(instance) = prepared.desired.instances.get(name)
            {
                self.store.forget_applied(&prepared.stack.id, &instance.id).await?;
            }
        }
        Ok(())
    }

    /// Restarts what runs of a stack, or one instance, providers before their consumers, and starts what should run.
    pub async fn restart(
        &self,
        name: &StackName,
        only: Option<&InstanceName>,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Outcome, AppError> {
        let stack = self.stack(name).await?;
        let restart = match only {
            Some(only) => BTreeSet::from([only.clone()]),
            None => stack.instances.into_keys().collect(),
        };
        let options = PrepareOptions { restart, ..PrepareOptions::default() };
        let prepared = self.prepare(name, &options).await?;
        self.apply(&prepared, events, cancel).await
    }

    /// Deletes volumes of a stack that were named in the request.
    pub async fn delete_volumes(&self, stack: &Stack, volumes: &[PhysicalVolume]) -> Result<(), AppError> {
        if volumes.is_empty() {
            return Ok(());
        }
        let engine = self.engine(Some(stack)).await?;
        let present = engine.volumes().await?;
        for volume in volumes {
            let ours = present.get(volume.as_str()).is_some_and(|labels| {
                labels.get(label::STORE_ID).map(String::as_str) == Some(self.store_id.as_str())
            });
            if ours {
                engine.remove_volume(volume).await?;
                if let Some(binding) = &stack.engine {
                    self.store.forget_kept_volume(&binding.id, volume).await?;
                }
            }
        }
        Ok(())
    }
}

async fn mark(engine: &dyn Engine) -> Result<EngineId, AppError> {
    let id = EngineId::new(Uuid::now_v7().to_string());
    let labels = BTreeMap::from([(MARKER_LABEL.to_owned(), id.to_string())]);
    engine.create_volume(&PhysicalVolume::from_stored(MARKER), &labels).await?;
    // Another DevArch may have been first: what is there counts.
    let volumes = engine.volumes().await?;
    let there = volumes.get(MARKER).and_then(|labels| labels.get(MARKER_LABEL));
    Ok(there.map_or(id, EngineId::new))
}
