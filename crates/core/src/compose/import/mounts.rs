//! A service's volumes: adjusts names to DevArch's rules and removes engine-specific options.

use super::{
    names::free,
    paths::Base,
    service::{entry, text},
};
use crate::{
    name::VolumeName,
    read::{At, Node, Value},
};
use std::collections::{BTreeMap, BTreeSet};

/// Options without effect in a development environment: `SELinux` labels (no engine is asked for any) and Docker
/// Desktop's old consistency levels (Compose specification, "volumes", short syntax).
const IDLE_OPTIONS: &[&str] = &["z", "Z", "cached", "delegated", "consistent"];

/// The new names of a file's volumes, all distinct.
pub(super) struct VolumeNames(BTreeMap<String, String>);

impl VolumeNames {
    /// Chooses a name for each named volume of the services: its own, or the nearest valid one that is free.
    pub(super) fn of(services: &[(&str, At<'_>)]) -> Self {
        let mounted: Vec<(String, At<'_>)> = services.iter().flat_map(|(_, at)| named_volumes(at)).collect();
        let fits = |name: &str| name.parse::<VolumeName>().is_ok();
        let mut taken: BTreeSet<String> =
            mounted.iter().map(|(name, _)| name).filter(|name| fits(name)).cloned().collect();
        let mut names = BTreeMap::new();
        for (given, at) in mounted {
            if fits(&given) || names.contains_key(&given) {
                continue;
            }
            let name = free(&VolumeName::suggest(&given, "data"), &taken, VolumeName::numbered);
            at.tell(format!("volume {given:?} is imported as {name:?}: volumes are named like instances"));
            taken.insert(name.clone());
            names.insert(given, name);
        }
        Self(names)
    }

    fn name<'n>(&'n self, given: &'n str) -> &'n str {
        self.0.get(given).map_or(given, String::as_str)
    }
}

/// Converts the mounts of one service.
pub(super) struct Mounts<'a> {
    names: &'a VolumeNames,
    base: Base<'a>,
    /// The names of this service's volumes; anonymous ones get others.
    taken: BTreeSet<String>,
}

impl<'a> Mounts<'a> {
    /// Prepares the mounts of a service.
    pub(super) fn of(service: &At<'_>, names: &'a VolumeNames, base: Base<'a>) -> Self {
        let mounted = named_volumes(service).into_iter();
        let taken = mounted.map(|(given, _)| names.name(&given).to_owned()).collect();
        Self { names, base, taken }
    }

    /// Returns its `volumes` as a template has them, and the tmpfs mounts from the long form.
    pub(super) fn volumes(&mut self, at: &At<'_>) -> (Vec<Node>, Vec<Node>) {
        let (mut volumes, mut tmpfs) = (Vec::new(), Vec::new());
        for item in at.items().unwrap_or_default() {
            match &item.node.value {
                Value::Text(mount) => volumes.push(self.short(&item, mount)),
                Value::Map(_) if kind(item.node) == Some("tmpfs") => tmpfs.push(long_tmpfs(&item)),
                Value::Map(_) => volumes.push(self.long(&item)),
                _ => volumes.push(item.node.clone()),
            }
        }
        (volumes, tmpfs)
    }

    fn short(&mut self, at: &At<'_>, mount: &str) -> Node {
        let parts: Vec<&str> = mount.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [target] if target.starts_with('/') => (self.anonymous(at, target), *target, ""),
            [source, target] => (self.source(source), *target, ""),
            [source, target, options] => (self.source(source), *target, *options),
            _ => return at.node.clone(),
        };
        let idle = |option: &&str| IDLE_OPTIONS.contains(option);
        let (dropped, kept): (Vec<&str>, Vec<&str>) = options.split(',').partition(idle);
        if !dropped.is_empty() {
            at.tell(format!(
                "mount option {} is not portable between engines and was left out",
                dropped.join(",")
            ));
        }
        let options = kept.join(",");
        let options = if options.is_empty() { options } else { format!(":{options}") };
        text(format!("{source}:{target}{options}"), at.place)
    }

    /// Returns a long mount without the fields that only describe how its source is created.
    fn long(&mut self, at: &At<'_>) -> Node {
        let mut fields = Vec::new();
        for (name, field) in at.entries().unwrap_or_default() {
            let node = match (name, &field.node.value) {
                ("source", Value::Text(source)) if kind(at.node) == Some("volume") => {
                    text(self.names.name(source).to_owned(), field.place)
                }
                ("source", Value::Text(source)) if kind(at.node) == Some("bind") => {
                    text(self.base.path(source), field.place)
                }
                ("type" | "source" | "target" | "read_only", _) => field.node.clone(),
                _ => {
                    field.tell(format!("`{name}` of a mount is not supported and was left out"));
                    continue;
                }
            };
            fields.push(entry(name, node));
        }
        if at.node.get("source").is_none() && kind(at.node) == Some("volume") {
            let name = self.anonymous(at, text_of(at.node, "target").unwrap_or_default());
            fields.push(entry("source", text(name, at.place)));
        }
        Node { value: Value::Map(fields), place: at.place }
    }

    /// Names an anonymous volume, so that its data can be found again.
    fn anonymous(&mut self, at: &At<'_>, target: &str) -> String {
        let name = free(&VolumeName::suggest(target, "data"), &self.taken, VolumeName::numbered);
        self.taken.insert(name.clone());
        at.tell(format!(
            "the volume at {target} has no name; it is imported as {name:?} so that its data can be found again"
        ));
        name
    }

    /// Returns a path relative to the devarch.yml, or the new name of a volume.
    fn source(&self, given: &str) -> String {
        if is_path(given) { self.base.path(given) } else { self.names.name(given).to_owned() }
    }
}

/// Returns the named volumes a service mounts, with their places in the file.
pub(super) fn named_volumes<'a>(service: &At<'a>) -> Vec<(String, At<'a>)> {
    let entries = match &service.node.value {
        Value::Map(_) => service.entries().unwrap_or_default(),
        _ => Vec::new(),
    };
    let volumes = entries.into_iter().find(|(field, _)| *field == "volumes");
    let items = volumes.map(|(_, at)| match at.node.value {
        Value::List(_) => at.items().unwrap_or_default(),
        _ => Vec::new(),
    });
    let named = |item: At<'a>| {
        let name = match &item.node.value {
            Value::Text(mount) => mount.split_once(':')?.0,
            Value::Map(_) if kind(item.node) == Some("volume") => text_of(item.node, "source")?,
            _ => return None,
        };
        (!is_path(name)).then(|| (name.to_owned(), item.clone()))
    };
    items.unwrap_or_default().into_iter().filter_map(named).collect()
}

/// `{type: tmpfs, target, tmpfs: {size, mode}}`.
fn long_tmpfs(at: &At<'_>) -> Node {
    let mut fields = Vec::new();
    for (name, field) in at.entries().unwrap_or_default() {
        match (name, &field.node.value) {
            ("type", _) => {}
            ("target", _) => fields.push(entry(name, field.node.clone())),
            ("tmpfs", Value::Map(options)) => fields.extend(options.iter().cloned()),
            _ => field.tell(format!("`{name}` of a tmpfs is not supported and was left out")),
        }
    }
    Node { value: Value::Map(fields), place: at.place }
}

fn is_path(source: &str) -> bool {
    source.starts_with(['/', '.', '~'])
}

fn kind(mount: &Node) -> Option<&str> {
    text_of(mount, "type")
}

fn text_of<'n>(node: &'n Node, field: &str) -> Option<&'n str> {
    match &node.get(field)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
