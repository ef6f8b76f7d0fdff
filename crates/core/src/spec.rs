//! The complete input for an engine: names, addresses and ports are assigned, paths are absolute, and no default is
//! left that engines decide differently.

use crate::{
    content::ContentRef,
    id::{ApplyId, InstanceId, StackId, StoreId},
    name::{ContainerName, NetworkName, PhysicalVolume, StackName},
    port::{HostSocket, PortKey, Protocol},
    secret::Secret,
    serialize::Absent,
    service_fields::service_fields,
    template::{Healthcheck, Resources, RestartPolicy, TmpfsMount, Ulimit},
    text::Text,
    unit::{Bytes, FileMode, Millis, Owner},
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// The labels that identify DevArch's objects.
pub mod label {
    /// The store that owns the object.
    pub const STORE_ID: &str = "devarch.store_id";
    /// The stack it belongs to.
    pub const STACK_ID: &str = "devarch.stack_id";
    /// The stack's name when the object was created; for display, never for decisions.
    pub const STACK_NAME: &str = "devarch.stack";
    /// The instance it belongs to.
    pub const INSTANCE_ID: &str = "devarch.instance_id";
    /// The instance's name when the object was created: for display, and for ordering containers created at that
    /// time. Only [`INSTANCE_ID`] identifies the instance.
    pub const INSTANCE_NAME: &str = "devarch.instance";
    /// The digest of the template the instance is pinned to.
    pub const TEMPLATE: &str = "devarch.template_service_id";
    /// The keyed hash of the config the object was created from.
    pub const CONFIG_HASH: &str = "devarch.config_hash";
    /// The apply that created the object.
    pub const APPLY_ID: &str = "devarch.apply_id";
    /// The form of the create call, set where an earlier version of DevArch created the container differently from its
    /// spec.
    pub const CREATE_FORM: &str = "devarch.create_form";
    /// On a network that links instances of two stacks: the provider instance. The consumer is the instance that the
    /// network belongs to.
    pub const LINK: &str = "devarch.link";
    /// The hash of an image's build ([`crate::build`]). It is the only label DevArch sets on images, because a
    /// container created from one by hand inherits it.
    pub const BUILD_HASH: &str = "devarch.build_hash";
    /// On a container that copies a volume: it runs only for the copy, and is named after the target volume with
    /// [`COPIER_SUFFIX`].
    pub const COPIER: &str = "devarch.copier";
    /// The suffix added to the volume's name in the name of its copy container.
    pub const COPIER_SUFFIX: &str = ".copy";
    /// On a throw-away container that is connected to a network but never runs (Podman's isolation): the store that
    /// owns the network. Its name is [`PASSER_BY_PREFIX`], the network's name, a dot and a number.
    pub const PASSER_BY: &str = "devarch.passer_by";
    /// The prefix added to the network's name in the name of a throw-away container.
    pub const PASSER_BY_PREFIX: &str = "passing.";
    /// The prefix of all DevArch labels; users cannot set labels that begin with it.
    pub const PREFIX: &str = "devarch.";
}

/// The owner of an object, recorded in its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The store that owns it.
    pub store: StoreId,
    /// The stack.
    pub stack: StackId,
    /// The stack's name, for display.
    pub stack_name: StackName,
    /// The instance, if the object belongs to one.
    pub instance: Option<InstanceIdentity>,
}

/// The instance an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceIdentity {
    /// The instance.
    pub id: InstanceId,
    /// The instance's name, for display.
    pub name: String,
    /// The digest of the instance's template.
    pub template: String,
}

