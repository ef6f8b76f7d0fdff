use super::{
    TopLevel, advice,
    mounts::{Mounts, VolumeNames},
    names::Names,
};
use crate::{
    diagnostic::Place,
    read::{At, BUILD_FIELDS, Key, Node, SERVICE_FIELDS, Value},
};

/// Rewrites a Compose service into a template.
pub(super) struct Rewrite<'a, 'f> {
    at: &'a At<'a>,
    names: &'a Names,
    mounts: Mounts<'a>,
    file: &'a TopLevel<'f>,
    fields: Vec<(Key, Node)>,
    limits: Vec<(Key, Node)>,
    reservations: Vec<(Key, Node)>,
    tmpfs: Vec<Node>,
    enabled: bool,
}

/// A service rewritten into a template.
pub(super) struct Rewritten {
    /// The template's mapping.
    pub(super) body: Node,
    /// Whether the instance starts by default.
    pub(super) enabled: bool,
}

impl<'a, 'f> Rewrite<'a, 'f> {
    /// Starts with no fields.
    pub(super) fn new(
        at: &'a At<'a>,
        names: &'a Names,
        volumes: &'a VolumeNames,
        file: &'a TopLevel<'f>,
    ) -> Self {
        Self {
            at,
            names,
            mounts: Mounts::of(at, volumes, file.base),
            file,
            fields: Vec::new(),
            limits: Vec::new(),
            reservations: Vec::new(),
            tmpfs: Vec::new(),
            enabled: true,
        }
    }

    /// Rewrites all fields; changed and left-out ones are noted.
    pub(super) fn service(mut self) -> Option<Rewritten> {
        for (field, at) in self.at.entries()? {
            if !matches!(at.node.value, Value::Null) {
                self.field(field, &at);
            }
        }
        if !self.tmpfs.is_empty() {
            let tmpfs = Value::List(std::mem::take(&mut self.tmpfs));
            self.push("tmpfs", tmpfs);
        }
        let resources = [("limits", self.limits), ("reservations", self.reservations)];
        let resources: Vec<(Key, Node)> = resources
            .into_iter()
            .filter(|(_, fields)| !fields.is_empty())
            .map(|(name, fields)| entry(name, node(Value::Map(fields), self.at.place)))
            .collect();
        if !resources.is_empty() {
            let resources = node(Value::Map(resources), self.at.place);
            self.fields.push(entry("resources", resources));
        }
        Some(Rewritten { body: node(Value::Map(self.fields), self.at.place), enabled: self.enabled })
    }

    fn field(&mut self, field: &str, at: &At<'_>) {
        match field {
            "volumes" => {
                let (volumes, tmpfs) = self.mounts.volumes(at);
                self.tmpfs.extend(tmpfs);
                self.fields.push(entry(field, node(Value::List(volumes), at.place)));
            }
            "tmpfs" => match &at.node.value {
                Value::List(items) => self.tmpfs.extend(items.iter().cloned()),
                _ => self.tmpfs.push(at.node.clone()),
            },
            "depends_on" => {
                let renamed = self.depends_on(at.node);
                self.fields.push(entry(field, renamed));
            }
            "configs" => {
                let files = Value::Map(self.file.configs.files(at));
                self.fields.push(entry("config_files", node(files, at.place)));
            }
            "secrets" => {
                let mounts = Value::List(self.secrets(at));
                self.fields.push(entry(field, node(mounts, at.place)));
            }
            "build" => self.build(at),
            "deploy" => self.deploy(at),
            "profiles" => {
                self.enabled = false;
                at.tell(
                    "profiles are not supported; the instance is imported disabled, as Compose does not start it \
                     unasked either",
                );
            }
            "cpus" => self.limits.push(entry("cpus", at.node.clone())),
            "mem_limit" => self.limits.push(entry("memory", at.node.clone())),
            "pids_limit" => self.limits.push(entry("pids", at.node.clone())),
            "mem_reservation" => self.reservations.push(entry("memory", at.node.clone())),
            // These are fields of DevArch only, not of Compose.
            "job" | "resources" => at.wrong(advice::service(field)).unwrap_or_default(),
            _ if SERVICE_FIELDS.contains(&field) => self.fields.push(entry(field, at.node.clone())),
            _ if field.starts_with("x-") => {}
            _ => at.wrong(advice::service(field)).unwrap_or_default(),
        }
    }

