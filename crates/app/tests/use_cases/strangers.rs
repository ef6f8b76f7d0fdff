//! Unmanaged objects on the engine: DevArch must not touch them.

use crate::harness::Sandbox;
use devarch_core::{
    id::{ContainerId, NetworkId},
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::RunState,
    spec::{CreateContainer, NetworkSpec, label},
};
use devarch_engine::Engine as _;
use devarch_testkit::fixture::{RUNS, spec};
use std::collections::BTreeMap;

const CONTAINER: &str = "their-container";
const NETWORK: &str = "their-network";
const VOLUME: &str = "their-volume";

/// A running container, a network and a volume with data, all with the labels of a stack's own objects if it has some.
pub(crate) struct Strangers {
    container: ContainerId,
    network: NetworkId,
}

impl Strangers {
    /// Creates them.
    pub(crate) async fn beside(sandbox: &Sandbox) -> Self {
        let objects = sandbox.objects().await;
        let labels = |all: &mut dyn Iterator<Item = &BTreeMap<String, String>>| {
            let mut labelled = all.filter(|labels| labels.contains_key(label::STACK_ID));
            labelled.next().cloned().unwrap_or_default()
        };
        let request = CreateContainer {
            name: ContainerName::from_stored(CONTAINER),
            spec: spec(&RUNS),
            labels: labels(&mut objects.containers.values().map(|container| &container.labels)),
        };
        let container = sandbox.engine.create_container(&request).await.unwrap();
        sandbox.engine.start(&container).await.unwrap();
        let network =
            NetworkSpec::of_stack(NetworkName::from_stored(NETWORK), "10.99.0.0/26".parse().unwrap());
        let of_network = labels(&mut objects.networks.values().map(|network| &network.labels));
        let network = sandbox.engine.create_network(&network, &of_network).await.unwrap();
        let of_volume = labels(&mut objects.volumes.values().map(|(labels, _)| labels));
        sandbox.engine.create_volume(&PhysicalVolume::from_stored(VOLUME), &of_volume).await.unwrap();
        sandbox.engine.write_volume(VOLUME, "theirs");
        Self { container, network }
    }

    /// Asserts that each is as it was created.
    pub(crate) async fn are_untouched(&self, sandbox: &Sandbox, at: &str) {
        let objects = sandbox.objects().await;
        let container = objects.containers.get(CONTAINER).map(|container| (&container.id, container.state));
        assert_eq!(container, Some((&self.container, RunState::Running)), "{at}");
        let network = objects.networks.get(NETWORK).map(|network| &network.id);
        assert_eq!(network, Some(&self.network), "{at}");
        let volume = objects.volumes.get(VOLUME).map(|(_, content)| content.as_str());
        assert_eq!(volume, Some("theirs"), "{at}");
    }

    /// Returns whether an object has one of their names.
    pub(crate) fn own(name: &str) -> bool {
        [CONTAINER, NETWORK, VOLUME].contains(&name)
    }
}
