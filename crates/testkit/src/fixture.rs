//! What every test of an engine needs: the engine, its own scope, and helpers to create objects.

use crate::{outside, scope::Scope};
use devarch_core::{
    id::{ContainerId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::ObservedContainer,
    port::{PortKey, Protocol},
    spec::{Attachment, ContainerSpec, CreateContainer, Mount, MountFrom, NetworkSpec, PublishedPort, label},
    text::Text,
    unit::Millis,
};
use devarch_engine::{Engine, ExecRequest};
use futures_util::StreamExt;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// An image every engine under test has: busybox.
pub const IMAGE: &str = "busybox:1.37";

/// An engine and a test's corner of it.
pub struct Fixture {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Provides names and subnets, and cleans up.
    pub scope: Scope,
}

/// A container that runs until it is stopped.
pub const RUNS: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"];

/// How a command in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit code.
    pub code: i64,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Fixture {
    /// With that engine, in that corner.
    pub fn new(engine: Arc<dyn Engine>, scope: Scope) -> Self {
        Self { engine, scope }
    }

    /// A request for a container without a network.
    pub fn request(&self, name: &str, argv: &[&str]) -> CreateContainer {
        CreateContainer {
            name: ContainerName::from_stored(self.scope.name(name)),
            spec: spec(argv),
            labels: self.scope.labels(),
        }
    }

    /// A request for a container in that network, at the host number `host` of its subnet.
    pub fn attached(&self, name: &str, argv: &[&str], to: &NetworkSpec, host: u32) -> CreateContainer {
        let mut request = self.request(name, argv);
        request.spec.network_mode = None;
        request.spec.network = Some(Attachment {
            name: to.name.clone(),
            address: address(to, host),
            aliases: vec![name.to_owned()],
        });
        request
    }

    /// Creates a network.
    pub async fn network(&self, name: &str, which: u32) -> (NetworkSpec, NetworkId) {
        let spec =
            NetworkSpec::of_stack(NetworkName::from_stored(self.scope.name(name)), self.scope.subnet(which));
        let id = self.engine.create_network(&spec, &self.scope.labels()).await.expect("a network");
        (spec, id)
    }

    /// Creates a network like a stack's.
    pub async fn stack_network(&self, name: &str, which: u32) -> NetworkSpec {
        let spec =
            NetworkSpec::of_stack(NetworkName::from_stored(self.scope.name(name)), self.scope.subnet(which));
        let mut labels = self.scope.labels();
        labels.insert(label::STORE_ID.to_owned(), self.scope.name("store"));
        self.engine.create_network(&spec, &labels).await.expect("a network");
        spec
    }

    /// How many containers are on a network as the engine reports it, running or not.
    pub async fn on_network(&self, network: &NetworkSpec) -> usize {
        let path =
            format!("/containers/json?all=true&filters=%7B%22network%22%3A%5B%22{}%22%5D%7D", network.name);
        outside::get(&self.engine.info().endpoint, &path).await.as_array().map_or(0, Vec::len)
    }

    /// Creates a volume.
    pub async fn volume(&self, name: &str) -> PhysicalVolume {
        let name = PhysicalVolume::from_stored(self.scope.name(name));
        self.engine.create_volume(&name, &self.scope.labels()).await.expect("a volume");
        name
    }

    /// Creates a container.
    pub async fn create(&self, request: &CreateContainer) -> ContainerId {
        self.engine.create_container(request).await.expect("a container")
    }

    /// Creates a container and starts it.
    pub async fn run(&self, request: &CreateContainer) -> ContainerId {
        let id = self.create(request).await;
        self.engine.start(&id).await.expect("it starts");
        id
    }

    /// Stops a container at once.
    pub async fn stop(&self, id: &ContainerId) {
        self.engine.stop(id, Some(Millis(1000))).await.expect("it stops");
    }

    /// A container's list entry.
    pub async fn listed(&self, id: &ContainerId) -> Option<ObservedContainer> {
        let all = self.engine.containers().await.expect("a list");
        all.into_iter().find(|container| container.id == *id)
    }

    /// Runs a shell line in a container.
    pub async fn sh(&self, id: &ContainerId, line: &str) -> Ran {
        let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
        self.exec(id, ExecRequest { argv, ..ExecRequest::default() }).await
    }

    /// Runs a command in a container to its end.
    pub async fn exec(&self, id: &ContainerId, request: ExecRequest) -> Ran {
        let mut io = self.engine.exec(id, &request).await.expect("an exec");
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(chunk) = io.output.next().await {
            let chunk = chunk.expect("output");
            if chunk.stderr { &mut stderr } else { &mut stdout }.extend(chunk.bytes);
        }
        let code = loop {
            if let Some(code) = self.engine.exec_exit_code(&io.id).await.expect("an exec's end") {
                break code;
            }
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// The address with that number in a network.
pub fn address(network: &NetworkSpec, host: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(network.subnet.network()) + host)
}

/// A port of the container's on the loopback of the host.
pub fn published(target: u16, host_port: u16) -> PublishedPort {
    PublishedPort {
        key: PortKey { target, protocol: Protocol::Tcp },
        host_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        host_port,
    }
}

/// A volume at a path.
pub fn mounted(volume: &PhysicalVolume, target: &str) -> Mount {
    Mount { target: target.to_owned(), source: MountFrom::Volume(volume.clone()), read_only: false }
}

/// The least a container needs, without a network.
pub fn spec(argv: &[&str]) -> ContainerSpec {
    ContainerSpec {
        command: Some(argv.iter().copied().map(Text::plain).collect()),
        network_mode: Some("none".to_owned()),
        ..ContainerSpec::new(IMAGE, "test")
    }
}
