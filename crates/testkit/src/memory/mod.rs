//! An engine in memory: names, networks, addresses, ports, volumes and states behave as the real ones' do (the same
//! contract holds it to that), what images do is scripted, calls can be made to fail, and every call is written down.

mod behaviour;
mod build;
mod exec;
mod fault;
mod world;

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
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use world::{Break, World};

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

/// The engine. It has the image [`crate::fixture::IMAGE`], whose behaviour is [`busybox`].
pub struct MemoryEngine {
    info: EngineInfo,
    world: Mutex<World>,
}

/// Everything on an engine at one moment.
#[derive(Clone)]
pub struct Snapshot(World);

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

impl MemoryEngine {
    /// With nothing in it but the image.
    pub fn new() -> Self {
        let engine = Self {
            info: EngineInfo {
                kind: EngineKind::Docker,
                version: "99.0".to_owned(),
                api_version: "1.99".to_owned(),
                endpoint: "memory://".to_owned(),
                rootless: false,
                locality: Locality::Host,
                runs_health_checks: true,
                lowest_port: 0,
            },
            world: Mutex::new(World::new(Arc::new(busybox))),
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
        self.world().script = Arc::new(script);
    }

    /// Puts an image there, or moves a tag.
    pub fn add_image(&self, name: &str, image: ImageInfo) {
        self.world().images.insert(name.to_owned(), image);
    }

    /// Lets an image be had by pulling.
    pub fn add_to_registry(&self, name: &str, image: ImageInfo) {
        self.world().registry.insert(name.to_owned(), image);
    }

    /// Makes calls fail from now on.
    pub fn inject(&self, fault: Fault) {
        self.world().faults.push(fault);
    }

    /// Makes the `nth` call from now on (1: the next one) that changes something fail, whatever it is. What is returned is
    /// told when that call is made. Where it hangs, those after it hang as well: whoever then drops the future that
    /// called has been killed at that very call.
    pub fn break_at(&self, nth: usize, effect: Effect) -> Arc<Notify> {
        let told = Arc::new(Notify::new());
        self.world().breaks = Some(Break { calls_left: nth, effect, told: Arc::clone(&told) });
        told
    }

    /// Lets every call end again.
    pub fn mend(&self) {
        let mut world = self.world();
        world.faults.clear();
        world.breaks = None;
    }

    /// Copies everything on the engine: objects, images, contents, and the faults that are still to come.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.world().clone())
    }

