//! What an engine is asked to make, complete: names, addresses and ports are assigned, paths are absolute,
//! nothing is left to a default that engines decide differently.

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

/// Labels by which DevArch knows its objects.
pub mod label {
    /// The store that owns the object.
    pub const STORE_ID: &str = "devarch.store_id";
    /// The stack it belongs to.
    pub const STACK_ID: &str = "devarch.stack_id";
    /// The stack's name when the object was made; for people, never for decisions.
    pub const STACK_NAME: &str = "devarch.stack";
    /// The instance it belongs to.
    pub const INSTANCE_ID: &str = "devarch.instance_id";
    /// The instance's name when the object was made: for people, and for the order among containers of that time. Which
    /// instance it is now is told by [`INSTANCE_ID`] alone.
    pub const INSTANCE_NAME: &str = "devarch.instance";
    /// The digest of the template the instance is pinned to.
    pub const TEMPLATE: &str = "devarch.template_service_id";
    /// The keyed hash of the config the object was made from.
    pub const CONFIG_HASH: &str = "devarch.config_hash";
    /// The apply that made the object.
    pub const APPLY_ID: &str = "devarch.apply_id";
    /// In which way its spec became a create call, where an earlier version of DevArch made it otherwise than asked.
    pub const CREATE_FORM: &str = "devarch.create_form";
    /// Of a network that links instances of two stacks: the instance that is the provider. The consumer is the instance
    /// the network belongs to.
    pub const LINK: &str = "devarch.link";
    /// What an image was built from ([`crate::build`]); the only label DevArch gives images, because a container
    /// made from one by hand gets it too.
    pub const BUILD_HASH: &str = "devarch.build_hash";
    /// Of a container that copies a volume: it runs for the copy alone, under the name of the volume it fills with
    /// [`COPIER_SUFFIX`].
    pub const COPIER: &str = "devarch.copier";
    /// What follows the volume's name in a copier's.
    pub const COPIER_SUFFIX: &str = ".copy";
    /// Of a container that goes through a network and never runs (Podman's isolation): the store for whose network it
    /// goes. Its name is [`PASSER_BY_PREFIX`], the network's, a dot and a number.
    pub const PASSER_BY: &str = "devarch.passer_by";
    /// What stands before the network's name in a passer-by's.
    pub const PASSER_BY_PREFIX: &str = "passing.";
    /// Everything that begins so is DevArch's; users can't set it.
    pub const PREFIX: &str = "devarch.";
}

/// Who an object belongs to; becomes its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The store that owns it.
    pub store: StoreId,
    /// The stack.
    pub stack: StackId,
    /// The stack's name, for people.
    pub stack_name: StackName,
    /// The instance, where it belongs to one.
    pub instance: Option<InstanceIdentity>,
}

/// The instance an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceIdentity {
    /// The instance.
    pub id: InstanceId,
    /// Its name, for people.
    pub name: String,
    /// The digest of its template.
    pub template: String,
}

impl Identity {
    /// The labels of an object with this identity and config hash, made by that apply.
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
        /// A container to create. Serialised (secrets redacted, what is not set left out) it is what plans and
        /// `devarch config` show; what is hashed and stored of it has forms of its own.
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
            /// Files put into the container before it starts, by absolute path.
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub config_files: BTreeMap<String, FileSpec>,
            /// Where it is attached; absent only with `network_mode`.
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub network: Option<Attachment>,
            /// Where the stack builds the image: the name it has on the engine. No part of the container.
            #[serde(skip)]
            pub build_tag: Option<String>,
        }

        impl ContainerSpec {
            /// A container in which nothing is set but its image and host name.
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

    /// Its secrets, by field: `environment.PASSWORD`, `config_files./etc/app.conf`, `command[2]`.
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

    /// The named volumes it can write to.
    pub fn data_volumes(&self) -> impl Iterator<Item = &PhysicalVolume> {
        self.mounts.iter().filter(|mount| !mount.read_only).filter_map(|mount| match &mount.source {
            MountFrom::Volume(name) => Some(name),
            MountFrom::Bind(_) => None,
        })
    }
}

/// A port published on the host: of a container to make, fully assigned, and of one that runs.
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
    /// Its place on the host.
    pub fn socket(&self) -> HostSocket {
        HostSocket { ip: self.host_ip, port: self.host_port, protocol: self.key.protocol }
    }
}

impl std::fmt::Display for PublishedPort {
    /// `127.0.0.1:8080->80`; the protocol is said where it is not TCP.
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

/// Something mounted at an absolute path of the container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// What is mounted.
    #[serde(flatten)]
    pub source: MountFrom,
    /// Whether the container can't write to it.
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub read_only: bool,
}

/// What a mount shows, resolved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MountFrom {
    /// A named volume.
    Volume(PhysicalVolume),
    /// An absolute path on the engine's host.
    Bind(String),
}

/// What is in a file that is put into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FileContent {
    /// A text.
    Text(Text),
    /// A text that the store keeps.
    Kept(ContentRef),
}

impl FileContent {
    /// Whether it must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Text(Text::Secret(_)))
    }
}

impl From<Text> for FileContent {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

/// A file to put into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// What is in it.
    pub content: FileContent,
    /// Permission bits.
    pub mode: FileMode,
    /// Owner by number.
    pub owner: Owner,
}

/// A container's place in a network: its stack's, or one that links it to an instance of another stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The network.
    pub name: NetworkName,
    /// Its fixed address there; a replacement keeps it.
    pub address: Ipv4Addr,
    /// The names it answers to besides the container's: in its stack's network the instance's name.
    pub aliases: Vec<String>,
}

/// Version of the form in which networks are hashed.
const NETWORK_FORM: u32 = 1;

/// A network to make: a bridge, isolated from every other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkSpec {
    /// Its name.
    pub name: NetworkName,
    /// Its addresses; the gateway is the first.
    pub subnet: Ipv4Net,
    /// The provider, where it links two instances: nothing but these two is reached on it, no other network and no host.
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub link: Option<InstanceId>,
}

impl NetworkSpec {
    /// The network of a stack.
    pub fn of_stack(name: NetworkName, subnet: Ipv4Net) -> Self {
        Self { name, subnet, link: None }
    }

    /// `FORM:hex` of its config. Not keyed: nothing of it is secret.
    pub fn hash(&self) -> String {
        let link = self.link.as_ref().map_or("", |provider| provider.as_str());
        let mut digest = Sha256::new();
        for part in [self.name.as_str(), &self.subnet.to_string(), link] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        format!("{NETWORK_FORM}:{}", hex::encode(digest.finalize()))
    }

    /// Its labels, made by that apply for its owner.
    pub fn labels(&self, owner: &Identity, apply: &ApplyId) -> BTreeMap<String, String> {
        let mut labels = owner.labels(&self.hash(), apply);
        labels.extend(self.link.iter().map(|provider| (label::LINK.to_owned(), provider.to_string())));
        labels
    }
}

/// A volume to make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VolumeSpec {
    /// Its name.
    pub name: PhysicalVolume,
}

/// A container's names while it is created: a successor is created beside the container it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateContainer {
    /// The name it is created under.
    pub name: ContainerName,
    /// What it is.
    pub spec: ContainerSpec,
    /// All labels, the user's and DevArch's.
    pub labels: BTreeMap<String, String>,
}
