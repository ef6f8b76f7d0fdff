//! Combines the effective config with names and numbers assigned by the store into the spec passed to the engine.

use super::{
    Effective,
    secrets::{ReferenceResolver, misplaced},
};
use crate::{
    diagnostic::Problem,
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume, VolumeName},
    observed::ImageInfo,
    port::{HostBinding, PortKey},
    service_fields::service_fields,
    spec::{Attachment, ContainerSpec, FileSpec, Mount, MountFrom, PublishedPort},
    stack::{Instance, Stack},
    subnet,
    template::{Healthcheck, MountSource, RestartPolicy, TmpfsMount, Ulimit},
    unit::{Bytes, FileMode, Millis, Owner},
};
use ipnet::Ipv4Net;
use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

/// The input for a container's spec besides the instance's effective config.
#[derive(Debug, Clone, Copy)]
pub struct SpecContext<'a> {
    /// The stack: its secrets, and the directory that relative host paths resolve against.
    pub stack: &'a Stack,
    /// The instance's name, used as host name and alias.
    pub name: &'a InstanceName,
    /// The instance: assigned ports, volumes, slot.
    pub instance: &'a Instance,
    /// The container's name.
    pub container: &'a ContainerName,
    /// The stack's network.
    pub network: &'a NetworkName,
    /// The network's subnet.
    pub subnet: Ipv4Net,
    /// The user's home directory, for `~/`.
    pub home: Option<&'a str>,
    /// The image's name on the engine, if the stack builds it.
    pub build_tag: Option<&'a str>,
    /// The image, if present: its `VOLUME` paths become named volumes.
    pub image: Option<&'a ImageInfo>,
}

/// Returns the container spec of an instance, and the problems: secrets that are not set or cannot be decrypted.
pub fn container_spec(effective: &Effective, context: &SpecContext<'_>) -> (ContainerSpec, Vec<Problem>) {
    let mut resolver = ReferenceResolver {
        stack: context.stack,
        name: Some(context.name),
        generated: &context.instance.generated,
        problems: misplaced(context.name, effective),
    };
    let spec = spec(effective, context, &mut resolver);
    (spec, resolver.problems)
}

/// Returns the network aliases besides the container's name. Docker resolves host names itself, Podman does not.
fn aliases(name: &InstanceName, hostname: Option<&str>) -> Vec<String> {
    let hostname = hostname.filter(|hostname| *hostname != name.as_str());
    iter::once(name.to_string()).chain(hostname.map(str::to_owned)).collect()
}

/// Converts an optional value; `None` becomes the type's default.
fn copied<T, S: From<T> + Default>(value: Option<T>) -> S {
    value.map_or_else(S::default, S::from)
}

/// Builds a container's spec from the fields that are copied from the service and those that are passed in.
macro_rules! spec_of_service {
    ([$service:ident { $($given:tt)* }] $( $field:ident: $type:ty = $read:expr, $merge:ident,
        $(copied [$copied:ty],)? $(spec $own:tt,)? $(compose $shown:tt,)?
        $form:literal, $meaning:literal; )*) => {
        ContainerSpec {
            $( $( $field: copied::<_, $copied>($service.$field), )? )*
            $($given)*
        }
    };
}

fn spec(
    effective: &Effective,
    context: &SpecContext<'_>,
    resolver: &mut ReferenceResolver<'_>,
) -> ContainerSpec {
    let environment = resolver.environment(effective);
    let command = resolver.words("command", effective.service.command.as_ref());
    let entrypoint = resolver.words("entrypoint", effective.service.entrypoint.as_ref());
    let config_files = files(effective, resolver);
    let service = effective.service.clone();
    let job = service.job.unwrap_or(false);
    let network = match service.network_mode {
        Some(_) => None,
        None => subnet::address(context.subnet, context.instance.slot).map(|address| Attachment {
            name: context.network.clone(),
            address,
            aliases: aliases(context.name, service.hostname.as_deref()),
        }),
    };
    service_fields!(spec_of_service service {
        image: service.image.unwrap_or_default(),
        build_tag: context.build_tag.map(str::to_owned),
        command,
        entrypoint,
        hostname: service.hostname.unwrap_or_else(|| context.name.to_string()),
        restart: if job { RestartPolicy::No } else { service.restart.unwrap_or_default() },
        job,
        network_mode: service.network_mode,
        environment,
        ports: published(effective, &context.instance.ports),
        mounts: mounts(effective, context),
        extra_hosts: service.extra_hosts.unwrap_or_default(),
        resources: service.resources.unwrap_or_default(),
        config_files,
        network,
    })
}

