//! One step: one engine call.

use crate::{
    definition::contents::Kept,
    execution::{
        Event, EventSink,
        command::run_command,
        failure::Failure,
        ledger::Ledger,
        ready,
        starts::Starts,
        supply::{Build, Pull},
    },
};
use devarch_core::{
    desired::Made,
    hash::HashKey,
    id::{ApplyId, ContainerId, EngineId, ImageId, StackId},
    name::{ContainerName, InstanceName},
    observed::{ObservedContainer, RunState},
    persisted::CONFIG_FORM,
    plan::{Action, AppliedState, ContainerRef, Step, StepId, VolumeCopy},
    podman,
    resolve::Provisioning,
    secret::Mask,
    spec::{ContainerSpec, CreateContainer, Identity},
    surroundings::Clock,
    template::RestartPolicy,
};
use devarch_engine::{Engine, EngineError, EngineErrorKind, LogOptions};
use devarch_store::{Applied, Store, StoreError};
use futures_util::{StreamExt as _, future::try_join_all};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How many last lines a failure shows.
const LAST_LINES: u32 = 10;

/// How long after the last start a container without a check has to run to count as started: this, or as long as the
/// quickest start takes by itself, for on a busy machine its program has hardly begun by then; but no longer than that.
const SETTLE: Duration = Duration::from_millis(100);
const LONGEST_SETTLE: Duration = Duration::from_secs(3);

/// What steps are made with.
pub(crate) struct Hands<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) stack: &'a StackId,
    pub(crate) engine_id: &'a EngineId,
    pub(crate) apply: ApplyId,
    /// All steps of the plan.
    pub(crate) steps: &'a [Step],
    /// Keys the hash of what an image is built from.
    pub(crate) hash_key: Option<&'a HashKey>,
    /// The stack's secrets, to be hidden in what engine and containers say.
    pub(crate) mask: &'a Mask,
    /// Image ids by the name they are referred to, to remember what was applied.
    pub(crate) images: BTreeMap<String, ImageId>,
    /// How long starts take.
    pub(crate) starts: Starts,
    /// What the steps have created, or may have.
    pub(crate) ledger: &'a Ledger,
    /// Containers made so far.
    pub(crate) made: Mutex<BTreeMap<StepId, ContainerId>>,
    /// All containers as they were seen last.
    pub(crate) seen: Mutex<Vec<ObservedContainer>>,
}

