//! Determines who owns an object on an engine.
//!
//! Labels alone prove nothing: an image keeps the labels of the container it was committed from and passes them on to
//! its containers. An object belongs to this store if the store recorded its engine id, or if an apply was interrupted
//! after creating it and before recording the id. All other objects are left alone.

use crate::{
    id::{ApplyId, InstanceId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName, StackName},
    observed::{Observed, ObservedContainer, ObservedNetwork},
    spec::label,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume; its id is its name.
    Volume,
}

impl ObjectKind {
    const ALL: [Self; 3] = [Self::Container, Self::Network, Self::Volume];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ObjectKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

/// An object this store created, or was about to create when it last wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedObject {
    /// Its kind.
    pub kind: ObjectKind,
    /// The name it was created under.
    pub name: String,
    /// The engine's id; `None` while the outcome of the creating call is not known.
    pub id: Option<String>,
    /// The stack it was created for.
    pub stack: StackId,
    /// The instance it was created for.
    pub instance: Option<InstanceId>,
    /// The apply that created it.
    pub apply: ApplyId,
    /// The hash of its config, as its label has it.
    pub hash: String,
}

/// A stack whose objects were created by a version of DevArch that recorded no ids. Its objects are recognized by their
/// exact names, labels and config hashes, until the next command that holds the stack's lock records their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnrecordedStack {
    /// The names of its instances' containers.
    pub containers: BTreeMap<InstanceId, ContainerName>,
    /// The config hashes that were applied, also of instances that have been removed since.
    pub applied: BTreeMap<InstanceId, BTreeSet<String>>,
    /// Whether an apply of it was interrupted: then a container may have a temporary name.
    pub interrupted: bool,
}

/// The owner of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This store created it for that stack.
    Stack {
        /// The stack.
        stack: StackId,
        /// The apply that created it.
        apply: Option<ApplyId>,
    },
    /// It has this store's labels, but the store has no record of creating it.
    Unremembered,
    /// It carries the labels of another DevArch home or user.
    OtherStore,
    /// It carries no labels of DevArch.
    NotDevArch,
}

/// An object as an engine lists it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its kind.
    pub kind: ObjectKind,
    /// The engine's id of it.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

impl<'a> Listed<'a> {
    /// A volume, which has no id but its name.
    pub fn volume(name: &'a str, labels: &'a BTreeMap<String, String>) -> Self {
        Self { kind: ObjectKind::Volume, id: name, name, labels }
    }

    fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name).map(String::as_str)
    }

    /// All objects that an engine lists.
    pub fn all(
        containers: &'a [ObservedContainer],
        networks: &'a [ObservedNetwork],
        volumes: &'a BTreeMap<String, BTreeMap<String, String>>,
    ) -> impl Iterator<Item = Self> + Clone {
        let volumes = volumes.iter().map(|(name, labels)| Self::volume(name, labels));
        containers.iter().map(Self::from).chain(networks.iter().map(Self::from)).chain(volumes)
    }

    /// The record of an object that is known to be owned, from its labels; `None` if they lack its stack or apply.
    pub fn to_created(&self) -> Option<CreatedObject> {
        Some(CreatedObject {
            kind: self.kind,
            name: self.name.to_owned(),
            id: Some(self.id.to_owned()),
            stack: StackId::new(self.label(label::STACK_ID)?),
            instance: self.label(label::INSTANCE_ID).map(InstanceId::new),
            apply: ApplyId::new(self.label(label::APPLY_ID)?),
            hash: self.label(label::CONFIG_HASH).unwrap_or_default().to_owned(),
        })
    }

    /// Its description in messages: `container 'my-own'`.
    pub fn called(&self) -> String {
        format!("{} '{}'", self.kind, self.name)
    }
}

impl<'a> From<&'a ObservedContainer> for Listed<'a> {
    fn from(container: &'a ObservedContainer) -> Self {
        Self {
            kind: ObjectKind::Container,
            id: container.id.as_str(),
            name: container.name.as_str(),
            labels: &container.labels,
        }
    }
}

impl<'a> From<&'a ObservedNetwork> for Listed<'a> {
    fn from(network: &'a ObservedNetwork) -> Self {
        Self {
            kind: ObjectKind::Network,
            id: network.id.as_str(),
            name: &network.name,
            labels: &network.labels,
        }
    }
}

