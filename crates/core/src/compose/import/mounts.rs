//! Volumes of a service: names made acceptable, options that only one engine knows taken off.

use super::service::{entry, text};
use crate::{
    name::VolumeName,
    read::{At, Node, Value},
};

/// Options that change nothing a development environment can see: `SELinux` labels (no engine is asked for
/// any) and Docker Desktop's old consistency levels (Compose specification, "volumes", short syntax).
const IDLE_OPTIONS: &[&str] = &["z", "Z", "cached", "delegated", "consistent"];

/// The `volumes` of a service as a template has them, and the long form's tmpfs mounts among them.
pub(super) fn volumes(at: &At<'_>) -> (Vec<Node>, Vec<Node>) {
    let (mut volumes, mut tmpfs) = (Vec::new(), Vec::new());
    for item in at.items().unwrap_or_default() {
        match &item.node.value {
            Value::Text(mount) => volumes.push(short(&item, mount)),
            Value::Map(_) if kind(item.node) == Some("tmpfs") => tmpfs.push(long_tmpfs(&item)),
            Value::Map(_) => volumes.push(long(&item)),
            _ => volumes.push(item.node.clone()),
        }
    }
    (volumes, tmpfs)
}

/// The named volumes a service mounts, with where it says so.
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

fn short(at: &At<'_>, mount: &str) -> Node {
    let parts: Vec<&str> = mount.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] if target.starts_with('/') => {
            let name = VolumeName::suggest(target, "data");
            at.tell(format!(
                "the volume at {target} has no name; it is imported as {name:?} so that its data can be found again"
            ));
            (name, *target, "")
        }
        [source, target] => (volume_name(at, source), *target, ""),
        [source, target, options] => (volume_name(at, source), *target, *options),
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

/// A long mount without the fields that only say how its source is made.
fn long(at: &At<'_>) -> Node {
    let mut fields = Vec::new();
    for (name, field) in at.entries().unwrap_or_default() {
        let node = match (name, &field.node.value) {
            ("source", Value::Text(source)) if kind(at.node) == Some("volume") => {
                text(volume_name(&field, source), field.place)
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
        let target = text_of(at.node, "target").unwrap_or_default();
        let name = VolumeName::suggest(target, "data");
        at.tell(format!("the volume at {target} has no name; it is imported as {name:?}"));
        fields.push(entry("source", text(name, at.place)));
    }
    Node { value: Value::Map(fields), place: at.place }
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

/// A source as written, or the nearest name where it is a volume's that is refused.
fn volume_name(at: &At<'_>, source: &str) -> String {
    if is_path(source) || source.parse::<VolumeName>().is_ok() {
        return source.to_owned();
    }
    let name = VolumeName::suggest(source, "data");
    at.tell(format!("volume {source:?} is imported as {name:?}: volumes are named like instances"));
    name
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