impl Hands<'_> {
    /// Makes a step.
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
                pull.run(self.engine, events, cancel).await
            }
            Action::BuildImage { tags, spec } => {
                let no_key = || Failure::Context("the store's own key cannot be read".to_owned());
                let build = Build { key: self.hash_key.ok_or_else(no_key)?, tags, spec };
                build.run(self.engine, events, cancel).await
            }
            Action::AdoptImage { image, tag } => done(engine.tag_image(image.as_str(), tag).await),
            Action::TagImage { image, name } => done(engine.tag_image(image, name).await),
            Action::CreateNetwork { .. } | Action::CreateVolume { .. } | Action::CreateContainer { .. } => {
                self.create(id, &step.action).await
            }
            Action::RemoveNetwork { id, .. } => done(engine.remove_network(id).await),
            Action::CopyVolume(copy) => self.copy(copy).await,
            Action::RemoveVolume { name } => done(engine.remove_volume(name).await),
            Action::Remember { made } => self.remember(made, AppliedState::Made).await,
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
            Action::Verify { containers } => self.verify(containers, cancel).await,
        }
    }

    /// Creates an object, and keeps the id the engine gives it.
    async fn create(&self, step: StepId, action: &Action) -> Result<(), Failure> {
        match action {
            Action::CreateNetwork { spec, identity } => {
                let labels = spec.labels(identity, &self.apply);
                let created = self.engine.create_network(spec, &labels).await.map_err(Failure::Engine)?;
                self.ledger.identify(step, created.as_str());
            }
            Action::CreateVolume { spec, identity } => {
                let labels = identity.labels("", &self.apply);
                self.engine.create_volume(&spec.name, &labels).await.map_err(Failure::Engine)?;
                self.ledger.identify(step, spec.name.as_str());
            }
            Action::CreateContainer { name, made } => {
                let container = self.create_container(name, made).await?;
                self.ledger.identify(step, container.as_str());
                self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(step, container);
            }
            _ => {}
        }
        Ok(())
    }

    async fn create_container(&self, name: &ContainerName, made: &Made) -> Result<ContainerId, Failure> {
        self.remember(made, AppliedState::Begun).await?;
        let request = CreateContainer {
            name: name.clone(),
            spec: made.spec.clone(),
            labels: self.labels(&made.spec, &made.identity, &made.hash),
        };
        self.engine.create_container(&request).await.map_err(Failure::Engine)
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

    fn settle(&self) -> Duration {
        self.starts.quickest().unwrap_or(SETTLE).clamp(SETTLE, LONGEST_SETTLE)
    }

    fn container(&self, container: &ContainerRef) -> Result<ContainerId, Failure> {
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

    async fn copy(&self, copy: &VolumeCopy) -> Result<(), Failure> {
        let copied = self.engine.copy_volume(&copy.from, &copy.to, copy.image.as_str()).await;
        copied.map_err(|error| match error.kind {
            EngineErrorKind::CannotRun => {
                Failure::NoShell { volume: copy.from.clone(), image: copy.image.clone() }
            }
            _ => Failure::Engine(error),
        })
    }

    /// What was planned with one image is not made from another: asked once for all that were made. They are made by
    /// name all the same, because Docker lists what is made by an image's id by that id, instead of a name people know.
    pub(crate) async fn pinned(&self) -> Result<(), Failure> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if made.is_empty() {
            return Ok(());
        }
        let listed = self.listed_with(&made).await?;
        for (step, container) in made {
            let Action::CreateContainer { made, .. } = &self.steps[step.0].action else { continue };
            let found = listed.iter().find(|listed| listed.id == container).map(|listed| &listed.image_id);
            if let (Some(planned), Some(found)) = (&made.image_id, found)
                && planned != found
            {
                let (planned, found) = (planned.to_string(), found.to_string());
                let moved = Failure::ImageMoved { image: made.spec.image.clone(), planned, found };
                return Err(match self.steps[step.0].instance.clone() {
                    Some(instance) => Failure::Instance(instance, Box::new(moved)),
                    None => moved,
                });
            }
        }
        Ok(())
    }

    /// All containers, as seen last if these were there by then: what a container was made of does not change.
    async fn listed_with(
        &self,
        made: &BTreeMap<StepId, ContainerId>,
    ) -> Result<Vec<ObservedContainer>, Failure> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let ids: BTreeSet<&ContainerId> = seen.iter().map(|container| &container.id).collect();
        if made.values().all(|made| ids.contains(made)) {
            return Ok(seen);
        }
        self.engine.containers().await.map_err(Failure::Engine)
    }

    /// The user's labels and DevArch's.
    fn labels(&self, spec: &ContainerSpec, identity: &Identity, hash: &str) -> BTreeMap<String, String> {
        let mut labels = spec.labels.clone();
        labels.extend(identity.labels(hash, &self.apply));
        labels.extend(podman::form_label(spec));
        labels
    }

    /// What is going to be made is remembered before it is made: it is the left side of the next plan's diffs.
    async fn remember(&self, made: &Made, state: AppliedState) -> Result<(), Failure> {
        let Some(instance) = &made.identity.instance else { return Ok(()) };
        let applied = Applied {
            engine_id: self.engine_id.clone(),
            hash: made.hash.clone(),
            form: CONFIG_FORM,
            spec: made.memory().map_err(StoreError::from)?,
            image_id: self.images.get(&made.spec.image).cloned().unwrap_or_else(|| ImageId::new("")),
            state,
        };
        let recorded = self.store.record_applied(self.stack, &instance.id, &applied).await;
        recorded.map_err(Failure::from)
    }

    /// A container that ended within a moment of its start did not start. One that its restart policy starts again and
    /// again looks as if it ran.
    async fn verify(
        &self,
        containers: &[(InstanceName, ContainerRef)],
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = self.clock.sleep(self.settle()) => {}
            () = cancel.cancelled() => return Err(Failure::Cancelled),
        }
        let listed = self.engine.containers().await.map_err(Failure::Engine)?;
        let running: BTreeSet<&ContainerId> = listed
            .iter()
            .filter(|listed| listed.state == RunState::Running)
            .map(|listed| &listed.id)
            .collect();
        let still_runs = async |(name, container): &(InstanceName, ContainerRef)| {
            let id = self.container(container)?;
            let runs = running.contains(&id)
                && (self.never_restarts(container) || self.runs_since_its_start(&id).await?);
            if runs {
                return Ok(());
            }
            Err(Failure::Instance(name.clone(), Box::new(self.exited(&id).await)))
        };
        try_join_all(containers.iter().map(still_runs)).await?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = listed;
        Ok(())
    }

    /// Whether its engine leaves a container alone that ended, so that one that runs has run since its start: an
    /// inspect for each of many takes longer than one list of all.
    fn never_restarts(&self, container: &ContainerRef) -> bool {
        let ContainerRef::MadeBy(step) = container else { return false };
        let action = self.steps.get(step.0).map(|step| &step.action);
        matches!(action, Some(Action::CreateContainer { made, .. }) if made.spec.restart == RestartPolicy::No)
    }

    /// An engine counts restarts by policy anew with each start by hand, and waits longer before each.
    async fn runs_since_its_start(&self, id: &ContainerId) -> Result<bool, Failure> {
        let state = self.engine.inspect(id).await.map_err(Failure::Engine)?;
        Ok(state.is_some_and(|state| {
            state.state == RunState::Running && !state.restarting && state.restarts == 0
        }))
    }

    /// How a container ended, with its last lines.
    pub(crate) async fn exited(&self, id: &ContainerId) -> Failure {
        match self.engine.inspect(id).await {
            Ok(Some(state)) => Failure::Exited {
                code: state.exit_code,
                restarted: state.restarting || state.state == RunState::Running,
                out_of_memory: state.out_of_memory,
                logs: self.last_lines(id).await,
            },
            Ok(None) => Failure::Engine(EngineError::new(
                "look at a container that was started",
                EngineErrorKind::NotFound,
                "it is gone",
            )),
            Err(error) => Failure::Engine(error),
        }
    }

    pub(crate) async fn last_lines(&self, id: &ContainerId) -> Vec<String> {
        let options = LogOptions { tail: Some(LAST_LINES), ..LogOptions::default() };
        let Ok(mut stream) = self.engine.logs(id, &options).await else { return Vec::new() };
        let mut text = Vec::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.extend(chunk.bytes);
        }
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}

fn done<T>(result: Result<T, EngineError>) -> Result<(), Failure> {
    result.map(|_| ()).map_err(Failure::Engine)
}
