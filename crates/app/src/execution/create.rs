//! Steps that create an object. It is recorded by the id the engine returns.

use crate::execution::{failure::Failure, runner::StepRunner};
use devarch_core::{
    desired::ContainerRecipe,
    id::ContainerId,
    name::ContainerName,
    persisted::CONFIG_FORM,
    plan::{SpecState, StepId},
    podman,
    spec::{CreateContainer, Identity, NetworkSpec, VolumeSpec},
};
use devarch_store::{Applied, StoreError};
use std::collections::BTreeMap;

impl StepRunner<'_> {
    pub(crate) async fn create_network(
        &self,
        step: StepId,
        spec: &NetworkSpec,
        identity: &Identity,
    ) -> Result<(), Failure> {
        let labels = spec.labels(identity, &self.apply);
        let created = self.engine.create_network(spec, &labels).await.map_err(Failure::Engine)?;
        self.ledger.identify(step, created.as_str());
        Ok(())
    }

    pub(crate) async fn create_volume(
        &self,
        step: StepId,
        spec: &VolumeSpec,
        identity: &Identity,
    ) -> Result<(), Failure> {
        let labels = identity.labels("", &self.apply);
        self.engine.create_volume(&spec.name, &labels).await.map_err(Failure::Engine)?;
        self.ledger.identify(step, spec.name.as_str());
        Ok(())
    }

    pub(crate) async fn create_container(
        &self,
        step: StepId,
        name: &ContainerName,
        made: &ContainerRecipe,
    ) -> Result<(), Failure> {
        self.remember(made, SpecState::Begun).await?;
        let request =
            CreateContainer { name: name.clone(), spec: made.spec.clone(), labels: self.labels(made) };
        let container: ContainerId = self.engine.create_container(&request).await.map_err(Failure::Engine)?;
        self.ledger.identify(step, container.as_str());
        self.keep_made(step, container);
        Ok(())
    }

    /// Merges the user's labels with DevArch's.
    fn labels(&self, made: &ContainerRecipe) -> BTreeMap<String, String> {
        let mut labels = made.spec.labels.clone();
        labels.extend(made.identity.labels(&made.hash, &self.apply));
        labels.extend(podman::form_label(&made.spec));
        labels
    }

    /// Records the recipe of an instance's container before it is created: the next plan compares with it.
    pub(crate) async fn remember(&self, made: &ContainerRecipe, state: SpecState) -> Result<(), Failure> {
        let Some(instance) = &made.identity.instance else { return Ok(()) };
        let applied = Applied {
            engine_id: self.engine_id.clone(),
            hash: made.hash.clone(),
            form: CONFIG_FORM,
            spec: made.memory().map_err(StoreError::from)?,
            image_id: made.image_id.clone(),
            state,
        };
        let recorded = self.store.record_applied(self.stack, &instance.id, &applied).await;
        recorded.map_err(Failure::from)
    }
}
