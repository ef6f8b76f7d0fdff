//! Readers for ports, volumes and tmpfs in Compose's short and long forms.

use super::{
    Node, Value,
    fields::At,
    grammar::{self, printable},
    scalar::{
        boolean, bytes, checked_container_path, container_path, file_mode, nonempty, parsed, port, text,
    },
};
use crate::{
    name::VolumeName,
    port::{PortKey, Protocol},
    template::{HostPortChoice, MountSource, PortSpec, TmpfsMount, VolumeMount},
};
use std::{collections::BTreeMap, net::IpAddr};

/// Reads a list of ports; each container port and protocol can be published once.
pub(super) fn ports(at: &At<'_>) -> Option<Vec<PortSpec>> {
    let mut by_key = BTreeMap::new();
    for item in at.items()? {
        let Some(port) = port_spec(&item) else {
            continue;
        };
        if by_key.insert(port.key, port.clone()).is_some() {
            item.tell(format!("container port {} is published twice", port.key));
        }
    }
    Some(by_key.into_values().collect())
}

/// Reads ports to add to the inherited ones: a list, or a mapping from container port to a port or null.
pub(super) fn ports_add(at: &At<'_>) -> Option<BTreeMap<PortKey, Option<PortSpec>>> {
    if let Value::List(_) = at.node.value {
        return Some(ports(at)?.into_iter().map(|port| (port.key, Some(port))).collect());
    }
    let mut added = BTreeMap::new();
    for (key, entry) in at.entries()? {
        let Some(key) = port_key(&entry.key(), key) else {
            continue;
        };
        let port = match &entry.node.value {
            Value::Null => None,
            Value::Map(_) => long_port(&entry, Some(key)),
            _ => host_side(&entry).map(|(host_ip, published)| PortSpec { key, host_ip, published }),
        };
        added.insert(key, port);
    }
    Some(added)
}

fn port_key(at: &At<'_>, text: &str) -> Option<PortKey> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol_named(at, protocol)?;
    let target = port_number(at, number)?;
    Some(PortKey { target, protocol })
}

fn protocol_named(at: &At<'_>, name: &str) -> Option<Protocol> {
    match name {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => at.wrong(format!("protocol {name:?} is not tcp or udp")),
    }
}

fn port_number(at: &At<'_>, number: &str) -> Option<u16> {
    if number.contains('-') {
        return at.wrong(format!("port ranges such as {number:?} are not supported; write each port"));
    }
    match number.parse::<u64>() {
        Ok(port @ 1..=65535) => u16::try_from(port).ok(),
        Ok(port) => at.wrong(format!("port {port} is out of range, ports go from 1 to 65535")),
        Err(_) => at.wrong(format!("{number:?} is not a port")),
    }
}

fn port_spec(at: &At<'_>) -> Option<PortSpec> {
    match &at.node.value {
        Value::Map(_) => long_port(at, None),
        _ => short_port(at, &text(at)?),
    }
}

/// `80`, `80/udp`, `8080:80`, `auto:80`, `127.0.0.1:8080:80`, `127.0.0.1::80`, `[::1]:8080:80`.
fn short_port(at: &At<'_>, text: &str) -> Option<PortSpec> {
    let (host, target) = match text.rsplit_once(':') {
        Some((host, target)) => (Some(host), target),
        None => (None, text),
    };
    let key = port_key(at, target)?;
    let Some(host) = host else {
        return Some(PortSpec { key, host_ip: None, published: HostPortChoice::Auto });
    };
    let (host_ip, published) = host_part(at, host)?;
    Some(PortSpec { key, host_ip, published })
}

fn host_side(at: &At<'_>) -> Option<(Option<IpAddr>, HostPortChoice)> {
    host_part(at, &text(at)?)
}

/// `8080`, `auto`, `127.0.0.1:8080`, `127.0.0.1:`.
fn host_part(at: &At<'_>, host: &str) -> Option<(Option<IpAddr>, HostPortChoice)> {
    let (ip, port) = match host.rsplit_once(':') {
        Some((ip, port)) => (Some(ip), port),
        None => (None, host),
    };
    let host_ip = match ip {
        None => None,
        Some(ip) => Some(address(at, ip)?),
    };
    let published = match port {
        "" | "auto" => HostPortChoice::Auto,
        number => HostPortChoice::Fixed(port_number(at, number)?),
    };
    Some((host_ip, published))
}

fn address(at: &At<'_>, text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| at.wrong(format!("{text:?} is not an address of the host")))
}

fn long_port(at: &At<'_>, key: Option<PortKey>) -> Option<PortSpec> {
    let mut fields = at.fields()?;
    let target = match key {
        Some(key) => Some(key.target),
        None => fields.need("target", port),
    };
    let protocol = fields.take("protocol", |at| protocol_named(at, &text(at)?));
    let host_ip = fields.take("host_ip", |at| address(at, &text(at)?));
    let published = fields.take("published", |at| match text(at)?.as_str() {
        "auto" => Some(HostPortChoice::Auto),
        number => port_number(at, number).map(HostPortChoice::Fixed),
    });
    fields.finish();
    let protocol = protocol.or(key.map(|key| key.protocol)).unwrap_or_default();
    Some(PortSpec {
        key: PortKey { target: target?, protocol },
        host_ip,
        published: published.unwrap_or_default(),
    })
}

