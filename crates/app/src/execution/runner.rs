//! Executes one step: one engine call or one wait. The planner defines steps and what they expect; nothing is decided
//! here.

use crate::{
    definition::contents::Kept,
    execution::{
        Event, EventSink,
        command::run_command,
        failure::Failure,
        ledger::Ledger,
        ready,
        start_timings::StartTimings,
        supply::{Build, Pull},
    },
};
use devarch_core::{
    build::BuildSpec,
    environment::Clock,
    hash::HashKey,
    id::{ApplyId, ContainerId, EngineId, StackId},
    plan::{Action, ContainerRef, SpecState, Step, StepId, VolumeCopy},
    resolve::Provisioning,
    secret::Mask,
};
use devarch_engine::{Engine, EngineError, EngineErrorKind};
use devarch_store::Store;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// What steps are executed with.
pub(crate) struct StepRunner<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) stack: &'a StackId,
    pub(crate) engine_id: &'a EngineId,
    pub(crate) apply: ApplyId,
    /// The key for hashes of build contexts.
    pub(crate) hash_key: Option<&'a HashKey>,
    /// The stack's secrets, redacted in output of engine and containers.
    pub(crate) mask: &'a Mask,
    /// How long starts take.
    pub(crate) starts: StartTimings,
    /// The objects the steps have created, or may have.
    pub(crate) ledger: &'a Ledger,
    /// The containers created so far.
    pub(crate) made: Mutex<BTreeMap<StepId, ContainerId>>,
}

impl StepRunner<'_> {
    /// Executes a step.
    pub(crate) async fn perform(
        &self,
        id: StepId,
        step: &Step,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let engine = self.engine;
        match &step.action {
            Action::PullImage { image, platform } => {
                let pull = Pull { image, platform: platform.as_deref() };
                pull.run(engine, events, cancel).await
            }
            Action::BuildImage { tags, spec } => self.build(tags, spec, events, cancel).await,
            Action::AdoptImage { image, tag } => done(engine.tag_image(image.as_str(), tag).await),
            Action::TagImage { image, name } => done(engine.tag_image(image, name).await),
            Action::CreateNetwork { spec, identity } => self.create_network(id, spec, identity).await,
            Action::RemoveNetwork { id, .. } => done(engine.remove_network(id).await),
            Action::CreateVolume { spec, identity } => self.create_volume(id, spec, identity).await,
            Action::CopyVolume(copy) => self.copy(copy).await,
            Action::RemoveVolume { name } => done(engine.remove_volume(name).await),
            Action::CreateContainer { name, made } => self.create_container(id, name, made).await,
            Action::Remember { made } => self.remember(made, SpecState::Completed).await,
            Action::PutFiles { container, files } => {
                done(engine.put_files(&self.container(container)?, files, &Kept(self.store)).await)
            }
            Action::Connect { container, attachment } => {
                let container = self.container(container)?;
                let call =
                    engine.connect(&attachment.name, &container, attachment.address, &attachment.aliases);
                done(call.await)
            }
            Action::Disconnect { container, network } => {
                done(engine.disconnect(network, &self.container(container)?).await)
            }
            Action::Provision { container, provisioning } => {
                self.provision(&self.container(container)?, provisioning).await
            }
            Action::Start { container } => self.start(&self.container(container)?).await,
            Action::Stop { container, grace } => done(engine.stop(&self.container(container)?, *grace).await),
            Action::Rename { container, to } => done(engine.rename(&self.container(container)?, to).await),
            Action::RemoveContainer { container, .. } => {
                done(engine.remove_container(&self.container(container)?).await)
            }
            Action::Await { container, readiness } => {
                let waiting = |last: String| {
                    let last = self.mask.text(&last).into_owned();
                    events(Event::Waiting { step: id, last });
                };
                ready::until_ready(self, &self.container(container)?, readiness, &waiting, cancel).await
            }
            Action::Verify { running, images } => self.verify(running, images, cancel).await,
            Action::VerifyImages { images } => self.verify_images(images).await,
        }
    }

    async fn build(
        &self,
        tags: &[String],
        spec: &BuildSpec,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let no_key = || Failure::Context("the store's own key cannot be read".to_owned());
        let build = Build { key: self.hash_key.ok_or_else(no_key)?, tags, spec };
        build.run(self.engine, events, cancel).await
    }

    async fn provision(&self, container: &ContainerId, wanted: &Provisioning) -> Result<(), Failure> {
        let end = run_command(self.engine, self.clock, container, wanted).await.map_err(Failure::Engine)?;
        if end.code == 0 {
            return Ok(());
        }
        let (provider, name) = (wanted.provider.clone(), wanted.name.clone());
        Err(Failure::NoLogin { provider, name, code: end.code, output: end.output })
    }

    async fn start(&self, container: &ContainerId) -> Result<(), Failure> {
        let begun = self.starts.begin(self.clock);
        let started = done(self.engine.start(container).await);
        self.starts.end(begun, self.clock);
        started
    }

    async fn copy(&self, copy: &VolumeCopy) -> Result<(), Failure> {
        let copied = self.engine.copy_volume(&copy.from, &copy.to, copy.image.as_str()).await;
        copied.map_err(|error| match error.kind {
            EngineErrorKind::CannotRun => {
                Failure::NoShell { volume: copy.from.clone(), image: copy.image.clone() }
            }
            _ => Failure::Engine(error),
        })
    }

    /// Records the container that a step created, for the steps that refer to it by that step.
    pub(crate) fn keep_made(&self, step: StepId, container: ContainerId) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(step, container);
    }

    /// Resolves a step's reference to a container.
    pub(crate) fn container(&self, container: &ContainerRef) -> Result<ContainerId, Failure> {
        match container {
            ContainerRef::Existing(id) => Ok(id.clone()),
            ContainerRef::MadeBy(step) => {
                let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                made.get(step).cloned().ok_or_else(|| {
                    let message = format!("step {} created no container", step.0);
                    Failure::Engine(EngineError::new("find a container", EngineErrorKind::NotFound, message))
                })
            }
        }
    }
}

fn done<T>(result: Result<T, EngineError>) -> Result<(), Failure> {
    result.map(|_| ()).map_err(Failure::Engine)
}
