//! The data model of a Compose file: only supported fields, in the order they are written.

use super::{Interpolated, exported::Exported};
use crate::{
    name::{InstanceName, NetworkName, PhysicalVolume},
    read::yaml_text,
    serialize::{Absent, SerializeError},
    service_fields::service_fields,
    spec::FileContent,
    template::{Healthcheck, Resources, TmpfsMount, Ulimit},
    text::Text,
    unit::{Bytes, FileMode, Millis},
};
use ipnet::Ipv4Net;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// A stack as a Compose file. Secret values are only in [`ComposeFile::files`] and [`ComposeFile::secrets`], which
/// are not part of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComposeFile {
    pub(super) name: String,
    pub(super) services: BTreeMap<InstanceName, Service>,
    pub(super) networks: BTreeMap<String, Network>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) volumes: BTreeMap<PhysicalVolume, Volume>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) configs: BTreeMap<String, Config>,
    #[serde(skip)]
    pub(super) files: Vec<FileToWrite>,
    #[serde(skip)]
    pub(super) secrets: BTreeMap<String, Text>,
}

impl ComposeFile {
    /// Returns the file's text.
    ///
    /// # Errors
    ///
    /// If it cannot be represented as YAML.
    pub fn to_yaml(&self) -> Result<String, SerializeError> {
        yaml_text(self)
    }

    /// Returns the config files to write beside it; empty if they are inlined.
    pub fn files(&self) -> &[FileToWrite] {
        &self.files
    }

    /// Returns the variables it needs, with their values, for an `.env` file.
    pub fn secrets(&self) -> &BTreeMap<String, Text> {
        &self.secrets
    }
}

/// A config file that is mounted from beside the Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToWrite {
    /// Its path, relative to the Compose file's directory: `web/etc/nginx/nginx.conf`.
    pub path: String,
    /// Its content. A secret one may only be written to disk if the user asks for secrets.
    pub content: FileContent,
    /// Permission bits.
    pub mode: FileMode,
}

macro_rules! define_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident,
        $(copied [$copied:ty],)? $(spec $own:tt,)? $(compose [$shown:ident: $shown_type:ty],)?
        $form:literal, $meaning:literal; )*) => {
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub(super) struct Service {
            pub(super) container_name: Interpolated,
            $(
                $(
                    #[serde(skip_serializing_if = "Absent::is_absent")]
                    pub(super) $field: <$copied as Exported>::Form,
                )?
                $(
                    #[serde(skip_serializing_if = "Absent::is_absent")]
                    pub(super) $shown: $shown_type,
                )?
            )*
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub(super) network_mode: Option<Interpolated>,
            #[serde(skip_serializing_if = "Absent::is_absent")]
            pub(super) networks: BTreeMap<String, NetworkUse>,
        }
    };
}

service_fields!(define_service);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Build {
    pub(super) context: Interpolated,
    #[serde(flatten)]
    pub(super) dockerfile: Dockerfile,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) args: BTreeMap<String, Interpolated>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) target: Option<Interpolated>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) enum Dockerfile {
    #[serde(rename = "dockerfile")]
    Path(Interpolated),
    #[serde(rename = "dockerfile_inline")]
    Inline(Interpolated),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Port {
    pub(super) target: u16,
    pub(super) published: String,
    pub(super) host_ip: IpAddr,
    pub(super) protocol: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mount {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) source: Interpolated,
    pub(super) target: Interpolated,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ConfigUse {
    pub(super) source: String,
    pub(super) target: Interpolated,
    pub(super) uid: String,
    pub(super) gid: String,
    pub(super) mode: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct ServiceHealthcheck {
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) disable: bool,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) test: Vec<Interpolated>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) interval: Option<Millis>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) timeout: Option<Millis>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) retries: Option<u32>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) start_period: Option<Millis>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) start_interval: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DependsOn {
    pub(super) condition: &'static str,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) restart: bool,
    #[serde(skip_serializing_if = "Clone::clone")]
    pub(super) required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Deploy {
    pub(super) resources: Resources,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NetworkUse {
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) ipv4_address: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Absent::is_absent")]
    pub(super) aliases: Vec<Interpolated>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Network {
    /// The stack's own network.
    Own { name: NetworkName, driver: &'static str, ipam: Ipam },
    /// Another stack's network, which must exist.
    External { name: NetworkName, external: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Ipam {
    pub(super) config: [IpamPool; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct IpamPool {
    pub(super) subnet: Ipv4Net,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Volume {
    pub(super) name: PhysicalVolume,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Config {
    pub(super) content: Interpolated,
}

impl Absent for Deploy {
    fn is_absent(&self) -> bool {
        self.resources.is_absent()
    }
}