    /// Replaces everything on the engine by what a snapshot holds.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.world().clone_from(&snapshot.0);
    }

    /// Puts something into a volume, as a program would.
    pub fn write_volume(&self, name: &str, content: &str) {
        self.world().contents.insert(name.to_owned(), content.to_owned());
    }

    /// Whether there is a volume of that name.
    pub fn has_volume(&self, name: &str) -> bool {
        self.world().volumes.contains_key(name)
    }

    /// What is in a volume; empty where nothing is.
    pub fn volume_content(&self, name: &str) -> String {
        self.world().contents.get(name).cloned().unwrap_or_default()
    }

    /// Takes a port of the host, as another process would.
    pub fn occupy_port(&self, port: u16) {
        self.world().occupied.insert(port);
    }

    /// Ends a running container from within.
    pub fn end(&self, name: &str, code: i64) {
        self.world().end(name, code);
    }

    /// Leaves a container as an engine does whose stop of it never ended: it can be removed, and nothing else.
    pub fn stick(&self, name: &str) {
        self.world().stick(name);
    }

    /// The files that were put into a container.
    pub fn files(&self, name: &str) -> BTreeMap<String, FileSpec> {
        self.world().by_name(name).map(|container| container.files.clone()).unwrap_or_default()
    }

    /// What a container was made from.
    pub fn request(&self, name: &str) -> Option<CreateContainer> {
        self.world().by_name(name).map(|container| container.request.clone())
    }

    /// The calls that change something, in order: `start devarch-shop-db`. Reading is left out.
    pub fn changes(&self) -> Vec<String> {
        self.world().changes.clone()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call about the object of that name: written down, failing as injected, done.
    async fn call<T>(
        &self,
        call: Call,
        name: &str,
        act: impl FnOnce(&mut World) -> std::result::Result<T, world::Refusal>,
    ) -> Result<T> {
        let action = format!("{call:?} {name}");
        let cut = || EngineError::new(&action, Kind::Uncertain, "the connection was cut");
        let effect = self.world().begin(call, name);
        match effect {
            None => {}
            Some(Effect::TakesTime) => tokio::task::yield_now().await,
            Some(Effect::Refused(kind)) => {
                return Err(EngineError::new(action, kind, "injected"));
            }
            Some(Effect::CutBefore) => return Err(cut()),
            Some(Effect::CutAfter) => {
                let _ = act(&mut self.world());
                return Err(cut());
            }
            Some(Effect::Hangs(moment)) => {
                if moment == Moment::After {
                    let _ = act(&mut self.world());
                }
                return std::future::pending().await;
            }
        }
        let done = act(&mut self.world());
        done.map_err(|(kind, message)| EngineError::new(action, kind, message))
    }

    fn name_of(&self, id: &ContainerId) -> String {
        let world = self.world();
        let known = world.containers.get(id).map(|container| container.name.to_string());
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
        self.call(Call::Containers, "", |world| Ok(world.list())).await
    }

    async fn networks(&self) -> Result<Vec<ObservedNetwork>> {
        self.call(Call::Networks, "", |world| Ok(world.networks.clone())).await
    }

    async fn volumes(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        self.call(Call::Volumes, "", |world| Ok(world.volumes.clone())).await
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>> {
        self.call(Call::Image, reference, |world| Ok(world.images.get(reference).cloned())).await
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Option<Inspection>> {
        self.call(Call::Inspect, &self.name_of(id), |world| Ok(world.inspect(id))).await
    }

    async fn environment(&self, id: &ContainerId) -> Result<BTreeMap<String, Secret>> {
        self.call(Call::Inspect, &self.name_of(id), |world| Ok(world.environment(id))).await
    }

    async fn pull_image(
        &self,
        reference: &str,
        _platform: Option<&str>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<ImageInfo> {
        progress(PullProgress { status: format!("Pulling {reference}"), ..PullProgress::default() });
        self.call(Call::PullImage, reference, |world| world.pull(reference)).await
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<ImageInfo> {
        let built = build::build(request, progress);
        let name = request.tags.join(" and ");
        self.call(Call::BuildImage, &name, |world| world.build(&request.tags, built)).await
    }

    async fn tag_image(&self, image: &str, name: &str) -> Result<()> {
        self.call(Call::TagImage, &format!("{image} {name}"), |world| world.tag_image(image, name)).await
    }

    async fn create_network(
        &self,
        spec: &NetworkSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<NetworkId> {
        let name = spec.name.as_str();
        self.call(Call::CreateNetwork, name, |world| world.create_network(spec, labels)).await
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<()> {
        let name = self.world().network_name(id).unwrap_or_else(|| id.to_string());
        self.call(Call::RemoveNetwork, &name, |world| world.remove_network(id)).await
    }

    async fn connect(
        &self,
        network: &NetworkName,
        container: &ContainerId,
        address: Ipv4Addr,
        _aliases: &[String],
    ) -> Result<()> {
        let name = self.name_of(container);
        self.call(Call::Connect, &name, |world| world.connect(network, container, address)).await
    }

    async fn disconnect(&self, network: &NetworkName, container: &ContainerId) -> Result<()> {
        let name = self.name_of(container);
        self.call(Call::Disconnect, &name, |world| {
            world.disconnect(network, container);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, name: &PhysicalVolume, labels: &BTreeMap<String, String>) -> Result<()> {
        self.call(Call::CreateVolume, name.as_str(), |world| {
            world.volumes.entry(name.to_string()).or_insert_with(|| labels.clone());
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, name: &PhysicalVolume) -> Result<()> {
        self.call(Call::RemoveVolume, name.as_str(), |world| world.remove_volume(name)).await
    }

    async fn copy_volume(&self, from: &PhysicalVolume, to: &PhysicalVolume, image: &str) -> Result<()> {
        let names = format!("{from} {to}");
        self.call(Call::CopyVolume, &names, |world| world.copy_volume(from.as_str(), to.as_str(), image))
            .await
    }

    async fn create_container(&self, request: &CreateContainer) -> Result<ContainerId> {
        let name = request.name.as_str();
        self.call(Call::CreateContainer, name, |world| world.create_container(request)).await
    }

    async fn put_files(
        &self,
        id: &ContainerId,
        files: &BTreeMap<String, FileSpec>,
        contents: &dyn Contents,
    ) -> Result<()> {
        let files = with_contents(files, contents).await?;
        self.call(Call::PutFiles, &self.name_of(id), |world| {
            world.container(id)?.files.extend(files);
            Ok(())
        })
        .await
    }

    async fn start(&self, id: &ContainerId) -> Result<()> {
        self.call(Call::Start, &self.name_of(id), |world| world.start(id)).await
    }

    async fn stop(&self, id: &ContainerId, _grace: Option<Millis>) -> Result<()> {
        self.call(Call::Stop, &self.name_of(id), |world| world.stop(id)).await
    }

    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<()> {
        let was = self.name_of(id);
        self.call(Call::Rename, &format!("{was} {name}"), |world| world.rename(id, name)).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.call(Call::RemoveContainer, &self.name_of(id), |world| world.remove_container(id)).await
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
        self.call(Call::Probe, &self.name_of(id), |world| world.probe(id, &argv, runs)).await
    }

    async fn run_engine_check(&self, id: &ContainerId) -> Result<Option<HealthState>> {
        if self.info.runs_health_checks {
            return Ok(None);
        }
        self.call(Call::RunEngineCheck, &self.name_of(id), |world| world.check(id)).await
    }

    /// It runs them itself.
    async fn unattended_checks(&self) -> Result<Vec<ContainerId>> {
        Ok(Vec::new())
    }

    async fn logs(&self, id: &ContainerId, _options: &LogOptions) -> Result<LogStream> {
        let name = self.name_of(id);
        let output =
            self.call(Call::Logs, &name, |world| Ok(world.container(id)?.behaviour.output.clone())).await?;
        Ok(exec::once(output))
    }

    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecIo> {
        let argv = Argv(request.argv.clone());
        self.call(Call::Exec, &self.name_of(id), |world| world.exec(id, &argv)).await
    }

    async fn resize_exec(&self, _exec_id: &str, _size: TerminalSize) -> Result<()> {
        Ok(())
    }

    async fn exec_exit_code(&self, exec_id: &str) -> Result<Option<i64>> {
        Ok(self.world().execs.get(exec_id).copied())
    }

    async fn wait(&self, id: &ContainerId) -> Result<ExitStatus> {
        let name = self.name_of(id);
        loop {
            let seen = self
                .call(Call::Wait, &name, |world| {
                    let container = world.container(id)?;
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
