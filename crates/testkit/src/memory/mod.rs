//! An in-memory engine: names, networks, addresses, ports, volumes and states behave like a real engine's (verified by
//! the same contract), images are scripted, calls can be made to fail, and every call is recorded.

mod behaviour;
mod build;
mod exec;
mod fault;
mod state;

pub use behaviour::{Behaviour, Life, Script, busybox};
pub use fault::{Call, Effect, Fault};

use crate::{proxy::Moment, texts};
use async_trait::async_trait;
use behaviour::Argv;
use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    id::{ContainerId, ImageId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::{HealthState, ImageInfo, ObservedContainer, ObservedNetwork, RunState},
    secret::Secret,
    spec::{CreateContainer, FileContent, FileSpec, NetworkSpec},
    template::HealthTest,
    text::Text,
    unit::Millis,
};
use devarch_engine::{
    BuildRequest, Contents, Engine, EngineError, EngineErrorKind as Kind, ExecIo, ExecRequest, ExitStatus,
    Inspection, LogOptions, LogStream, Probe, ProbeResult, PullProgress, Runs, TerminalSize,
};
use state::{Break, MemoryState};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

type Result<T> = std::result::Result<T, EngineError>;

/// The files with their contents in them.
async fn with_contents(
    files: &BTreeMap<String, FileSpec>,
    contents: &dyn Contents,
) -> Result<BTreeMap<String, FileSpec>> {
    let mut whole = files.clone();
    for file in whole.values_mut() {
        if let FileContent::Kept(kept) = &file.content {
            let text = texts::whole(kept, contents).await;
            let text = text.map_err(|error| EngineError::new("put files", Kind::Other, error.to_string()))?;
            file.content = Text::plain(text).into();
        }
    }
    Ok(whole)
}

/// The engine. It contains the image [`crate::fixture::IMAGE`], whose behaviour is [`busybox`].
pub struct MemoryEngine {
    info: EngineInfo,
    state: Mutex<MemoryState>,
}

/// A copy of an engine's whole state.
#[derive(Clone)]
pub struct Snapshot(MemoryState);

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} containers)", self.0.containers.len())
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the facts of an engine on this machine that runs as root and runs health checks.
pub fn engine_info(kind: EngineKind, version: &str) -> EngineInfo {
    EngineInfo {
        kind,
        version: version.to_owned(),
        api_version: "1.99".to_owned(),
        endpoint: "memory://".to_owned(),
        rootless: false,
        locality: Locality::Host,
        runs_health_checks: true,
        lowest_port: 0,
    }
}

impl MemoryEngine {
    /// An engine that contains only the image.
    pub fn new() -> Self {
        let engine = Self {
            info: engine_info(EngineKind::Docker, "99.0"),
            state: Mutex::new(MemoryState::new(Arc::new(busybox))),
        };
        engine.add_image(crate::fixture::IMAGE, plain_image("sha256:b0b0"));
        engine
    }

    /// The same with other facts about the engine.
    #[must_use]
    pub fn with_info(mut self, change: impl FnOnce(&mut EngineInfo)) -> Self {
        change(&mut self.info);
        self
    }

    /// Scripts what containers do.
    #[must_use]
    pub fn with_script(self, script: impl Fn(&CreateContainer) -> Behaviour + Send + Sync + 'static) -> Self {
        self.script(script);
        self
    }

    /// Scripts what containers do that are created from now on.
    pub fn script(&self, script: impl Fn(&CreateContainer) -> Behaviour + Send + Sync + 'static) {
        self.state().script = Arc::new(script);
    }

    /// Adds an image, or moves a tag.
    pub fn add_image(&self, name: &str, image: ImageInfo) {
        self.state().images.insert(name.to_owned(), image);
    }

    /// Makes an image available for pulls.
    pub fn add_to_registry(&self, name: &str, image: ImageInfo) {
        self.state().registry.insert(name.to_owned(), image);
    }