/// Reads a list of mounts; each target can be mounted once.
pub(super) fn volumes(at: &At<'_>) -> Option<Vec<VolumeMount>> {
    let mut by_target = BTreeMap::new();
    for item in at.items()? {
        let Some(mount) = mount(&item) else { continue };
        let target = mount.target.clone();
        if by_target.insert(target.clone(), mount).is_some() {
            item.tell(format!("{target} is mounted twice"));
        }
    }
    Some(by_target.into_values().collect())
}

/// Reads mounts to add to the inherited ones: a list, or a mapping from target to a source, a mount or null.
pub(super) fn volumes_add(at: &At<'_>) -> Option<BTreeMap<String, Option<VolumeMount>>> {
    if let Value::List(_) = at.node.value {
        return Some(volumes(at)?.into_iter().map(|mount| (mount.target.clone(), Some(mount))).collect());
    }
    let mut added = BTreeMap::new();
    for (target, entry) in at.entries()? {
        let Some(target) = checked_container_path(&entry.key(), target) else {
            continue;
        };
        let mount = match &entry.node.value {
            Value::Null => None,
            Value::Map(_) => Some(long_mount(&entry, Some(target.clone()))?),
            _ => source(&entry, &nonempty(&entry)?).map(|source| VolumeMount {
                source,
                target: target.clone(),
                read_only: false,
            }),
        };
        added.insert(target, mount);
    }
    Some(added)
}

fn mount(at: &At<'_>) -> Option<VolumeMount> {
    match &at.node.value {
        Value::Map(_) => long_mount(at, None),
        _ => short_mount(at, &nonempty(at)?),
    }
}

/// `data:/var/lib/x`, `./src:/app:ro`.
fn short_mount(at: &At<'_>, text: &str) -> Option<VolumeMount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (from, target, options) = match parts.as_slice() {
        [_] => {
            return at.wrong(format!(
                "{text:?} has no name; write NAME:{text} so that its data can be found again"
            ));
        }
        [from, target] => (*from, *target, ""),
        [from, target, options] => (*from, *target, *options),
        _ => return at.wrong(format!("{text:?} is not of the form SOURCE:TARGET[:ro]")),
    };
    let read_only = match options {
        "" | "rw" => false,
        "ro" => true,
        other => {
            return at.wrong(format!(
                "mount option {other:?} is not portable between engines; only ro and rw are known"
            ));
        }
    };
    Some(VolumeMount { source: source(at, from)?, target: checked_container_path(at, target)?, read_only })
}

fn source(at: &At<'_>, text: &str) -> Option<MountSource> {
    if text.starts_with(['/', '.', '~']) {
        return grammar::checked(at, text).then(|| MountSource::Bind(text.to_owned()));
    }
    match text.parse::<VolumeName>() {
        Ok(name) => Some(MountSource::Volume(name)),
        Err(error) => at.wrong(format!("{error}; a host path begins with /, ./ or ~/")),
    }
}

fn long_mount(at: &At<'_>, target: Option<String>) -> Option<VolumeMount> {
    let mut fields = at.fields()?;
    let kind = fields.take("type", text);
    let from = fields.need("source", printable);
    let target = match target {
        Some(target) => Some(target),
        None => fields.need("target", container_path),
    };
    let read_only = fields.take("read_only", boolean).unwrap_or(false);
    fields.finish();
    let from = from?;
    let source = match kind.as_deref() {
        None => source(at, &from)?,
        Some("bind") => MountSource::Bind(from),
        Some("volume") => match from.parse() {
            Ok(name) => MountSource::Volume(name),
            Err(error) => return at.wrong(format!("{error}")),
        },
        Some(other) => return at.wrong(format!("mount type {other:?} is not volume or bind")),
    };
    Some(VolumeMount { source, target: target?, read_only })
}

/// Reads `/run`, `/run:size=64m,mode=1777`, a list of these, or mappings.
pub(super) fn tmpfs(at: &At<'_>) -> Option<Vec<TmpfsMount>> {
    let mut mounts = match &at.node.value {
        Value::List(_) => at.list(tmpfs_mount)?,
        _ => vec![tmpfs_mount(at)?],
    };
    mounts.sort();
    Some(mounts)
}

fn tmpfs_mount(at: &At<'_>) -> Option<TmpfsMount> {
    if let Value::Map(_) = at.node.value {
        let mut fields = at.fields()?;
        let target = fields.need("target", container_path);
        let size = fields.take("size", bytes);
        let mode = fields.take("mode", file_mode);
        fields.finish();
        return Some(TmpfsMount { target: target?, size, mode });
    }
    let text = nonempty(at)?;
    let (target, options) = text.split_once(':').unwrap_or((&text, ""));
    let mut mount = TmpfsMount { target: checked_container_path(at, target)?, size: None, mode: None };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let Some((name, value)) = option.split_once('=') else {
            return at.wrong(format!("tmpfs option {option:?} is not size=... or mode=..."));
        };
        let node = Node { value: Value::Text(value.to_owned()), place: at.place };
        let value = At::within(at.reader, &at.path, &node);
        match name {
            "size" => mount.size = Some(bytes(&value)?),
            "mode" => mount.mode = Some(parsed(&value)?),
            _ => {
                return at.wrong(format!("tmpfs option {option:?} is not size=... or mode=..."));
            }
        }
    }
    Some(mount)
}