fn published(effective: &Effective, assigned: &BTreeMap<PortKey, HostBinding>) -> Vec<PublishedPort> {
    let ports = effective.service.ports.iter().flatten();
    ports
        .filter_map(|port| {
            let binding = assigned.get(&port.key)?;
            Some(PublishedPort { key: port.key, host_ip: binding.host_ip, host_port: binding.host_port })
        })
        .collect()
}

/// Returns the requested mounts, and a named volume for each `VOLUME` path of the image that none of them covers: the
/// engine would create an anonymous volume, which is lost with each replacement.
fn mounts(effective: &Effective, context: &SpecContext<'_>) -> Vec<Mount> {
    let physical = |name: &VolumeName| context.instance.volumes.get(name).cloned();
    let mut mounts: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in effective.service.volumes.iter().flatten() {
        let source = match &mount.source {
            MountSource::Volume(name) => physical(name).map(MountFrom::Volume),
            MountSource::Bind(path) => {
                Some(MountFrom::Bind(absolute_path(path, context.stack.project.as_deref(), context.home)))
            }
        };
        if let Some(source) = source {
            let target = mount.target.clone();
            mounts.insert(target.clone(), Mount { target, source, read_only: mount.read_only });
        }
    }
    let tmpfs = effective.service.tmpfs.iter().flatten();
    let covered: BTreeSet<String> =
        mounts.keys().cloned().chain(tmpfs.map(|mount| mount.target.clone())).collect();
    for path in context.image.iter().flat_map(|image| &image.volumes) {
        let path = path.trim_end_matches('/');
        if covered.contains(path) {
            continue;
        }
        let Some(name) = image_volume(path) else {
            continue;
        };
        let volume = physical(&name)
            .unwrap_or_else(|| PhysicalVolume::from_stored(format!("{}-{name}", context.container)));
        let mount = Mount { target: path.to_owned(), source: MountFrom::Volume(volume), read_only: false };
        mounts.insert(path.to_owned(), mount);
    }
    mounts.into_values().collect()
}

/// Returns the name of the volume for a `VOLUME` path of an image: `/var/lib/data` is `image-var-lib-data`.
pub fn image_volume(path: &str) -> Option<VolumeName> {
    VolumeName::suggest(&format!("image-{path}"), "image-data").parse().ok()
}

/// Returns an absolute host path: `~/` is the home directory, and relative paths start at the project directory.
pub fn absolute_path(path: &str, project: Option<&str>, home: Option<&str>) -> String {
    let joined = if let Some(rest) = path.strip_prefix("~/") {
        format!("{}/{rest}", home.unwrap_or("~"))
    } else if path == "~" {
        home.unwrap_or("~").to_owned()
    } else if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", project.unwrap_or("."))
    };
    normal_path(&joined)
}

/// Normalises a path: removes `.`, `..` and doubled slashes.
pub(super) fn normal_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns the config files and the secrets mounted as files.
fn files(effective: &Effective, resolver: &mut ReferenceResolver<'_>) -> BTreeMap<String, FileSpec> {
    let root = Owner { uid: 0, gid: 0 };
    let mut files = BTreeMap::new();
    for (path, file) in &effective.config_files {
        let content = resolver.content(path, file);
        let mode = file.mode.unwrap_or(FileMode(if content.is_secret() { 0o600 } else { 0o644 }));
        files.insert(path.clone(), FileSpec { content, mode, owner: file.owner.unwrap_or(root) });
    }
    let user = effective.service.user.as_deref().and_then(|user| user.parse().ok()).unwrap_or(root);
    for mount in effective.service.secrets.iter().flatten() {
        if files.contains_key(&mount.target) {
            let message = format!("{} is a config file too; move one of them", mount.target);
            resolver.problem(&format!("secrets.{}", mount.source), message);
        }
        let content = resolver.mounted(mount).into();
        let (mode, owner) = (mount.mode.unwrap_or(FileMode(0o400)), mount.owner(user));
        files.insert(mount.target.clone(), FileSpec { content, mode, owner });
    }
    files
}
