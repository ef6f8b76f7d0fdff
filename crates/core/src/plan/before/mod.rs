//! The state of a stack before an apply, which an undo restores.

mod form;

use super::{AppliedSpec, AppliedState};
use crate::{
    desired::Desired,
    id::{ContainerId, InstanceId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName},
    observed::{Observed, ObservedContainer, RunState},
    readiness::Readiness,
    record::Versioned,
    spec::{Attachment, label},
    template::{Dependency, HealthTest, Healthcheck},
};
use form::Form;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The objects of a stack before an apply, as far as they can be restored. Contains no secrets: a container that was
/// kept still has its config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Versioned<Form>", try_from = "serde_json::Value")]
pub struct Before {
    /// The store that owns the stack.
    pub store: StoreId,
    /// The stack.
    pub stack: StackId,
    /// The label that identifies a container's instance.
    pub label: InstanceLabel,
    /// Its containers.
    pub containers: Vec<BeforeContainer>,
    /// Its networks.
    pub networks: BTreeSet<NetworkName>,
    /// The instances of those containers, and those that the apply changes.
    pub instances: BTreeMap<InstanceKey, BeforeInstance>,
}

/// A container before an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeContainer {
    /// The container.
    pub id: ContainerId,
    /// Its name.
    pub name: ContainerName,
    /// The instance it was created for.
    pub instance: Option<InstanceKey>,
    /// The container's run state.
    pub state: RunState,
    /// The networks it was on.
    pub networks: BTreeSet<NetworkName>,
    /// Its connection to the stack's network, if known.
    pub attachment: Option<Attachment>,
    /// The instances it depends on.
    pub depends_on: BTreeMap<InstanceKey, Dependency>,
    /// The condition for being ready; running, if its health check is not known.
    pub readiness: Readiness,
}

/// An instance of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeInstance {
    /// Its name.
    pub name: InstanceName,
    /// The instances it depends on in the current definition, which set the order in which containers that the apply
    /// created are stopped.
    pub needs: BTreeSet<InstanceKey>,
}

/// Identifies an instance: by its id, or in a record of version 1 by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceKey(String);

impl InstanceKey {
    pub(super) fn new(key: &str) -> Self {
        Self(key.to_owned())
    }

    fn of(id: &InstanceId) -> Self {
        Self::new(id.as_str())
    }
}

/// The container label that contains the instance's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceLabel {
    /// The instance's id.
    #[default]
    Id,
    /// The instance's name when the container was created; only in records of version 1.
    Name,
}

impl InstanceLabel {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_id(&self) -> bool {
        *self == Self::Id
    }
}

impl Before {
    /// Returns the key of the instance that a container was created for.
    pub(super) fn instance_of(&self, container: &ObservedContainer) -> Option<InstanceKey> {
        let label = match self.label {
            InstanceLabel::Id => label::INSTANCE_ID,
            InstanceLabel::Name => label::INSTANCE_NAME,
        };
        container.label(label).map(InstanceKey::new)
    }

    /// Returns an instance's name. If the record does not contain the instance, the name is read from the container's
    /// label and is for display only.
    pub(super) fn name_of(
        &self,
        instance: Option<&InstanceKey>,
        container: &ObservedContainer,
    ) -> Option<InstanceName> {
        let known = instance.and_then(|key| self.instances.get(key));
        known.map(|instance| instance.name.clone()).or_else(|| container.instance_then())
    }
}

impl BeforeContainer {
    /// Whether the container was running or paused. An undo can start a paused container, but not pause it again.
    pub fn ran(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    /// Returns the instances it depends on.
    pub(super) fn needs(&self) -> Needs<'_> {
        self.depends_on.keys().collect()
    }
}

/// The dependencies of one instance.
pub(super) type Needs<'a> = BTreeSet<&'a InstanceKey>;

