use super::{
    Node, ReadResult, Reader, Value,
    fields::{At, Fields},
    grammar::printable,
    scalar::{boolean, checked_container_path, file_mode, nonempty, parsed, port, text},
    service::{NOT_A_VALUE, command, environment_add, pairs, said_value, service},
    service_lists::{ports_add, volumes_add},
};
use crate::{
    content::{ContentDigest, ContentRef},
    name::TemplateName,
    secret::{HoldsSecrets as _, REDACTED, SecretValue},
    template::{ConfigContent, ConfigFile, ContractType, Export, Import, Overrides, Provision, Template},
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads a template; `name` is its name in the catalog, used if the text has none.
pub fn read_template(node: &Node, name: Option<&TemplateName>) -> ReadResult<Template> {
    let reader = Reader::new();
    let read = template(&At::root(&reader, node), name);
    reader.finish(read)
}

/// Reads an instance's overrides from the JSON of an edit. The caller restores redacted secrets with
/// [`keep_secrets`].
pub fn read_overrides(node: &Node) -> ReadResult<Overrides> {
    let reader = Reader::of_redacted();
    let at = At::root(&reader, node);
    let read = at.fields().map(|mut fields| {
        let read = overrides(&mut fields);
        fields.finish();
        read
    });
    reader.finish(read)
}

/// Restores redacted secrets from the previous values of the fields; returns the fields that had none.
pub fn keep_secrets(edited: &mut Overrides, before: &BTreeMap<String, SecretValue>) -> Vec<String> {
    let mut unknown = Vec::new();
    edited.visit_secrets(&mut |field, value| {
        if value.open().is_ok_and(|secret| secret.reveal() == REDACTED) {
            match before.get(field) {
                Some(known) => *value = known.clone(),
                None => unknown.push(field.to_owned()),
            }
        }
    });
    unknown
}

pub(crate) fn template(at: &At<'_>, name: Option<&TemplateName>) -> Option<Template> {
    let mut fields = at.fields()?;
    let said = fields.take("name", parsed);
    let description = fields.take("description", text).unwrap_or_default();
    let service = service(&mut fields);
    let config_files = fields.take("config_files", |at| config_files(at, config_file)).unwrap_or_default();
    let exports = fields.take("exports", exports).unwrap_or_default();
    let imports = fields.take("imports", imports).unwrap_or_default();
    if !fields.says("image") && !fields.says("build") {
        fields.at.tell("`image` is missing, and so is `build`");
    }
    if let (Some(said), Some(name)) = (&said, name)
        && said != name
    {
        fields.at.tell(format!("template name {said:?} does not match its file name {name:?}"));
    }
    fields.finish();
    let Some(name) = said.or_else(|| name.cloned()) else {
        return at.wrong("`name` is missing");
    };
    Some(Template { name, description, service, config_files, exports, imports })
}

/// Reads the fields an instance may override.
pub(super) fn overrides(fields: &mut Fields<'_>) -> Overrides {
    Overrides {
        service: service(fields),
        environment_add: fields.take("environment_add", environment_add).unwrap_or_default(),
        ports_add: fields.take("ports_add", ports_add).unwrap_or_default(),
        volumes_add: fields.take("volumes_add", volumes_add).unwrap_or_default(),
        config_files: fields.take("config_files", |at| config_files(at, removable)).unwrap_or_default(),
        exports: fields.take("exports", exports),
        imports: fields.take("imports", imports),
    }
}

fn config_files<T>(at: &At<'_>, read: impl Fn(&At<'_>) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let mut files = BTreeMap::new();
    for (path, entry) in at.entries()? {
        let Some(path) = checked_container_path(&entry.key(), path) else {
            continue;
        };
        if let Some(file) = read(&entry) {
            files.insert(path, file);
        }
    }
    Some(files)
}

#[expect(clippy::option_option, reason = "not read, read as null, read as a file")]
fn removable(at: &At<'_>) -> Option<Option<ConfigFile>> {
    match at.node.value {
        Value::Null => Some(None),
        _ => config_file(at).map(Some),
    }
}