impl Identity {
    /// Returns the labels of an object with this identity and config hash, created by that apply.
    pub fn labels(&self, hash: &str, apply: &ApplyId) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            (label::STORE_ID.to_owned(), self.store.to_string()),
            (label::STACK_ID.to_owned(), self.stack.to_string()),
            (label::STACK_NAME.to_owned(), self.stack_name.to_string()),
            (label::CONFIG_HASH.to_owned(), hash.to_owned()),
            (label::APPLY_ID.to_owned(), apply.to_string()),
        ]);
        if let Some(instance) = &self.instance {
            labels.insert(label::INSTANCE_ID.to_owned(), instance.id.to_string());
            labels.insert(label::INSTANCE_NAME.to_owned(), instance.name.clone());
            labels.insert(label::TEMPLATE.to_owned(), instance.template.clone());
        }
        labels
    }
}

macro_rules! define_spec {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident,
        $(copied [$copied:ty],)? $(spec [$(#[$attr:meta])* $own:ident: $own_type:ty],)? $(compose $shown:tt,)?
        $form:literal, $meaning:literal; )*) => {
        /// A container to create. Plans and `devarch config` show its serialized form, with secrets redacted and
        /// unset fields left out; hashes and the store use forms of their own.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub struct ContainerSpec {
            $(
                $(
                    #[doc = $meaning]
                    #[serde(skip_serializing_if = "Absent::is_absent")]
                    pub $field: $copied,
                )?
                $(
                    #[doc = $meaning]
                    $(#[$attr])*
                    #[serde(skip_serializing_if = "Absent::is_absent")]
                    pub $own: $own_type,
                )?
            )*
            /// Files written into the container before it starts, by absolute path.
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub config_files: BTreeMap<String, FileSpec>,
            /// The attachment to the stack's network; `None` only with `network_mode`.
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub network: Option<Attachment>,
            /// The image's name on the engine, if the stack builds it. Not part of the container.
            #[serde(skip)]
            pub build_tag: Option<String>,
        }

        impl ContainerSpec {
            /// Creates a spec with only an image and a host name.
            pub fn new(image: impl Into<String>, hostname: impl Into<String>) -> Self {
                let empty = Self {
                    $( $( $field: <$copied>::default(), )? $( $own: <$own_type>::default(), )? )*
                    config_files: BTreeMap::new(),
                    network: None,
                    build_tag: None,
                };
                Self { image: image.into(), hostname: hostname.into(), ..empty }
            }
        }
    };
}

service_fields!(define_spec);

impl ContainerSpec {
    /// The image's name on the engine.
    pub fn image_reference(&self) -> &str {
        self.build_tag.as_deref().unwrap_or(&self.image)
    }

    /// Returns the secrets by field: `environment.PASSWORD`, `config_files./etc/app.conf`, `command[2]`.
    pub fn secrets(&self) -> BTreeMap<String, Secret> {
        let variables = self.environment.iter().map(|(name, text)| (format!("environment.{name}"), text));
        let files = self.config_files.iter().filter_map(|(path, file)| match &file.content {
            FileContent::Text(text) => Some((format!("config_files.{path}"), text)),
            FileContent::Kept(_) => None,
        });
        let words = |field: &'static str, words: &'_ Option<Vec<Text>>| {
            let words = words.iter().flatten().enumerate();
            words.map(|(at, word)| (format!("{field}[{at}]"), word.clone())).collect::<Vec<_>>()
        };
        let (command, entrypoint) = (words("command", &self.command), words("entrypoint", &self.entrypoint));
        let words = command.iter().chain(&entrypoint).map(|(field, word)| (field.clone(), word));
        let secrets = variables.chain(files).chain(words).filter_map(|(field, text)| match text {
            Text::Secret(secret) => Some((field, secret.clone())),
            Text::Plain(_) => None,
        });
        secrets.collect()
    }

    /// Returns the named volumes that the container can write to.
    pub fn data_volumes(&self) -> impl Iterator<Item = &PhysicalVolume> {
        self.mounts.iter().filter(|mount| !mount.read_only).filter_map(|mount| match &mount.source {
            MountFrom::Volume(name) => Some(name),
            MountFrom::Bind(_) => None,
        })
    }
}

/// A port published on the host: fully assigned, for a container to create or a running one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PublishedPort {
    /// Port and protocol in the container.
    pub key: PortKey,
    /// Address on the host; unspecified (`0.0.0.0`) for all.
    pub host_ip: IpAddr,
    /// Port on the host.
    pub host_port: u16,
}