/// What was observed on an engine, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What was observed.
    pub observed: &'a Observed,
    /// Whose it is.
    pub ownership: &'a Ownership,
}

/// A store's records of the objects on one engine. Decides who owns an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    store: StoreId,
    created: BTreeMap<(ObjectKind, String), CreatedObject>,
    /// Objects whose creation has an unknown outcome.
    pending: Vec<CreatedObject>,
    unrecorded: BTreeMap<StackId, UnrecordedStack>,
    /// The names of volumes the store has, with the instances recorded with them.
    volumes: BTreeMap<String, BTreeSet<InstanceId>>,
    /// Volumes whose stack or instance was removed, with their last names.
    kept: BTreeMap<String, (StackName, InstanceName)>,
    stacks: BTreeMap<StackId, StackName>,
    instances: BTreeMap<InstanceId, (StackName, InstanceName)>,
}

impl Ownership {
    /// Without any records.
    pub fn new(store: StoreId) -> Self {
        Self {
            store,
            created: BTreeMap::new(),
            pending: Vec::new(),
            unrecorded: BTreeMap::new(),
            volumes: BTreeMap::new(),
            kept: BTreeMap::new(),
            stacks: BTreeMap::new(),
            instances: BTreeMap::new(),
        }
    }

    /// The store of these records.
    pub fn store(&self) -> &StoreId {
        &self.store
    }

    /// Records an object. One with an id replaces a pending one of the same name, and any other that had this id.
    pub fn remember(&mut self, object: CreatedObject) {
        self.pending.retain(|pending| {
            (pending.kind, &pending.name, &pending.apply) != (object.kind, &object.name, &object.apply)
        });
        match &object.id {
            Some(id) => {
                self.created.insert((object.kind, id.clone()), object);
            }
            None => self.pending.push(object),
        }
    }

    /// Records a stack whose objects' ids were never recorded.
    pub fn remember_unrecorded(&mut self, stack: StackId, unrecorded: UnrecordedStack) {
        self.unrecorded.insert(stack, unrecorded);
    }

    /// Records the name of an instance's volume.
    pub fn remember_volume(&mut self, name: impl Into<String>, instance: InstanceId) {
        self.volumes.entry(name.into()).or_default().insert(instance);
    }

    /// Records a volume that was kept when its stack or instance was removed, with their last names.
    pub fn remember_kept_volume(
        &mut self,
        name: impl Into<String>,
        instance: InstanceId,
        stack: StackName,
        last: InstanceName,
    ) {
        let name = name.into();
        self.kept.insert(name.clone(), (stack, last));
        self.remember_volume(name, instance);
    }

    /// Records a stack's current name.
    pub fn remember_stack(&mut self, stack: StackId, name: StackName) {
        self.stacks.insert(stack, name);
    }

    /// Records an instance's current name.
    pub fn remember_instance(&mut self, instance: InstanceId, stack: StackName, name: InstanceName) {
        self.instances.insert(instance, (stack, name));
    }

    /// Whether the ids of a stack's objects are not recorded yet.
    pub fn is_unrecorded(&self, stack: &StackId) -> bool {
        self.unrecorded.contains_key(stack)
    }

    /// Whether this very object is recorded, by its engine id.
    pub fn knows(&self, object: Listed<'_>) -> bool {
        self.created.contains_key(&(object.kind, object.id.to_owned()))
    }

    /// All records of a stack, including pending objects.
    pub fn of_stack<'a>(&'a self, stack: &'a StackId) -> impl Iterator<Item = &'a CreatedObject> {
        self.created.values().chain(&self.pending).filter(move |object| object.stack == *stack)
    }

    /// The stacks with recorded objects.
    pub fn stacks_with_objects(&self) -> BTreeSet<&StackId> {
        self.created.values().chain(&self.pending).map(|object| &object.stack).collect()
    }

    /// A stack's current name; `None` if it no longer exists.
    pub fn stack_name(&self, stack: &StackId) -> Option<&StackName> {
        self.stacks.get(stack)
    }

