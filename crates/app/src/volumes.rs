//! Volumes that the user names to be deleted: nothing else ever deletes one.

use crate::{App, AppError};
use devarch_core::{name::PhysicalVolume, spec::label, stack::Stack};
use std::collections::BTreeSet;

impl App {
    /// Deletes volumes of a stack that were named in the request; those that this store made, or took over. Says which
    /// of them stay, because they are somebody else's.
    pub async fn delete_volumes(
        &self,
        stack: &Stack,
        volumes: &[PhysicalVolume],
        adopted: &BTreeSet<PhysicalVolume>,
    ) -> Result<Vec<PhysicalVolume>, AppError> {
        let mut stay = Vec::new();
        if volumes.is_empty() {
            return Ok(stay);
        }
        let engine = self.engine(Some(stack)).await?;
        let present = engine.volumes().await?;
        for volume in volumes {
            let Some(labels) = present.get(volume.as_str()) else { continue };
            let ours = labels.get(label::STORE_ID).map(String::as_str) == Some(self.store_id.as_str());
            if !ours && !adopted.contains(volume) {
                stay.push(volume.clone());
            } else {
                engine.remove_volume(volume).await?;
                if let Some(binding) = &stack.engine {
                    self.store.forget_kept_volume(&binding.id, volume).await?;
                }
            }
        }
        Ok(stay)
    }

    /// The volumes of a stack that another home made and an apply has taken over.
    pub async fn adopted_volumes(&self, stack: &Stack) -> Result<BTreeSet<PhysicalVolume>, AppError> {
        let remembered = self.remembered(stack).await?;
        let instances = stack.instances.values();
        let volumes = instances
            .flat_map(|instance| instance.volumes.values().map(move |volume| (&instance.id, volume)));
        let had = volumes.filter(|(instance, volume)| remembered.had_volume(instance, volume));
        Ok(had.map(|(_, volume)| volume.clone()).collect())
    }
}
