//! What goes before a plan and after it: images that are pulled, volumes that the user names to be deleted.

use crate::{
    App, AppError,
    execute::{ApplyFailure, Ending, Event, EventSink, Failure},
};
use devarch_core::{
    desired::effective,
    name::PhysicalVolume,
    plan::Action,
    spec::label,
    stack::{Stack, Wanted},
};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

impl App {
    /// Pulls the images of a stack that are absent, so that the plan can be made from what they say.
    pub async fn pull_images(
        &self,
        stack: &Stack,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), AppError> {
        let engine = self.engine(Some(stack)).await?;
        let mut images = BTreeMap::new();
        for (name, effective) in effective(stack) {
            if stack.wanted(&stack.instances[&name]) != Wanted::Absent
                && let Some(image) = effective.service.image
            {
                images.insert(image, effective.service.platform);
            }
        }
        let pull = async |(image, platform): (String, Option<String>)| {
            if engine.image(&image).await?.is_some() {
                return Ok(());
            }
            let progress = |progress| events(Event::Pull { image: image.clone(), progress });
            let failed = |failure| Box::new(pull_failure(stack, &image, failure));
            tokio::select! {
                pulled = engine.pull_image(&image, platform.as_deref(), &progress) => {
                    pulled.map(|_| ()).map_err(|error| failed(Failure::Engine(error)).into())
                }
                () = cancel.cancelled() => Err(AppError::from(failed(Failure::Cancelled))),
            }
        };
        try_join_all(images.into_iter().map(pull)).await.map(|_| ())
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

fn pull_failure(stack: &Stack, image: &str, failure: Failure) -> ApplyFailure {
    ApplyFailure {
        stack: stack.name.to_string(),
        instance: None,
        action: Action::PullImage { image: image.to_owned(), platform: None }.to_string(),
        failure,
        ending: Ending::Untouched,
    }
}
