//! The changes of a plan, as shown to users.

use super::{FieldDiff, Reason, VolumeCopy};
use crate::{
    build::BuildSpec,
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume},
    resolve::HostUse,
    spec::ContainerSpec,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// The object that a change affects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An image on the engine.
    Image(String),
    /// The stack's network.
    Network(NetworkName),
    /// A volume.
    Volume(PhysicalVolume),
    /// An instance's container.
    Instance(InstanceName),
    /// A container of the stack that no instance uses.
    Leftover(ContainerName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(f, "image {image}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Volume(name) => write!(f, "volume {name}"),
            Self::Instance(name) => write!(f, "{name}"),
            Self::Leftover(name) => write!(f, "container {name}"),
        }
    }
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The image is pulled.
    Pull,
    /// The image is built.
    Build,
    /// The object is created.
    Create,
    /// The object is updated in place: started, stopped, connected.
    Update,
    /// The container is recreated.
    Replace,
    /// The object is removed.
    Remove,
}

impl ChangeKind {
    /// Returns Terraform's sign for this kind of change.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Pull | Self::Build | Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Remove => "-",
        }
    }
}

/// A change of one object, with its reason and the fields that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The object that changes.
    pub subject: Subject,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The reason for the change.
    pub reason: Reason,
    /// Whether another image will run on a volume that holds data and is not copied first: an undo restores the
    /// container, but not the data written since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_change_data: bool,
    /// Volumes that are copied before another image runs on them; an undo restores them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<VolumeCopy>,
    /// The fields that differ, if the object existed before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDiff>,
    /// The full spec of the new container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Box<ContainerSpec>>,
    /// Host resources outside the project that the new container can access.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<HostUse>,
    /// The build that is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Box<BuildSpec>>,
    /// For a recreated provider: the instances wired to it, and whether they are recreated too or keep running.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub consumers: BTreeMap<InstanceName, Consumer>,
}

impl Change {
    /// Creates a change without details.
    pub(super) fn new(subject: Subject, kind: ChangeKind, reason: Reason) -> Self {
        Self {
            subject,
            kind,
            reason,
            may_change_data: false,
            copies: Vec::new(),
            fields: Vec::new(),
            spec: None,
            outside: Vec::new(),
            build: None,
            consumers: BTreeMap::new(),
        }
    }
}

/// The effect of recreating a provider on one of its consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consumer {
    /// The consumer is recreated or started after its provider is ready.
    Follows,
    /// The consumer stays: the values its wire supplies are unchanged.
    Stays,
}