    /// The instance that has a volume of that name now, by its current name.
    pub fn volume_holder(&self, volume: &str) -> Option<(&InstanceId, &StackName, &InstanceName)> {
        let recorded = self.volumes.get(volume)?;
        recorded.iter().find_map(|id| self.instances.get(id).map(|(stack, name)| (id, stack, name)))
    }

    /// The last names of the stack and the instance that left a volume behind.
    pub fn kept_volume(&self, volume: &str) -> Option<&(StackName, InstanceName)> {
        self.kept.get(volume)
    }

    /// Whether the store has a volume of the container of that name.
    pub fn has_volume_of(&self, container: &str) -> bool {
        let prefix = format!("{container}-");
        self.volumes.range(prefix.clone()..).next().is_some_and(|(name, _)| name.starts_with(&prefix))
    }

    /// The owner of an object.
    pub fn owner<'a>(&self, object: impl Into<Listed<'a>>) -> Owner {
        let object = object.into();
        let key = (object.kind, object.id.to_owned());
        if let Some(created) = self.created.get(&key).filter(|created| created.is(object)) {
            return Owner::Stack { stack: created.stack.clone(), apply: Some(created.apply.clone()) };
        }
        if let Some(created) = self.pending.iter().find(|pending| pending.explains(object)) {
            return Owner::Stack { stack: created.stack.clone(), apply: Some(created.apply.clone()) };
        }
        match object.label(label::STORE_ID) {
            None => Owner::NotDevArch,
            Some(store) if store != self.store.as_str() => Owner::OtherStore,
            Some(_) if self.is_ours_by_name(object) => Owner::Stack {
                stack: StackId::new(object.label(label::STACK_ID).unwrap_or_default()),
                apply: object.label(label::APPLY_ID).map(ApplyId::new),
            },
            Some(_) => Owner::Unremembered,
        }
    }

    /// Whether this store created an object for that stack.
    pub fn is_of<'a>(&self, stack: &StackId, object: impl Into<Listed<'a>>) -> bool {
        matches!(self.owner(object), Owner::Stack { stack: owner, .. } if owner == *stack)
    }

    /// Whether this store created an object.
    pub fn is_ours<'a>(&self, object: impl Into<Listed<'a>>) -> bool {
        matches!(self.owner(object), Owner::Stack { .. })
    }

    /// Whether one of these applies created an object.
    pub fn is_created_by<'a>(&self, applies: &BTreeSet<ApplyId>, object: impl Into<Listed<'a>>) -> bool {
        matches!(self.owner(object), Owner::Stack { apply: Some(apply), .. } if applies.contains(&apply))
    }

    /// Objects that have the labels of a stack of this store but are not recorded as its own.
    pub fn unremembered<'a>(&self, stack: &StackId, observed: &'a Observed) -> Vec<Listed<'a>> {
        let all = Listed::all(&observed.containers, &observed.networks, &observed.volumes);
        all.filter(|object| object.label(label::STACK_ID) == Some(stack.as_str()))
            .filter(|object| self.owner(*object) == Owner::Unremembered)
            .collect()
    }

    /// The owner in words that continue an object's name: `belongs to stack 'shop'`.
    pub fn in_words<'a>(&self, object: impl Into<Listed<'a>>) -> String {
        let object = object.into();
        let labelled = object.label(label::STACK_NAME).unwrap_or("?");
        match self.owner(object) {
            Owner::Stack { stack, .. } => match self.stack_name(&stack) {
                Some(name) => format!("belongs to stack '{name}'"),
                None => format!("was left by stack '{labelled}', which was deleted"),
            },
            Owner::Unremembered => {
                "carries the labels of this DevArch home, which does not remember creating it".to_owned()
            }
            Owner::OtherStore => format!("belongs to stack '{labelled}' of another DevArch home or user"),
            Owner::NotDevArch => "was not created by DevArch".to_owned(),
        }
    }

    /// Objects without a recordable id: recognized by a name that only DevArch uses, and this store's labels.
    fn is_ours_by_name(&self, object: Listed<'_>) -> bool {
        self.is_recorded_volume(object) || self.is_helper(object) || self.is_unrecorded_object(object)
    }

    /// A container that serves a single engine call and has no data: left behind if that call was interrupted before
    /// its id was known.
    fn is_helper(&self, object: Listed<'_>) -> bool {
        if object.kind != ObjectKind::Container {
            return false;
        }
        let copies = || {
            let volume = object.name.strip_suffix(label::COPIER_SUFFIX);
            volume.is_some_and(|volume| self.volumes.contains_key(stem(volume)))
        };
        let passes = || {
            let stack = object.label(label::STACK_NAME).and_then(|name| name.parse().ok());
            let network = object.name.strip_prefix(label::PASSER_BY_PREFIX);
            let network = network.and_then(|name| name.rsplit_once('.')).map(|(network, _)| network);
            stack.is_some_and(|stack| network == Some(NetworkName::for_stack(&stack).as_str()))
        };
        object.label(label::COPIER).is_some() && copies()
            || object.label(label::PASSER_BY).is_some() && passes()
    }

    /// A volume of an instance, a kept one, or a copy of either: recognized by its name, with this store's labels. The
    /// instance in the labels is ignored, because the volume may have been adopted by another.
    fn is_recorded_volume(&self, object: Listed<'_>) -> bool {
        object.kind == ObjectKind::Volume && self.volumes.contains_key(stem(object.name))
    }

    fn is_unrecorded_object(&self, object: Listed<'_>) -> bool {
        let Some(stack) = object.label(label::STACK_ID).map(StackId::new) else { return false };
        let Some(unrecorded) = self.unrecorded.get(&stack) else { return false };
        match object.kind {
            ObjectKind::Container => unrecorded.has_container(object),
            ObjectKind::Network => UnrecordedStack::has_network(object),
            ObjectKind::Volume => false,
        }
    }
}

