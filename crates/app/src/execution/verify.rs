//! The last check before the commit point, on a single list of all containers.

use crate::execution::{failure::Failure, runner::StepRunner};
use devarch_core::{
    id::ContainerId,
    observed::{ObservedContainer, RunState},
    plan::{Expected, ImageCheck, RunningCheck},
};
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

impl StepRunner<'_> {
    /// Waits a moment, then checks that the started containers still run and use the planned images: a container that
    /// exits within a moment of its start did not start.
    pub(crate) async fn verify(
        &self,
        running: &[RunningCheck],
        images: &[ImageCheck],
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = self.clock.sleep(self.starts.settle()) => {}
            () = cancel.cancelled() => return Err(Failure::Cancelled),
        }
        let listed = self.engine.containers().await.map_err(Failure::Engine)?;
        try_join_all(running.iter().map(|check| self.runs(&listed, check))).await?;
        self.are_of_images(&listed, images)
    }

    /// Checks that containers use the planned images.
    pub(crate) async fn verify_images(&self, images: &[ImageCheck]) -> Result<(), Failure> {
        let listed = self.engine.containers().await.map_err(Failure::Engine)?;
        self.are_of_images(&listed, images)
    }

    async fn runs(&self, listed: &[ObservedContainer], check: &RunningCheck) -> Result<(), Failure> {
        let id = self.container(&check.container)?;
        let is_running = |one: &ObservedContainer| one.id == id && one.state == RunState::Running;
        let is_listed = listed.iter().any(is_running);
        let runs = match check.expected {
            Expected::Running => is_listed,
            Expected::NeverRestarted => is_listed && self.was_never_restarted(&id).await?,
        };
        if runs {
            return Ok(());
        }
        Err(Failure::Instance(check.instance.clone(), Box::new(self.exited(&id).await)))
    }

    /// Returns whether the restart policy never restarted a container. Engines reset this count with each manual
    /// start, and wait longer before each restart.
    async fn was_never_restarted(&self, id: &ContainerId) -> Result<bool, Failure> {
        let state = self.engine.inspect(id).await.map_err(Failure::Engine)?;
        Ok(state.is_some_and(|state| {
            state.state == RunState::Running && !state.restarting && state.restarts == 0
        }))
    }

    /// Compares images by id. A container is still created by its image's name, because Docker lists one created by id
    /// under that id instead of a name people know.
    fn are_of_images(&self, listed: &[ObservedContainer], checks: &[ImageCheck]) -> Result<(), Failure> {
        for check in checks {
            let id = self.container(&check.container)?;
            let found = listed.iter().find(|one| one.id == id).map(|one| &one.image_id);
            if let Some(found) = found.filter(|found| **found != check.planned) {
                let (planned, found) = (check.planned.to_string(), found.to_string());
                let moved = Failure::ImageMoved { image: check.image.clone(), planned, found };
                return Err(Failure::Instance(check.instance.clone(), Box::new(moved)));
            }
        }
        Ok(())
    }
}
