//! What there was of a stack before an apply: what an undo puts back.

use super::{Remembered, RememberedSpec};
use crate::{
    desired::Desired,
    id::{ContainerId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName},
    observed::{Observed, ObservedContainer, RunState},
    readiness::Readiness,
    spec::{Attachment, label},
    template::{Dependency, HealthTest, Healthcheck},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The objects of a stack before an apply, as far as they can be put back. Holds no secret: a container that was kept
/// has its config in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The store that owns the stack.
    pub store: StoreId,
    /// The stack.
    pub stack: StackId,
    /// Its containers.
    pub containers: Vec<BeforeContainer>,
    /// Its networks.
    pub networks: BTreeSet<NetworkName>,
    /// Whom its instances wait for as they are wanted now: what the apply makes is stopped in that order.
    pub wanted: BTreeMap<InstanceName, BTreeSet<InstanceName>>,
}

/// A container before an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeContainer {
    /// The container.
    pub id: ContainerId,
    /// Its name.
    pub name: ContainerName,
    /// The instance it was made for, by its name then: what it waited for is named as of then, too.
    pub instance: Option<InstanceName>,
    /// What it did.
    pub state: RunState,
    /// The networks it was on.
    pub networks: BTreeSet<NetworkName>,
    /// Its place in the stack's network, where that is known.
    pub attachment: Option<Attachment>,
    /// Whom it waited for.
    pub depends_on: BTreeMap<InstanceName, Dependency>,
    /// When it counts as ready; running, where its check is not known.
    pub readiness: Readiness,
}

impl BeforeContainer {
    /// Whether it did its work, or would again once resumed. A paused one counts: an undo can start it, but not put it
    /// back to sleep.
    pub fn ran(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    /// The instances it waited for.
    pub(super) fn needs(&self) -> Needs<'_> {
        self.depends_on.keys().collect()
    }
}

/// The instances one waits for.
pub(super) type Needs<'a> = BTreeSet<&'a InstanceName>;

/// What there is of a stack, to be kept until its apply has ended.
pub fn before(desired: &Desired, observed: &Observed, remembered: &Remembered) -> Before {
    let known = Known { desired, observed, remembered };
    let (ownership, stack) = (&remembered.ownership, desired.stack_id());
    let ours = observed.containers.iter().filter(|container| ownership.is_of(stack, *container));
    let networks = observed.networks.iter().filter(|network| ownership.is_of(stack, *network));
    let needs = |name: &InstanceName| desired.instances[name].depends_on.keys().cloned().collect();
    Before {
        store: desired.identity.store.clone(),
        stack: desired.identity.stack.clone(),
        containers: ours.map(|container| known.container(container)).collect(),
        networks: networks.map(|network| NetworkName::from_stored(network.name.clone())).collect(),
        wanted: desired.instances.keys().map(|name| (name.clone(), needs(name))).collect(),
    }
}

/// What can be known of a container beyond its list entry.
struct Known<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    remembered: &'a Remembered,
}

impl Known<'_> {
    fn container(&self, container: &ObservedContainer) -> BeforeContainer {
        let hash = container.config_hash();
        let id = container.label(label::INSTANCE_ID).unwrap_or_default();
        let remembered = self.remembered.spec(id, hash);
        // Without a memory, the wish is as good where its hash is the container's.
        let wished = self
            .desired
            .instances
            .values()
            .find(|instance| instance.id.as_str() == id && instance.is_made_as(hash))
            .filter(|_| remembered.is_none());
        let attachment = match (remembered, wished) {
            (Some(memory), _) => field(memory, "network"),
            (None, Some(instance)) => instance.spec.network.clone(),
            (None, None) => self.seen(container),
        };
        let depends_on = match (remembered, wished) {
            (Some(memory), _) => field(memory, "depends_on").unwrap_or_default(),
            (None, wished) => wished.map(|instance| instance.depends_on.clone()).unwrap_or_default(),
        };
        let readiness = match (remembered, wished) {
            (Some(memory), _) => self.readiness(memory, container),
            (None, wished) => wished.map_or(Readiness::Running, |instance| instance.readiness.clone()),
        };
        BeforeContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            instance: container.instance_then(),
            state: container.state,
            networks: container.networks.keys().map(NetworkName::from_stored).collect(),
            attachment,
            depends_on,
            readiness,
        }
    }

    /// A place in a network of the stack, as the engine's list tells it.
    fn seen(&self, container: &ObservedContainer) -> Option<Attachment> {
        let (ownership, stack) = (&self.remembered.ownership, self.desired.stack_id());
        let mut networks = self.observed.networks.iter().filter(|network| ownership.is_of(stack, *network));
        networks.find_map(|network| match container.networks.get(&network.name) {
            Some(Some(IpAddr::V4(address))) => Some(Attachment {
                name: NetworkName::from_stored(network.name.clone()),
                address: *address,
                aliases: container.label(label::INSTANCE_NAME).map(str::to_owned).into_iter().collect(),
            }),
            _ => None,
        })
    }

    /// By its own check, or the one of the image it was made from, if that is still there.
    fn readiness(&self, memory: &RememberedSpec, container: &ObservedContainer) -> Readiness {
        if field(memory, "job").unwrap_or(false) {
            return Readiness::Completed;
        }
        let inherited = || {
            let image: String = field(memory, "image")?;
            let image = self.observed.images.get(&image).filter(|image| image.id == container.image_id)?;
            image.healthcheck.clone()
        };
        match field::<Healthcheck>(memory, "healthcheck").or_else(inherited) {
            Some(check) if check.test != HealthTest::None => Readiness::Healthy(check),
            _ => Readiness::Running,
        }
    }
}

/// A field of a remembered spec; `None` where it is not in it.
fn field<T: DeserializeOwned>(memory: &RememberedSpec, name: &str) -> Option<T> {
    T::deserialize(memory.spec.get(name)?).ok()
}
