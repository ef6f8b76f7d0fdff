//! The state of the in-memory engine, and the rules that both engines share.

use super::{
    behaviour::{Argv, Behaviour, Life, Script},
    build::Built,
    exec,
    fault::{Call, Effect, Fault},
};
use crate::proxy::Moment;
use devarch_core::{
    id::{ContainerId, ImageId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::{HealthState, ImageInfo, ObservedContainer, ObservedNetwork, RunState},
    secret::Secret,
    spec::{CreateContainer, FileSpec, MountFrom, NetworkSpec},
    subnet::overlap,
};
use devarch_engine::{EngineErrorKind as Kind, ExecIo, Inspection, ProbeResult};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};
use tokio::sync::Notify;

/// Why a call is refused.
pub(super) type Refusal = (Kind, String);
type Result<T> = std::result::Result<T, Refusal>;

#[derive(Clone)]
pub(super) struct MemoryState {
    pub(super) script: Script,
    pub(super) images: BTreeMap<String, ImageInfo>,
    pub(super) registry: BTreeMap<String, ImageInfo>,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    pub(super) networks: Vec<ObservedNetwork>,
    pub(super) volumes: BTreeMap<String, BTreeMap<String, String>>,
    /// Contents of volumes.
    pub(super) contents: BTreeMap<String, String>,
    pub(super) occupied: BTreeSet<u16>,
    pub(super) execs: BTreeMap<String, i64>,
    pub(super) faults: Vec<Fault>,
    pub(super) breaks: Option<Break>,
    pub(super) changes: Vec<String>,
    created: u64,
}

/// A call that fails, by the number of changing calls left until it.
#[derive(Clone)]
pub(super) struct Break {
    pub(super) calls_left: usize,
    pub(super) effect: Effect,
    pub(super) notify: Arc<Notify>,
}

#[derive(Clone)]
pub(super) struct Container {
    pub(super) name: ContainerName,
    pub(super) request: CreateContainer,
    pub(super) files: BTreeMap<String, FileSpec>,
    pub(super) behaviour: Behaviour,
    pub(super) state: RunState,
    pub(super) exit_code: i64,
    image: ImageId,
    networks: BTreeMap<String, Ipv4Addr>,
    error: String,
    probes: u32,
    starts: u32,
}