/// Returns the current state of a stack, to be kept until its apply has ended.
pub fn before(desired: &Desired, observed: &Observed, remembered: &AppliedState) -> Before {
    let (ownership, stack) = (&remembered.ownership, desired.stack_id());
    let ours = observed.containers.iter().filter(|container| ownership.is_of(stack, *container));
    let networks = observed.networks.iter().filter(|network| ownership.is_of(stack, *network));
    let known = Known { desired, observed, remembered, keys: keys(desired, ours.clone()) };
    Before {
        store: desired.identity.store.clone(),
        stack: desired.identity.stack.clone(),
        label: InstanceLabel::Id,
        containers: ours.clone().map(|container| known.container(container)).collect(),
        networks: networks.map(|network| NetworkName::from_stored(network.name.clone())).collect(),
        instances: known.instances(ours),
    }
}

/// Returns the keys of instances by name: by their current names, or else by the names in container labels.
fn keys<'a>(
    desired: &Desired,
    ours: impl Iterator<Item = &'a ObservedContainer>,
) -> BTreeMap<InstanceName, InstanceKey> {
    let then = |container: &ObservedContainer| {
        Some((container.instance_then()?, InstanceKey::new(container.label(label::INSTANCE_ID)?)))
    };
    let mut keys: BTreeMap<InstanceName, InstanceKey> = ours.filter_map(then).collect();
    keys.extend(
        desired.instances.iter().map(|(name, instance)| (name.clone(), InstanceKey::of(&instance.id))),
    );
    keys
}

/// Sources for facts about a container beyond its list entry.
struct Known<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    remembered: &'a AppliedState,
    keys: BTreeMap<InstanceName, InstanceKey>,
}

impl Known<'_> {
    /// Returns the defined instances, and those that only have a container.
    fn instances<'c>(
        &self,
        ours: impl Iterator<Item = &'c ObservedContainer>,
    ) -> BTreeMap<InstanceKey, BeforeInstance> {
        let then = |container: &ObservedContainer| {
            let key = InstanceKey::new(container.label(label::INSTANCE_ID)?);
            Some((key, BeforeInstance { name: container.instance_then()?, needs: BTreeSet::new() }))
        };
        let mut instances: BTreeMap<InstanceKey, BeforeInstance> = ours.filter_map(then).collect();
        instances.extend(self.desired.instances.iter().map(|(name, instance)| {
            let needs = self.by_key(&instance.depends_on).into_keys().collect();
            (InstanceKey::of(&instance.id), BeforeInstance { name: name.clone(), needs })
        }));
        instances
    }

    /// Returns dependencies by key. A dependency on an unknown instance is dropped: there is nothing to wait for.
    fn by_key(&self, depends_on: &BTreeMap<InstanceName, Dependency>) -> BTreeMap<InstanceKey, Dependency> {
        let known = |(name, dependency): (&InstanceName, &Dependency)| {
            Some((self.keys.get(name)?.clone(), *dependency))
        };
        depends_on.iter().filter_map(known).collect()
    }

    fn container(&self, container: &ObservedContainer) -> BeforeContainer {
        let hash = container.config_hash();
        let id = container.label(label::INSTANCE_ID).unwrap_or_default();
        let remembered = self.remembered.spec(id, hash);
        // Without a record, the desired spec serves as well if its hash is the container's.
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
        let depends_on: BTreeMap<InstanceName, Dependency> = match (remembered, wished) {
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
            instance: container.label(label::INSTANCE_ID).map(InstanceKey::new),
            state: container.state,
            networks: container.networks.keys().map(NetworkName::from_stored).collect(),
            attachment,
            depends_on: self.by_key(&depends_on),
            readiness,
        }
    }

    /// Returns a container's connection to a network of the stack, as reported by the engine's list.
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

    /// Returns the condition for being ready: the container's own health check, or that of its image if the image
    /// still exists.
    fn readiness(&self, memory: &AppliedSpec, container: &ObservedContainer) -> Readiness {
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

/// Returns a field of a recorded spec, or `None` if the spec does not contain it.
fn field<T: DeserializeOwned>(memory: &AppliedSpec, name: &str) -> Option<T> {
    T::deserialize(memory.spec.get(name)?).ok()
}