    /// Makes matching calls fail from now on.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Makes the `nth` changing call from now on (1: the next one) fail, whatever it is. The returned notification is
    /// sent when that call is made. With [`Effect::Hangs`] later calls hang as well: dropping the caller's future then
    /// simulates a kill at that very call.
    pub fn break_at(&self, nth: usize, effect: Effect) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.state().breaks = Some(Break { calls_left: nth, effect, notify: Arc::clone(&notify) });
        notify
    }

    /// Makes all calls succeed again.
    pub fn mend(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.breaks = None;
    }

    /// Copies the engine's whole state: objects, images, contents, and the pending faults.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state().clone())
    }

    /// Replaces the engine's whole state by a snapshot.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.state().clone_from(&snapshot.0);
    }

    /// Writes the content of a volume, as a program would.
    pub fn write_volume(&self, name: &str, content: &str) {
        self.state().contents.insert(name.to_owned(), content.to_owned());
    }

    /// Whether a volume of that name exists.
    pub fn has_volume(&self, name: &str) -> bool {
        self.state().volumes.contains_key(name)
    }

    /// The content of a volume; empty if it has none.
    pub fn volume_content(&self, name: &str) -> String {
        self.state().contents.get(name).cloned().unwrap_or_default()
    }

    /// Takes a port of the host, as another process would.
    pub fn occupy_port(&self, port: u16) {
        self.state().occupied.insert(port);
    }

    /// Ends a running container from within.
    pub fn end(&self, name: &str, code: i64) {
        self.state().end(name, code);
    }

    /// Leaves a container in the state of one whose stop never ended: it can only be removed.
    pub fn stick(&self, name: &str) {
        self.state().stick(name);
    }

    /// The files that were copied into a container.
    pub fn files(&self, name: &str) -> BTreeMap<String, FileSpec> {
        self.state().by_name(name).map(|container| container.files.clone()).unwrap_or_default()
    }

    /// The request a container was created from.
    pub fn request(&self, name: &str) -> Option<CreateContainer> {
        self.state().by_name(name).map(|container| container.request.clone())
    }

    /// The calls that change something, in order: `start devarch-shop-db`. Reads are not included.
    pub fn changes(&self) -> Vec<String> {
        self.state().changes.clone()
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call about the object of that name: written down, failing as injected, done.
    async fn call<T>(
        &self,
        call: Call,
        name: &str,
        act: impl FnOnce(&mut MemoryState) -> std::result::Result<T, state::Refusal>,
    ) -> Result<T> {
        let action = format!("{call:?} {name}");
        let cut = || EngineError::new(&action, Kind::Uncertain, "the connection was cut");
        let effect = self.state().begin(call, name);
        match effect {
            None => {}
            Some(Effect::TakesTime) => tokio::task::yield_now().await,
            Some(Effect::Refused(kind)) => {
                return Err(EngineError::new(action, kind, "injected"));
            }
            Some(Effect::CutBefore) => return Err(cut()),
            Some(Effect::CutAfter) => {
                let _ = act(&mut self.state());
                return Err(cut());
            }
            Some(Effect::Hangs(moment)) => {
                if moment == Moment::After {
                    let _ = act(&mut self.state());
                }
                return std::future::pending().await;
            }
        }
        let done = act(&mut self.state());
        done.map_err(|(kind, message)| EngineError::new(action, kind, message))
    }

    fn name_of(&self, id: &ContainerId) -> String {
        let state = self.state();
        let known = state.containers.get(id).map(|container| container.name.to_string());
        known.unwrap_or_else(|| id.to_string())
    }
}