impl Container {
    fn runs(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    fn volumes(&self) -> BTreeSet<String> {
        let mounts = self.request.spec.mounts.iter();
        mounts
            .filter_map(|mount| match &mount.source {
                MountFrom::Volume(name) => Some(name.to_string()),
                MountFrom::Bind(_) => None,
            })
            .collect()
    }
}

fn not_found<T>(kind: Kind, message: impl Into<String>) -> Result<T> {
    Err((kind, message.into()))
}

impl MemoryState {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            images: BTreeMap::new(),
            registry: BTreeMap::new(),
            containers: BTreeMap::new(),
            networks: Vec::new(),
            volumes: BTreeMap::new(),
            contents: BTreeMap::new(),
            occupied: BTreeSet::new(),
            execs: BTreeMap::new(),
            faults: Vec::new(),
            breaks: None,
            changes: Vec::new(),
            created: 0,
        }
    }

    /// Records a call and returns how it fails, if it does.
    pub(super) fn begin(&mut self, call: Call, name: &str) -> Option<Effect> {
        if call.changes() {
            self.changes.push(format!("{call:?} {name}"));
            if let Some(effect) = self.next_break() {
                return Some(effect);
            }
        }
        let hit = |fault: &Fault| fault.call == call && name.contains(&fault.on) && fault.times > 0;
        let fault = self.faults.iter_mut().find(|fault| hit(fault))?;
        fault.times -= 1;
        Some(fault.effect.clone())
    }

    fn next_break(&mut self) -> Option<Effect> {
        let breaks = self.breaks.as_mut()?;
        breaks.calls_left = breaks.calls_left.saturating_sub(1);
        if breaks.calls_left > 0 {
            return None;
        }
        breaks.notify.notify_one();
        match &breaks.effect {
            // A process that was killed at a call makes no other.
            Effect::Hangs(_) => Some(std::mem::replace(&mut breaks.effect, Effect::Hangs(Moment::Before))),
            _ => self.breaks.take().map(|breaks| breaks.effect),
        }
    }

    fn next_id(&mut self) -> String {
        self.created += 1;
        format!("{:012x}", self.created)
    }

    pub(super) fn container(&mut self, id: &ContainerId) -> Result<&mut Container> {
        match self.containers.get_mut(id) {
            Some(container) => Ok(container),
            None => not_found(Kind::NotFound, format!("no such container: {id}")),
        }
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Container> {
        self.containers.values().find(|container| container.name.as_str() == name)
    }

    pub(super) fn network_name(&self, id: &NetworkId) -> Option<String> {
        let network = self.networks.iter().find(|network| network.id == *id)?;
        Some(network.name.clone())
    }

    fn named(&self, name: &str) -> Result<&ObservedNetwork> {
        match self.networks.iter().find(|network| network.name == name) {
            Some(network) => Ok(network),
            None => not_found(Kind::NotFound, format!("network {name} not found")),
        }
    }

    pub(super) fn pull(&mut self, reference: &str) -> Result<ImageInfo> {
        let Some(image) = self.registry.get(reference).cloned() else {
            return not_found(Kind::NoImage, "manifest unknown");
        };
        self.images.insert(reference.to_owned(), image.clone());
        Ok(image)
    }

    /// The image of that name or id.
    fn image(&self, image: &str) -> Option<&ImageInfo> {
        self.images.get(image).or_else(|| self.images.values().find(|it| it.id.as_str() == image))
    }

    pub(super) fn tag_image(&mut self, image: &str, name: &str) -> Result<()> {
        let Some(found) = self.image(image).cloned() else {
            return not_found(Kind::NoImage, format!("no such image: {image}"));
        };
        self.images.insert(name.to_owned(), found);
        Ok(())
    }

    /// Base images are obtained like those of a real engine: absent ones are pulled.
    pub(super) fn build(&mut self, tags: &[String], built: Result<Built>) -> Result<ImageInfo> {
        let built = built?;
        for base in &built.bases {
            if !self.images.contains_key(base) {
                self.pull(base)?;
            }
        }
        for tag in tags {
            self.images.insert(tag.clone(), built.image.clone());
        }
        Ok(built.image)
    }

    pub(super) fn create_network(
        &mut self,
        spec: &NetworkSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<NetworkId> {
        if self.named(spec.name.as_str()).is_ok() {
            return not_found(Kind::NameTaken, format!("network {} already exists", spec.name));
        }
        let mut taken = self.networks.iter().flat_map(|network| &network.subnets);
        if taken.any(|subnet| overlap(subnet, &spec.subnet)) {
            return not_found(Kind::SubnetTaken, format!("{} overlaps", spec.subnet));
        }
        let id = NetworkId::new(self.next_id());
        self.networks.push(ObservedNetwork {
            id: id.clone(),
            name: spec.name.to_string(),
            labels: labels.clone(),
            subnets: vec![spec.subnet],
        });
        Ok(id)
    }

    /// Like Docker: a stopped container does not keep its network.
    pub(super) fn remove_network(&mut self, id: &NetworkId) -> Result<()> {
        let Some(name) = self.network_name(id) else {
            return Ok(());
        };
        let used = |container: &Container| container.runs() && container.networks.contains_key(&name);
        if self.containers.values().any(used) {
            return not_found(Kind::InUse, format!("network {name} has active endpoints"));
        }
        self.networks.retain(|network| network.id != *id);
        Ok(())
    }

    pub(super) fn connect(
        &mut self,
        network: &NetworkName,
        id: &ContainerId,
        address: Ipv4Addr,
    ) -> Result<()> {
        self.named(network.as_str())?;
        let container = self.container(id)?;
        if container.networks.contains_key(network.as_str()) {
            return not_found(Kind::NameTaken, "endpoint already exists");
        }
        container.networks.insert(network.to_string(), address);
        Ok(())
    }

    pub(super) fn disconnect(&mut self, network: &NetworkName, id: &ContainerId) {
        if let Ok(container) = self.container(id) {
            container.networks.remove(network.as_str());
        }
    }

    pub(super) fn remove_volume(&mut self, name: &PhysicalVolume) -> Result<()> {
        if self.containers.values().any(|container| container.volumes().contains(name.as_str())) {
            return not_found(Kind::InUse, "volume is in use");
        }
        self.volumes.remove(name.as_str());
        self.contents.remove(name.as_str());
        Ok(())
    }

    pub(super) fn copy_volume(&mut self, from: &str, to: &str, image: &str) -> Result<()> {
        if from == to {
            return not_found(Kind::InUse, "they are the same volume");
        }
        if let Some(missing) = [from, to].into_iter().find(|name| !self.volumes.contains_key(*name)) {
            return not_found(Kind::NotFound, format!("volume {missing} not found"));
        }
        if self.running().any(|container| container.volumes().contains(to)) {
            return not_found(Kind::InUse, format!("a container runs with volume {to}"));
        }
        if self.image(image).is_none() {
            return not_found(Kind::NoImage, format!("there is no image {image}"));
        }
        let content = self.contents.get(from).cloned().unwrap_or_default();
        self.contents.insert(to.to_owned(), content);
        Ok(())
    }

    pub(super) fn create_container(&mut self, request: &CreateContainer) -> Result<ContainerId> {
        if self.by_name(request.name.as_str()).is_some() {
            return not_found(Kind::NameTaken, "the container name is already in use");
        }
        let Some(found) = self.images.get(request.spec.image_reference()) else {
            return not_found(Kind::NoImage, format!("no such image: {}", request.spec.image_reference()));
        };
        let (image, mut request) = (found.id.clone(), request.clone());
        request.labels = found.labels.clone().into_iter().chain(request.labels).collect();
        let place = request.spec.network.iter();
        let container = Container {
            name: request.name.clone(),
            files: BTreeMap::new(),
            behaviour: (self.script)(&request),
            state: RunState::Created,
            exit_code: 0,
            image,
            networks: place.map(|place| (place.name.to_string(), place.address)).collect(),
            error: String::new(),
            probes: 0,
            starts: 0,
            request,
        };
        for volume in container.volumes() {
            self.volumes.entry(volume).or_default();
        }
        let id = ContainerId::new(self.next_id());
        self.containers.insert(id.clone(), container);
        Ok(id)
    }

    pub(super) fn start(&mut self, id: &ContainerId) -> Result<()> {
        if self.container(id)?.runs() {
            return Ok(());
        }
        if self.container(id)?.state == RunState::Stuck {
            return not_found(
                Kind::Stuck,
                "container state improper: it must be created or stopped to be started",
            );
        }
        let done = self.may_start(id);
        let container = self.container(id)?;
        if let Err((kind, message)) = done {
            container.error.clone_from(&message);
            return not_found(kind, message);
        }
        container.starts += 1;
        container.probes = 0;
        (container.state, container.exit_code) = match container.behaviour.life {
            Life::Runs(_) => (RunState::Running, 0),
            Life::Exits(code) => (RunState::Exited, code),
            Life::CannotStart => return not_found(Kind::CannotRun, "executable file not found"),
        };
        Ok(())
    }

    fn may_start(&self, id: &ContainerId) -> Result<()> {
        let Some(mine) = self.containers.get(id) else {
            return Ok(());
        };
        for (network, address) in &mine.networks {
            self.named(network)?;
            let taken = self.running().any(|other| other.networks.get(network) == Some(address));
            if taken {
                return not_found(Kind::AddressTaken, format!("{address} is taken"));
            }
        }
        for port in &mine.request.spec.ports {
            let mut theirs = self.running().flat_map(|other| &other.request.spec.ports);
            let mine = port.socket();
            if self.occupied.contains(&port.host_port) || theirs.any(|other| mine.overlaps(&other.socket())) {
                return not_found(Kind::PortTaken, format!("port {} is already allocated", port.host_port));
            }
        }
        Ok(())
    }

    fn running(&self) -> impl Iterator<Item = &Container> {
        self.containers.values().filter(|container| container.runs())
    }

    pub(super) fn stop(&mut self, id: &ContainerId) -> Result<()> {
        let container = self.container(id)?;
        if container.runs() {
            container.state = RunState::Exited;
            container.exit_code = match container.behaviour.life {
                Life::Runs(code) | Life::Exits(code) => code,
                Life::CannotStart => 127,
            };
        }
        Ok(())
    }

    pub(super) fn end(&mut self, name: &str, code: i64) {
        for container in self.containers.values_mut() {
            if container.name.as_str() == name && container.runs() {
                container.state = RunState::Exited;
                container.exit_code = code;
            }
        }
    }

    pub(super) fn stick(&mut self, name: &str) {
        for container in self.containers.values_mut().filter(|container| container.name.as_str() == name) {
            container.state = RunState::Stuck;
        }
    }

    pub(super) fn rename(&mut self, id: &ContainerId, name: &ContainerName) -> Result<()> {
        if self.by_name(name.as_str()).is_some() {
            return not_found(Kind::NameTaken, format!("the name {name} is already in use"));
        }
        self.container(id)?.name = name.clone();
        Ok(())
    }

    pub(super) fn remove_container(&mut self, id: &ContainerId) -> Result<()> {
        if self.containers.get(id).is_some_and(Container::runs) {
            return not_found(Kind::InUse, "cannot remove a running container");
        }
        self.containers.remove(id);
        Ok(())
    }

    /// No time passes between runs, so they end alike unless a script says otherwise.
    pub(super) fn probe(&mut self, id: &ContainerId, argv: &Argv, runs: u32) -> Result<ProbeResult> {
        let container = self.container(id)?;
        if !container.runs() {
            return not_found(Kind::Other, "container is not running");
        }
        if container.behaviour.failing_probes > 0 {
            container.probes += runs;
            let passes = container.probes > container.behaviour.failing_probes;
            return Ok(ProbeResult {
                exit_code: Some(i64::from(!passes)),
                output: String::new(),
                unfinished: None,
            });
        }
        let behaviour = argv.behaviour();
        let exit_code = match behaviour.life {
            Life::Exits(code) => Some(code),
            Life::Runs(_) => None,
            Life::CannotStart => Some(126),
        };
        Ok(ProbeResult { exit_code, output: behaviour.output, unfinished: None })
    }

    /// One check as the engine does it; the first failure makes the container unhealthy.
    pub(super) fn check(&mut self, id: &ContainerId) -> Result<Option<HealthState>> {
        let Some(check) = self.container(id)?.request.spec.healthcheck.clone() else {
            return not_found(Kind::Other, "no defined healthcheck");
        };
        let passed = self.probe(id, &Argv(check.test.to_argv()), 1)?.exit_code == Some(0);
        Ok(Some(if passed { HealthState::Healthy } else { HealthState::Unhealthy }))
    }

    pub(super) fn exec(&mut self, id: &ContainerId, argv: &Argv) -> Result<ExecIo> {
        if !self.container(id)?.runs() {
            return not_found(Kind::Other, "container is not running");
        }
        let behaviour = argv.behaviour();
        let exec = self.next_id();
        let code = match behaviour.life {
            Life::Runs(code) | Life::Exits(code) => code,
            Life::CannotStart => 126,
        };
        self.execs.insert(exec.clone(), code);
        Ok(exec::ended(exec, behaviour.output))
    }

    pub(super) fn environment(&self, id: &ContainerId) -> BTreeMap<String, Secret> {
        let container = self.containers.get(id);
        let variables = container.into_iter().flat_map(|container| &container.request.spec.environment);
        variables.map(|(name, value)| (name.clone(), Secret::new(value.reveal()))).collect()
    }

    pub(super) fn inspect(&self, id: &ContainerId) -> Option<Inspection> {
        let container = self.containers.get(id)?;
        let time = |reached: bool| if reached { "2026-01-01T00:00:00Z" } else { "" }.to_owned();
        Some(Inspection {
            state: container.state,
            exit_code: container.exit_code,
            out_of_memory: false,
            error: container.error.clone(),
            restarting: false,
            restarts: 0,
            started_at: time(container.starts > 0),
            finished_at: time(container.state == RunState::Exited),
            health: health(container),
            last_check: None,
            image_id: container.image.clone(),
        })
    }

    pub(super) fn list(&self) -> Vec<ObservedContainer> {
        self.containers.iter().map(|(id, container)| listed(id, container)).collect()
    }
}

/// A container with a check is healthy once it would pass a probe.
fn health(container: &Container) -> Option<HealthState> {
    container.request.spec.healthcheck.as_ref().filter(|_| container.runs())?;
    let waits = container.probes < container.behaviour.failing_probes;
    Some(if waits { HealthState::Starting } else { HealthState::Healthy })
}

fn listed(id: &ContainerId, container: &Container) -> ObservedContainer {
    let ports = container.request.spec.ports.iter().filter(|_| container.runs());
    ObservedContainer {
        id: id.clone(),
        name: container.name.clone(),
        labels: container.request.labels.clone(),
        image_id: container.image.clone(),
        image: container.request.spec.image_reference().to_owned(),
        state: container.state,
        restarting: false,
        status: format!("{:?} ({})", container.state, container.exit_code),
        exit_code: (container.state == RunState::Exited).then_some(container.exit_code),
        health: health(container),
        networks: container
            .networks
            .iter()
            .map(|(name, address)| (name.clone(), container.runs().then_some((*address).into())))
            .collect(),
        ports: ports.cloned().collect(),
        volumes: container.volumes(),
    }
}