/// Reads a config file: a text is the content; a mapping has options.
fn config_file(at: &At<'_>) -> Option<ConfigFile> {
    if let Value::Text(content) = &at.node.value {
        let content = ConfigContent::Content(content.clone());
        return Some(ConfigFile { content, mode: None, owner: None });
    }
    let mut fields = at.fields()?;
    let content = fields.take("content", text);
    let file = fields.take("file", printable);
    // Only DevArch writes it; an edit copies it from a definition.
    let kept = if at.reader.redacted { fields.take("kept", kept) } else { None };
    let mode = fields.take("mode", file_mode);
    let owner = fields.take("owner", parsed);
    let secret = fields.take("secret", boolean).unwrap_or(false);
    fields.finish();
    if secret && content.as_deref() == Some(REDACTED) && !at.reader.redacted {
        return at.wrong(NOT_A_VALUE);
    }
    let content = match (content, file, kept) {
        (None, None, Some(kept)) => ConfigContent::Kept(kept),
        (Some(content), None, None) if secret => ConfigContent::secret(content),
        (Some(content), None, None) => ConfigContent::Content(content),
        (None, Some(path), None) => ConfigContent::File { path, secret },
        _ => return at.wrong("either `content` or `file` is needed, and not both"),
    };
    Some(ConfigFile { content, mode, owner })
}

/// Reads the reference to a content in the store.
fn kept(at: &At<'_>) -> Option<ContentRef> {
    let mut fields = at.fields()?;
    let sha256 = fields.need("sha256", |at| ContentDigest::try_from(text(at)?).ok());
    let bytes = fields.need("bytes", |at| text(at)?.parse().ok());
    fields.finish();
    Some(ContentRef { sha256: sha256?, bytes: bytes? })
}

fn exports(at: &At<'_>) -> Option<Vec<Export>> {
    let mut names = BTreeSet::new();
    let mut exports = Vec::new();
    for item in at.items()? {
        let Some(mut fields) = item.fields() else {
            continue;
        };
        let name = fields.need("name", printable);
        let contract = fields.need("type", contract);
        let port = fields.need("port", port);
        let properties = fields.take("properties", |at| pairs(at, said_value)).unwrap_or_default();
        let provision = fields.take("provision", provision);
        fields.finish();
        let (Some(name), Some(contract), Some(port)) = (name, contract, port) else {
            continue;
        };
        if !names.insert(name.clone()) {
            item.tell(format!("two exports are named {name:?}"));
        }
        exports.push(Export { name, contract, port, properties, provision });
    }
    Some(exports)
}

/// `{command: [...], remove: [...]}`.
fn provision(at: &At<'_>) -> Option<Provision> {
    let mut fields = at.fields()?;
    let make = fields.need("command", command);
    let remove = fields.take("remove", command);
    fields.finish();
    Some(Provision { command: make?, remove })
}

fn imports(at: &At<'_>) -> Option<Vec<Import>> {
    let mut names = BTreeSet::new();
    let mut imports = Vec::new();
    for item in at.items()? {
        let Some(mut fields) = item.fields() else {
            continue;
        };
        let name = fields.need("name", printable);
        let contract = fields.need("type", contract);
        let required = fields.take("required", boolean).unwrap_or(true);
        let own = fields.take("own", boolean).unwrap_or(false);
        let environment = fields.take("environment", |at| pairs(at, text)).unwrap_or_default();
        fields.finish();
        let (Some(name), Some(contract)) = (name, contract) else {
            continue;
        };
        if !names.insert(name.clone()) {
            item.tell(format!("two imports are named {name:?}"));
        }
        imports.push(Import { name, contract, required, own, environment });
    }
    Some(imports)
}

pub(super) fn contract(at: &At<'_>) -> Option<ContractType> {
    let name = nonempty(at)?;
    name.parse().ok().or_else(|| {
        let known = ContractType::ALL.map(ContractType::as_str).join(", ");
        at.wrong(format!("{name:?} is not a contract type; known are {known}"))
    })
}
