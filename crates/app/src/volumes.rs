//! Volumes that the user names to be deleted: nothing else ever deletes one.

use crate::{App, AppError};
use devarch_core::{name::PhysicalVolume, spec::label, stack::Stack};

impl App {
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