    fn push(&mut self, field: &str, value: Value) {
        self.fields.push(entry(field, node(value, self.at.place)));
    }

    /// Fields about how the engine builds, rather than what, are not supported.
    fn build(&mut self, at: &At<'_>) {
        if let Value::Text(context) = &at.node.value {
            self.fields.push(entry("build", text(self.file.base.context(context), at.place)));
            return;
        }
        let Value::Map(entries) = &at.node.value else {
            self.fields.push(entry("build", at.node.clone()));
            return;
        };
        for (field, at) in at.entries().unwrap_or_default() {
            if !BUILD_FIELDS.contains(&field) && !field.starts_with("x-") {
                at.tell(advice::build(field));
            }
        }
        let known = entries.iter().filter(|(key, _)| BUILD_FIELDS.contains(&key.text.as_str()));
        let known = known.map(|(key, value)| match &value.value {
            Value::Text(context) if key.text == "context" => {
                (key.clone(), text(self.file.base.context(context), value.place))
            }
            _ => (key.clone(), value.clone()),
        });
        self.fields.push(entry("build", node(Value::Map(known.collect()), at.place)));
    }

    /// Converts the service's secrets to their new names.
    fn secrets(&self, at: &At<'_>) -> Vec<Node> {
        at.items().unwrap_or_default().iter().filter_map(|item| self.secret(item)).collect()
    }

    fn secret(&self, at: &At<'_>) -> Option<Node> {
        let source = match &at.node.value {
            Value::Text(source) => source,
            _ => match at.node.get("source").map(|node| &node.value) {
                Some(Value::Text(source)) => source,
                _ => return at.wrong("`source` is missing; the secret was left out"),
            },
        };
        let Some(name) = self.file.secrets.get(source) else {
            return at.wrong(format!("secret {source:?} is not in the file and was left out"));
        };
        let mut fields = vec![entry("source", text(name.to_string(), at.place))];
        match &at.node.value {
            Value::Map(entries) => {
                fields.extend(entries.iter().filter(|(key, _)| key.text != "source").cloned());
            }
            _ if name.as_str() == source => return Some(at.node.clone()),
            _ => {}
        }
        if at.node.get("target").is_none() && name.as_str() != source {
            fields.push(entry("target", text(source.clone(), at.place)));
        }
        Some(node(Value::Map(fields), at.place))
    }

    /// Only the resources of `deploy` are supported (Compose specification, "Compose Deploy Specification",
    /// resources).
    fn deploy(&mut self, at: &At<'_>) {
        for (field, at) in at.entries().unwrap_or_default() {
            if field != "resources" {
                at.tell(advice::deploy(field));
                continue;
            }
            for (kind, at) in at.entries().unwrap_or_default() {
                for (field, at) in at.entries().unwrap_or_default() {
                    let taken = entry(field, at.node.clone());
                    match (kind, field) {
                        ("limits", "cpus" | "memory" | "pids") => self.limits.push(taken),
                        ("reservations", "memory") => self.reservations.push(taken),
                        _ => {
                            at.tell(advice::deploy(&format!("resources.{kind}.{field}")));
                        }
                    }
                }
            }
        }
    }

    /// Converts the names of services to the new ones.
    fn depends_on(&self, given: &Node) -> Node {
        let renamed = |name: &str| self.names.name(name).to_owned();
        let value = match &given.value {
            Value::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| match &item.value {
                        Value::Text(name) => text(renamed(name), item.place),
                        _ => item.clone(),
                    })
                    .collect(),
            ),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let text = renamed(&key.text);
                        let place = key.place;
                        (Key { text, place }, value.clone())
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        node(value, given.place)
    }
}

/// Creates an entry of a mapping at its value's place.
pub(super) fn entry(name: &str, node: Node) -> (Key, Node) {
    let key = Key { text: name.to_owned(), place: node.place };
    (key, node)
}

/// Creates a text at a place.
pub(super) fn text(text: String, place: Option<Place>) -> Node {
    node(Value::Text(text), place)
}

fn node(value: Value, place: Option<Place>) -> Node {
    Node { value, place }
}
