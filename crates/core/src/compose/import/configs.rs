use super::{
    paths::Base,
    service::{entry, text},
};
use crate::read::{At, Key, Node, Value};
use std::collections::BTreeMap;

/// The supported top-level `configs`: those with content, and files beside the Compose file (Compose specification,
/// "configs").
#[derive(Default)]
pub(super) struct Configs(BTreeMap<String, (Key, Node)>);

impl Configs {
    /// Reads the top-level field; relative paths start at `base`.
    pub(super) fn of(at: &At<'_>, base: Base<'_>) -> Self {
        let mut configs = BTreeMap::new();
        for (name, at) in at.entries().unwrap_or_default() {
            let source = ["content", "file"].into_iter().find_map(|field| {
                let node = at.node.get(field)?;
                let key = Key { text: field.to_owned(), place: node.place };
                let node = match &node.value {
                    Value::Text(path) if field == "file" => text(base.path(path), node.place),
                    _ => node.clone(),
                };
                Some((key, node))
            });
            match source {
                Some(source) => {
                    configs.insert(name.to_owned(), source);
                }
                None => at
                    .tell(format!(
                        "config {name:?} has neither content nor file and was left out; write it under config_files"
                    )),
            }
        }
        Self(configs)
    }

    /// Converts a service's `configs` to `config_files`: path and file.
    pub(super) fn files(&self, at: &At<'_>) -> Vec<(Key, Node)> {
        let mut files: Vec<(Key, Node)> = Vec::new();
        for item in at.items().unwrap_or_default() {
            let Some((path, file)) = self.file(&item) else { continue };
            if files.iter().any(|(other, _)| other.text == path.text) {
                item.tell(format!("another config is put into {}; this one was left out", path.text));
            } else {
                files.push((path, file));
            }
        }
        files
    }

    /// `app.conf` (at `/app.conf`), or `{source, target, uid, gid, mode}`.
    fn file(&self, at: &At<'_>) -> Option<(Key, Node)> {
        let field = |name: &str| at.node.get(name);
        let source = match &at.node.value {
            Value::Text(source) => source,
            _ => match field("source").map(|node| &node.value) {
                Some(Value::Text(source)) => source,
                _ => return at.wrong("`source` is missing; the config was left out"),
            },
        };
        let Some((kind, content)) = self.0.get(source.as_str()) else {
            return at.wrong(format!(
                "config {source:?} is not in the file and was left out; write it under config_files"
            ));
        };
        let mut file = vec![(kind.clone(), content.clone())];
        if let Some(mode) = field("mode") {
            file.push(entry("mode", mode.clone()));
        }
        let id = |name: &str| field(name).and_then(scalar);
        if let (Some(uid), gid) = (id("uid"), id("gid")) {
            let gid = gid.unwrap_or_else(|| uid.clone());
            file.push(entry("owner", text(format!("{uid}:{gid}"), at.place)));
        }
        let target = match field("target").map(|node| &node.value) {
            Some(Value::Text(target)) => target.clone(),
            _ => format!("/{source}"),
        };
        let key = Key { text: target, place: at.place };
        let value = Value::Map(file);
        Some((key, Node { value, place: at.place }))
    }
}

fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(int) => Some(int.to_string()),
        _ => None,
    }
}