/// An image that declares nothing.
pub fn plain_image(id: &str) -> ImageInfo {
    ImageInfo {
        labels: BTreeMap::new(),
        id: ImageId::new(id),
        volumes: BTreeSet::new(),
        healthcheck: None,
        user: String::new(),
        exposed: BTreeSet::new(),
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    async fn containers(&self) -> Result<Vec<ObservedContainer>> {
        self.call(Call::Containers, "", |state| Ok(state.list())).await
    }

    async fn networks(&self) -> Result<Vec<ObservedNetwork>> {
        self.call(Call::Networks, "", |state| Ok(state.networks.clone())).await
    }

    async fn volumes(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        self.call(Call::Volumes, "", |state| Ok(state.volumes.clone())).await
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>> {
        self.call(Call::Image, reference, |state| Ok(state.images.get(reference).cloned())).await
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Option<Inspection>> {
        self.call(Call::Inspect, &self.name_of(id), |state| Ok(state.inspect(id))).await
    }

    async fn environment(&self, id: &ContainerId) -> Result<BTreeMap<String, Secret>> {
        self.call(Call::Inspect, &self.name_of(id), |state| Ok(state.environment(id))).await
    }

    async fn pull_image(
        &self,
        reference: &str,
        _platform: Option<&str>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<ImageInfo> {
        progress(PullProgress { status: format!("Pulling {reference}"), ..PullProgress::default() });
        self.call(Call::PullImage, reference, |state| state.pull(reference)).await
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<ImageInfo> {
        let built = build::build(request, progress);
        let name = request.tags.join(" and ");
        self.call(Call::BuildImage, &name, |state| state.build(&request.tags, built)).await
    }

    async fn tag_image(&self, image: &str, name: &str) -> Result<()> {
        self.call(Call::TagImage, &format!("{image} {name}"), |state| state.tag_image(image, name)).await
    }

    async fn create_network(
        &self,
        spec: &NetworkSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<NetworkId> {
        let name = spec.name.as_str();
        self.call(Call::CreateNetwork, name, |state| state.create_network(spec, labels)).await
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<()> {
        let name = self.state().network_name(id).unwrap_or_else(|| id.to_string());
        self.call(Call::RemoveNetwork, &name, |state| state.remove_network(id)).await
    }

    async fn connect(
        &self,
        network: &NetworkName,
        container: &ContainerId,
        address: Ipv4Addr,
        _aliases: &[String],
    ) -> Result<()> {
        let name = self.name_of(container);
        self.call(Call::Connect, &name, |state| state.connect(network, container, address)).await
    }

    async fn disconnect(&self, network: &NetworkName, container: &ContainerId) -> Result<()> {
        let name = self.name_of(container);
        self.call(Call::Disconnect, &name, |state| {
            state.disconnect(network, container);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, name: &PhysicalVolume, labels: &BTreeMap<String, String>) -> Result<()> {
        self.call(Call::CreateVolume, name.as_str(), |state| {
            state.volumes.entry(name.to_string()).or_insert_with(|| labels.clone());
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, name: &PhysicalVolume) -> Result<()> {
        self.call(Call::RemoveVolume, name.as_str(), |state| state.remove_volume(name)).await
    }

    async fn copy_volume(&self, from: &PhysicalVolume, to: &PhysicalVolume, image: &str) -> Result<()> {
        let names = format!("{from} {to}");
        self.call(Call::CopyVolume, &names, |state| state.copy_volume(from.as_str(), to.as_str(), image))
            .await
    }

    async fn create_container(&self, request: &CreateContainer) -> Result<ContainerId> {
        let name = request.name.as_str();
        self.call(Call::CreateContainer, name, |state| state.create_container(request)).await
    }

    async fn put_files(
        &self,
        id: &ContainerId,
        files: &BTreeMap<String, FileSpec>,
        contents: &dyn Contents,
    ) -> Result<()> {
        let files = with_contents(files, contents).await?;
        self.call(Call::PutFiles, &self.name_of(id), |state| {
            state.container(id)?.files.extend(files);
            Ok(())
        })
        .await
    }

    async fn start(&self, id: &ContainerId) -> Result<()> {
        self.call(Call::Start, &self.name_of(id), |state| state.start(id)).await
    }

    async fn stop(&self, id: &ContainerId, _grace: Option<Millis>) -> Result<()> {
        self.call(Call::Stop, &self.name_of(id), |state| state.stop(id)).await
    }

    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<()> {
        let was = self.name_of(id);
        self.call(Call::Rename, &format!("{was} {name}"), |state| state.rename(id, name)).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.call(Call::RemoveContainer, &self.name_of(id), |state| state.remove_container(id)).await
    }

    async fn probe(&self, id: &ContainerId, probe: &Probe) -> Result<ProbeResult> {
        let argv = match &probe.test {
            HealthTest::None => Argv::shell("exit 0"),
            HealthTest::Cmd(argv) => Argv(argv.clone()),
            HealthTest::Shell(line) => Argv::shell(line),
        };
        let runs = match probe.runs {
            Runs::Once => 1,
            Runs::Repeated { times, .. } => times,
        };
        self.call(Call::Probe, &self.name_of(id), |state| state.probe(id, &argv, runs)).await
    }

    async fn run_engine_check(&self, id: &ContainerId) -> Result<Option<HealthState>> {
        if self.info.runs_health_checks {
            return Ok(None);
        }
        self.call(Call::RunEngineCheck, &self.name_of(id), |state| state.check(id)).await
    }

    /// It runs them itself.
    async fn unattended_checks(&self) -> Result<Vec<ContainerId>> {
        Ok(Vec::new())
    }

    async fn logs(&self, id: &ContainerId, _options: &LogOptions) -> Result<LogStream> {
        let name = self.name_of(id);
        let output =
            self.call(Call::Logs, &name, |state| Ok(state.container(id)?.behaviour.output.clone())).await?;
        Ok(exec::once(output))
    }

    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecIo> {
        let argv = Argv(request.argv.clone());
        self.call(Call::Exec, &self.name_of(id), |state| state.exec(id, &argv)).await
    }

    async fn resize_exec(&self, _exec_id: &str, _size: TerminalSize) -> Result<()> {
        Ok(())
    }

    async fn exec_exit_code(&self, exec_id: &str) -> Result<Option<i64>> {
        Ok(self.state().execs.get(exec_id).copied())
    }

    async fn wait(&self, id: &ContainerId) -> Result<ExitStatus> {
        let name = self.name_of(id);
        loop {
            let seen = self
                .call(Call::Wait, &name, |state| {
                    let container = state.container(id)?;
                    Ok((container.state, container.exit_code))
                })
                .await?;
            match seen {
                (RunState::Running | RunState::Paused, _) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                (_, code) => return Ok(ExitStatus { code }),
            }
        }
    }
}
