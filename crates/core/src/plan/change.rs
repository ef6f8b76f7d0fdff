//! What happens to what, as people see it.

use super::{FieldDiff, Reason, VolumeCopy};
use crate::{
    build::BuildSpec,
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume},
    resolve::HostUse,
    spec::ContainerSpec,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// What a change is about.
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
    /// A container of the stack that nothing wants any more.
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

/// What happens to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is fetched.
    Pull,
    /// It is built.
    Build,
    /// It is made.
    Create,
    /// It is changed where it is: started, stopped, connected.
    Update,
    /// It is made anew in the place of the old one.
    Replace,
    /// It is removed.
    Remove,
}

impl ChangeKind {
    /// Terraform's signs.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Pull | Self::Build | Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Remove => "-",
        }
    }
}

/// What happens to a subject, why, and to the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whom it happens to.
    pub subject: Subject,
    /// What happens.
    pub kind: ChangeKind,
    /// Why.
    pub reason: Reason,
    /// Whether another image gets to run on a volume that holds data, and that is not copied first: an undo puts the
    /// container back, not what was written since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_change_data: bool,
    /// The volumes that are copied before another image gets to run on them: an undo restores them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<VolumeCopy>,
    /// Field by field, where something was there before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDiff>,
    /// What is made, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Box<ContainerSpec>>,
    /// What of the host's outside the project the new container gets to see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<HostUse>,
    /// What is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Box<BuildSpec>>,
    /// Of a provider that is made anew: those wired to it, and whether they are made anew too, or only go on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub consumers: BTreeMap<InstanceName, Consumer>,
}

impl Change {
    /// A change of which nothing more is known yet.
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

/// What becomes of a consumer whose provider is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consumer {
    /// It is made anew or started, too, after its provider is ready.
    Follows,
    /// It stays: what its wire gives it is the same.
    Stays,
}
