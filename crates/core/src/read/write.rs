//! Writes definitions as text that [`super::read_project`] reads, in the forms a person would write.

use super::{
    ProjectFile,
    written::{Written, added_mount, host_side},
};
use crate::{
    serialize::SerializeError,
    service_fields::service_fields,
    stack::{InstanceFile, SecretFile, StackFile},
    template::{Overrides, PortSpec, Service, Template},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Returns YAML that YAML 1.1 and 1.2 parsers read alike: ambiguous values are quoted, and long lines are not folded.
pub(crate) fn yaml_text(value: &impl Serialize) -> Result<String, SerializeError> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}

/// Returns a devarch.yml that reads back as the same project, in a stable order. Secret values are redacted.
///
/// # Errors
///
/// If it cannot be represented as YAML.
pub fn project_yaml(project: &ProjectFile) -> Result<String, SerializeError> {
    let mut file = Map::new();
    file.insert("version".to_owned(), json!("1"));
    file.insert("stacks".to_owned(), map(&project.stacks, stack));
    if !project.templates.is_empty() {
        file.insert("templates".to_owned(), map(&project.templates, template));
    }
    yaml_text(&file)
}

fn map<K: ToString, V>(entries: &BTreeMap<K, V>, write: impl Fn(&V) -> Value) -> Value {
    entries.iter().map(|(key, value)| (key.to_string(), write(value))).collect()
}

fn stack(stack: &StackFile) -> Value {
    let mut fields = Map::new();
    if !stack.allow.is_empty() {
        fields.insert("allow".to_owned(), json!(stack.allow));
    }
    if !stack.secrets.is_empty() {
        fields.insert("secrets".to_owned(), map(&stack.secrets, secret));
    }
    if let Ok(Value::Object(wiring)) = serde_json::to_value(&stack.wiring) {
        fields.extend(wiring);
    }
    fields.insert("instances".to_owned(), map(&stack.instances, instance));
    Value::Object(fields)
}

/// Returns null for a secret that the user sets.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what `map` hands on")]
fn secret(secret: &SecretFile) -> Value {
    if secret.generate.is_some() { json!(secret) } else { Value::Null }
}

fn instance(instance: &InstanceFile) -> Value {
    let mut fields = Map::new();
    fields.insert("template".to_owned(), json!(instance.template));
    if !instance.enabled {
        fields.insert("enabled".to_owned(), json!(false));
    }
    fields.extend(overrides(&instance.overrides));
    Value::Object(fields)
}

fn template(template: &Template) -> Value {
    let mut fields = Map::new();
    if !template.description.is_empty() {
        fields.insert("description".to_owned(), json!(template.description));
    }
    fields.extend(service(&template.service));
    if !template.config_files.is_empty() {
        fields.insert("config_files".to_owned(), template.config_files.written());
    }
    if !template.exports.is_empty() {
        fields.insert("exports".to_owned(), json!(template.exports));
    }
    if !template.imports.is_empty() {
        fields.insert("imports".to_owned(), json!(template.imports));
    }
    Value::Object(fields)
}

fn overrides(overrides: &Overrides) -> Map<String, Value> {
    let mut fields = service(&overrides.service);
    if !overrides.environment_add.is_empty() {
        fields.insert("environment_add".to_owned(), json!(overrides.environment_add));
    }
    if !overrides.ports_add.is_empty() {
        let host = |port: &Option<PortSpec>| port.as_ref().map(|port| host_side(port, "auto"));
        let added = overrides.ports_add.iter();
        let added: Value = added.map(|(key, port)| (key.to_string(), json!(host(port)))).collect();
        fields.insert("ports_add".to_owned(), added);
    }
    if !overrides.volumes_add.is_empty() {
        let added = map(&overrides.volumes_add, |mount| mount.as_ref().map_or(Value::Null, added_mount));
        fields.insert("volumes_add".to_owned(), added);
    }
    if !overrides.config_files.is_empty() {
        fields.insert("config_files".to_owned(), overrides.config_files.written());
    }
    if let Some(exports) = &overrides.exports {
        fields.insert("exports".to_owned(), json!(exports));
    }
    if let Some(imports) = &overrides.imports {
        fields.insert("imports".to_owned(), json!(imports));
    }
    fields
}

macro_rules! write_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident, $($way:ident $shape:tt,)* $form:literal, $meaning:literal; )*) => {
        /// Returns the fields of a service that are set, in their order.
        fn service(service: &Service) -> Map<String, Value> {
            let fields = [$( (stringify!($field), service.$field.as_ref().map(Written::written)) ),*];
            fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect()
        }
    };
}

service_fields!(write_service);
