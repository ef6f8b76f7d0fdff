//! The input of wiring: the effective configs of a stack, reduced to what wiring depends on.

use super::{Prefer, WireDecl};
use crate::{
    name::{ContainerName, InstanceName, StackName},
    port::HostBinding,
    template::{ContractType, Import},
    text::Text,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A stack as wiring sees it. Every instance takes part, whether enabled or not: disabling one must not connect a
/// consumer to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WireStack {
    /// Permanently unique among all stacks: it is part of the names of its logins on providers.
    pub tag: String,
    /// Its instances.
    pub instances: BTreeMap<InstanceName, WireInstance>,
    /// External providers, used like its own.
    pub external: BTreeMap<InstanceName, External>,
    /// Instances of other stacks that `wires` names. They are wired to explicitly or not at all. Their environment is
    /// the effective one, their own wires included.
    pub others: BTreeMap<(StackName, InstanceName), WireInstance>,
    /// The stack's `wires`.
    pub wires: Vec<WireDecl>,
    /// The stack's `prefer`.
    pub prefer: Option<Prefer>,
    /// Applied state: the provider each import was wired to when its consumer was last applied.
    pub prior: BTreeMap<InstanceName, BTreeMap<String, Endpoint>>,
}

/// An instance as wiring sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireInstance {
    /// Its container: the host its consumers get.
    pub container: ContainerName,
    /// Its effective exports.
    pub offers: Vec<Offer>,
    /// Its effective imports.
    pub imports: Vec<Import>,
    /// The logins that its imports request with `own: true`, by import.
    pub logins: BTreeMap<String, Login>,
    /// Its environment, template and overrides merged, without wires.
    pub environment: BTreeMap<String, Text>,
    /// The variables an override sets or removes: no wire does either.
    pub overridden: BTreeSet<String>,
    /// The TCP ports it is known to listen on: those of `ports`, and those its image exposes.
    pub listens: BTreeSet<u16>,
    /// Where the host reaches it, by TCP port in the container.
    pub published: BTreeMap<u16, HostBinding>,
    /// The instances in its own `depends_on`.
    pub depends_on: BTreeSet<InstanceName>,
    /// Whether it has the label [`super::ROLE_LABEL`] with the value [`super::PRIMARY`].
    pub primary: bool,
}

/// An export: [`crate::template::Export`] with its properties as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name, unique in the instance.
    pub name: String,
    /// The protocol spoken.
    pub contract: ContractType,
    /// The container port.
    pub port: u16,
    /// Its further properties; `${env:NAME}` refers to the instance's effective environment.
    pub properties: BTreeMap<String, Text>,
    /// Whether it specifies how to create a login for a consumer.
    pub provisions: bool,
}

/// A user, and a database of the same name, that a consumer has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name of both.
    pub name: String,
    /// The user's password.
    pub password: Text,
}

impl Login {
    /// The name encoded for a bucket name, which may contain only a-z, 0-9 and '-'; '-' is doubled, so that distinct
    /// names remain distinct.
    pub fn bucket(&self) -> String {
        self.name.replace('-', "--").replace('_', "-")
    }
}

impl WireStack {
    /// The login that an import requests for itself, if it does.
    pub fn own_login(&self, consumer: &WireInstance, import: &Import, at: &ProviderName) -> Option<Login> {
        let login = consumer.logins.get(&import.name).filter(|_| import.own)?;
        Some(self.login_at(login, at))
    }

    /// A login as it is called there: on another stack's provider its name has the stack's tag in it, for instances of two
    /// stacks may be called alike.
    pub fn login_at(&self, login: &Login, at: &ProviderName) -> Login {
        let mut login = login.clone();
        if matches!(at, ProviderName::Other { .. }) {
            login.name = format!("{}_{}", login.name, self.tag);
        }
        login
    }
}

/// A provider outside of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The protocol spoken.
    pub contract: ContractType,
    /// Its name or address as containers reach it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its further properties.
    pub properties: BTreeMap<String, Text>,
}

/// Who offers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// An instance of the stack.
    Instance(InstanceName),
    /// An entry of its `external`.
    External(InstanceName),
    /// An instance of another stack.
    Other {
        /// The stack.
        stack: StackName,
        /// Its instance.
        instance: InstanceName,
    },
}

/// A provider and which of its exports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// Who offers.
    pub provider: ProviderName,
    /// The export; what is external has one, of the name of its type.
    pub export: String,
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(name) | Self::External(name) => write!(f, "{name}"),
            Self::Other { stack, instance } => write!(f, "{stack}/{instance}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider {
            ProviderName::External(name) => write!(f, "{name}"),
            provider => write!(f, "{provider}.{}", self.export),
        }
    }
}

/// Suffix of an external provider's name in stored endpoints.
const EXTERNAL: &str = " (external)";

impl Endpoint {
    /// As stored, and shown in diffs: `db.main`, `infra/db.main`, `db.postgres (external)`.
    pub fn to_memory(&self) -> String {
        let Self { provider, export } = self;
        let outside = if matches!(provider, ProviderName::External(_)) { EXTERNAL } else { "" };
        format!("{provider}.{export}{outside}")
    }

    /// Parses a stored endpoint.
    pub fn of_memory(text: &str) -> Option<Self> {
        let (name, outside) = text.strip_suffix(EXTERNAL).map_or((text, false), |name| (name, true));
        let (name, export) = name.split_once('.')?;
        let provider = match name.split_once('/') {
            Some((stack, instance)) => {
                ProviderName::Other { stack: stack.parse().ok()?, instance: instance.parse().ok()? }
            }
            None if outside => ProviderName::External(name.parse().ok()?),
            None => ProviderName::Instance(name.parse().ok()?),
        };
        Some(Self { provider, export: export.to_owned() })
    }
}

impl WireInstance {
    /// An instance without exports and imports.
    pub fn new(container: ContainerName) -> Self {
        Self {
            container,
            offers: Vec::new(),
            imports: Vec::new(),
            logins: BTreeMap::new(),
            environment: BTreeMap::new(),
            overridden: BTreeSet::new(),
            listens: BTreeSet::new(),
            published: BTreeMap::new(),
            depends_on: BTreeSet::new(),
            primary: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_endpoint_reads_back() {
        for text in ["db.main", "db.main.2", "infra/db.main", "db.postgres (external)"] {
            assert_eq!(Endpoint::of_memory(text).unwrap().to_memory(), text);
        }
        assert_eq!(Endpoint::of_memory("db"), None);
    }
}