impl PublishedPort {
    /// Returns the socket on the host.
    pub fn socket(&self) -> HostSocket {
        HostSocket { ip: self.host_ip, port: self.host_port, protocol: self.key.protocol }
    }
}

impl std::fmt::Display for PublishedPort {
    /// Formats as `127.0.0.1:8080->80`; the protocol is added unless it is TCP.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = std::net::SocketAddr::new(self.host_ip, self.host_port);
        match self.key.protocol {
            Protocol::Tcp => write!(f, "{host}->{}", self.key.target),
            Protocol::Udp => write!(f, "{host}->{}", self.key),
        }
    }
}

fn shown_ports<S: serde::Serializer>(ports: &[PublishedPort], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(ports.iter().map(|port| (port.key.to_string(), port.to_string())))
}

/// A mount at an absolute path in the container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// The source of the mount.
    #[serde(flatten)]
    pub source: MountFrom,
    /// Whether the container cannot write to it.
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub read_only: bool,
}

/// The resolved source of a mount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MountFrom {
    /// A named volume.
    Volume(PhysicalVolume),
    /// An absolute path on the engine's host.
    Bind(String),
}

/// The content of a file that is written into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FileContent {
    /// A text.
    Text(Text),
    /// A text kept in the store.
    Kept(ContentRef),
}

impl FileContent {
    /// Whether the content must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Text(Text::Secret(_)))
    }
}

impl From<Text> for FileContent {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

/// A file to write into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// The file's content.
    pub content: FileContent,
    /// Permission bits.
    pub mode: FileMode,
    /// Owner as numeric ids.
    pub owner: Owner,
}

/// A container's attachment to a network: its stack's, or one that links it to an instance of another stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The network.
    pub name: NetworkName,
    /// The fixed address on the network; a replacement keeps it.
    pub address: Ipv4Addr,
    /// The names it resolves by besides the container's; on its stack's network, the instance's name.
    pub aliases: Vec<String>,
}

/// The version of the form that is hashed for networks.
const NETWORK_FORM: u32 = 1;

/// A network to create: a bridge isolated from all other networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkSpec {
    /// The network's name.
    pub name: NetworkName,
    /// The subnet; its first address is the gateway.
    pub subnet: Ipv4Net,
    /// The provider, if the network links two instances: only these two are reachable on it, no other network and no
    /// host.
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub link: Option<InstanceId>,
}

impl NetworkSpec {
    /// Creates the spec of a stack's network.
    pub fn of_stack(name: NetworkName, subnet: Ipv4Net) -> Self {
        Self { name, subnet, link: None }
    }

    /// Returns the hash of the config as `FORM:hex`. It is not keyed: the config contains no secrets.
    pub fn hash(&self) -> String {
        let link = self.link.as_ref().map_or("", |provider| provider.as_str());
        let mut digest = Sha256::new();
        for part in [self.name.as_str(), &self.subnet.to_string(), link] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        format!("{NETWORK_FORM}:{}", hex::encode(digest.finalize()))
    }

    /// Returns the labels of the network, created by that apply for its owner.
    pub fn labels(&self, owner: &Identity, apply: &ApplyId) -> BTreeMap<String, String> {
        let mut labels = owner.labels(&self.hash(), apply);
        labels.extend(self.link.iter().map(|provider| (label::LINK.to_owned(), provider.to_string())));
        labels
    }
}

/// A volume to create.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VolumeSpec {
    /// The volume's name.
    pub name: PhysicalVolume,
}

/// A container to create, with its name at creation: a replacement is created beside the old container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateContainer {
    /// The name at creation.
    pub name: ContainerName,
    /// The container's spec.
    pub spec: ContainerSpec,
    /// All labels, the user's and DevArch's.
    pub labels: BTreeMap<String, String>,
}