impl CreatedObject {
    /// Whether a listed object with this id is the recorded one: ids of volumes are names, and those of some networks
    /// are derived from names (Podman with CNI), so another object can have them later.
    fn is(&self, object: Listed<'_>) -> bool {
        self.kind == ObjectKind::Container || object.label(label::APPLY_ID) == Some(self.apply.as_str())
    }

    /// Whether it explains an object with an unknown id: its name is one that the apply was about to use, temporarily
    /// or not, and its labels are those it was about to be created with.
    fn explains(&self, object: Listed<'_>) -> bool {
        let named = match self.kind {
            ObjectKind::Container => stem(object.name) == stem(&self.name),
            ObjectKind::Network | ObjectKind::Volume => object.name == self.name,
        };
        self.kind == object.kind
            && named
            && object.label(label::APPLY_ID) == Some(self.apply.as_str())
            && object.label(label::CONFIG_HASH) == Some(self.hash.as_str())
    }
}

impl UnrecordedStack {
    fn has_container(&self, object: Listed<'_>) -> bool {
        let Some(instance) = object.label(label::INSTANCE_ID).map(InstanceId::new) else { return false };
        let hash = object.label(label::CONFIG_HASH).unwrap_or_default();
        let applied = self.applied.get(&instance).is_some_and(|hashes| hashes.contains(hash));
        let created_as = || labelled_container(object);
        let proper = self.containers.get(&instance).cloned().or_else(created_as);
        let named = |proper: &ContainerName| {
            object.name == proper.as_str() || self.interrupted && stem(object.name) == proper.as_str()
        };
        // A renamed stack or instance whose containers are not replaced yet.
        applied && (proper.as_ref().is_some_and(named) || created_as().as_ref().is_some_and(named))
    }

    fn has_network(object: Listed<'_>) -> bool {
        let Some(stack) = object.label(label::STACK_NAME).and_then(|name| name.parse().ok()) else {
            return false;
        };
        if object.label(label::LINK).is_none() {
            return object.name == NetworkName::for_stack(&stack).as_str();
        }
        let consumer = labelled_container(object);
        consumer.is_some_and(|consumer| object.name.starts_with(&format!("{consumer}.")))
    }
}

/// The name of the container that an object's labels speak of.
fn labelled_container(object: Listed<'_>) -> Option<ContainerName> {
    let stack: StackName = object.label(label::STACK_NAME)?.parse().ok()?;
    let instance: InstanceName = object.label(label::INSTANCE_NAME)?.parse().ok()?;
    ContainerName::for_instance(&stack, &instance).ok()
}

/// A container's or volume's own name without its suffix (`.next`, `.old`, `.snapshot`): names given by users contain
/// no dot.
fn stem(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}
