//! `set` and `unset`: one entry of an instance's config, copy-on-write.
//!
//! The inherited list or object is copied into the override and the entry changed there, so that setting
//! `healthcheck.interval` keeps the test.

use crate::{Context, OperationError, context::instance, editing::edit::edit_stack, error::DefinitionError};
use devarch_core::{
    diagnostic::{Diagnostic, Diagnostics},
    name::{InstanceName, StackName},
    port::PortKey,
    read::{NOT_A_VALUE, Node, OVERRIDE_FIELDS, SERVICE_FIELDS, keep_secrets, parse_yaml, read_overrides},
    resolve::merge,
    secret::{HoldsSecrets as _, SecretValue},
    serialize::SerializeError,
    stack::{Instance, Stack},
    template::Overrides,
};
use devarch_store::StoreError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The instance that is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The stack.
    pub stack: StackName,
    /// The instance.
    pub instance: InstanceName,
}

/// Sets fields of an instance: pairs of a path (`environment.LOG_LEVEL`, `ports.5432`, `image`, `enabled`) and a
/// YAML value.
#[tracing::instrument(level = "info", skip_all)]
pub async fn set_fields(
    ctx: &Context,
    target: &Target,
    fields: &[(String, String)],
) -> Result<Stack, OperationError> {
    let change = |stack: &mut Stack| {
        let name = &target.instance;
        let mut edited = instance(stack, name)?.clone();
        for (path, text) in fields {
            let value = parse_yaml(text).map_err(|wrong| invalid(target, at(wrong, path).into()))?.to_json();
            set_field(&mut edited, target, path, value)?;
        }
        stack.instances.insert(name.clone(), edited);
        Ok(())
    };
    Ok(edit_stack(ctx, &target.stack, change).await?.1)
}

/// Resets fields of an instance to the template's values.
#[tracing::instrument(level = "info", skip_all)]
pub async fn unset_fields(
    ctx: &Context,
    target: &Target,
    fields: &[String],
) -> Result<Stack, OperationError> {
    let change = |stack: &mut Stack| {
        let name = &target.instance;
        let mut edited = instance(stack, name)?.clone();
        for path in fields {
            unset_field(&mut edited, target, path)?;
        }
        stack.instances.insert(name.clone(), edited);
        Ok(())
    };
    Ok(edit_stack(ctx, &target.stack, change).await?.1)
}

fn invalid(target: &Target, wrong: Diagnostics) -> OperationError {
    DefinitionError::Invalid { origin: format!("{}/{}", target.stack, target.instance), wrong }.into()
}

fn at(wrong: Diagnostic, path: &str) -> Diagnostic {
    Diagnostic { place: None, field: path.into(), ..wrong }
}

fn set_field(edited: &mut Instance, target: &Target, path: &str, value: Value) -> Result<(), OperationError> {
    if path == "enabled" {
        let wrong =
            || Diagnostic { place: None, field: path.into(), message: "expected true or false".to_owned() };
        edited.enabled = value.as_bool().ok_or_else(|| invalid(target, wrong().into()))?;
        return Ok(());
    }
    let (field, entry) = split(target, path)?;
    part_of_a_variable(target, path, field, entry.as_deref())?;
    let mut overrides = user_form(&edited.overrides)?;
    match entry {
        None => {
            overrides.insert(field.to_owned(), value);
        }
        Some(entry) => set_entry(&mut overrides, edited, field, &entry, value)?,
    }
    edited.overrides = reread(target, overrides, edited)?;
    Ok(())
}

/// Rejects a path below a variable: variables are set as a whole, and because their names may contain dots such a path
/// would set another one.
fn part_of_a_variable(
    target: &Target,
    path: &str,
    field: &str,
    entry: Option<&str>,
) -> Result<(), OperationError> {
    const PARTS: [&str; 3] = ["value", "secret", "generate"];
    let Some((name, part)) = entry.and_then(|entry| entry.rsplit_once('.')) else { return Ok(()) };
    if !field.starts_with("environment") || !PARTS.contains(&part) {
        return Ok(());
    }
    let message = format!(
        "a variable is set as a whole: {field}.{name}='{{value: ..., secret: true}}', or {field}.{name}='{{generate: 32}}'"
    );
    Err(invalid(target, Diagnostic { place: None, field: path.into(), message }.into()))
}

/// Sets an entry. Additive lists have an `*_add` field for single entries; other objects are copied from the inherited
/// one.
fn set_entry(
    overrides: &mut Map<String, Value>,
    edited: &Instance,
    field: &str,
    entry: &str,
    value: Value,
) -> Result<(), StoreError> {
    if let Some(add) = adding(field) {
        entry_map(overrides, add).insert(entry.to_owned(), value);
        return Ok(());
    }
    if !overrides.contains_key(field) {
        let inherited = inherited(edited, field)?.unwrap_or_else(|| Value::Object(Map::new()));
        overrides.insert(field.to_owned(), inherited);
    }
    let mut place = overrides.entry(field.to_owned()).or_insert(Value::Null);
    let parts: Vec<&str> = if field == "config_files" { vec![entry] } else { entry.split('.').collect() };
    for part in parts {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(map) = place else { return Ok(()) };
        place = map.entry(part.to_owned()).or_insert(Value::Null);
    }
    *place = value;
    Ok(())
}

fn unset_field(edited: &mut Instance, target: &Target, path: &str) -> Result<(), OperationError> {
    if path == "enabled" {
        edited.enabled = true;
        return Ok(());
    }
    let (field, entry) = split(target, path)?;
    let mut overrides = user_form(&edited.overrides)?;
    match (entry, adding(field)) {
        (None, add) => {
            overrides.remove(field);
            if let Some(add) = add {
                overrides.remove(add);
            }
        }
        (Some(entry), add) => {
            for field in [Some(field), add].into_iter().flatten() {
                if let Some(map) = overrides.get_mut(field).and_then(Value::as_object_mut) {
                    map.remove(&entry);
                }
            }
        }
    }
    edited.overrides = reread(target, overrides, edited)?;
    Ok(())
}

fn adding(field: &str) -> Option<&'static str> {
    match field {
        "environment" => Some("environment_add"),
        "ports" => Some("ports_add"),
        "volumes" => Some("volumes_add"),
        _ => None,
    }
}

fn entry_map<'a>(overrides: &'a mut Map<String, Value>, field: &str) -> &'a mut Map<String, Value> {
    let place = overrides.entry(field.to_owned()).or_insert_with(|| Value::Object(Map::new()));
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(map) => map,
        _ => unreachable!("it was just made an object"),
    }
}

/// Splits a path: `environment.A.B` is entry `A.B` of `environment`, `ports.80` is entry `80/tcp` of `ports`. The
/// field must be one that overrides can have.
fn split<'a>(target: &Target, path: &'a str) -> Result<(&'a str, Option<String>), OperationError> {
    let (field, entry) = path.split_once('.').map_or((path, None), |(field, entry)| (field, Some(entry)));
    let known = SERVICE_FIELDS.iter().chain(OVERRIDE_FIELDS).copied();
    if known.clone().any(|name| name == field) && entry != Some("") {
        let key = |entry: &str| match (field, entry.parse::<PortKey>()) {
            ("ports", Ok(key)) => key.to_string(),
            _ => entry.to_owned(),
        };
        return Ok((field, entry.map(key)));
    }
    let near = devarch_core::name::nearest(field, known);
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let message = format!("`{field}` is not a field of an instance{hint}");
    Err(invalid(target, Diagnostic { place: None, field: path.into(), message }.into()))
}

/// Returns the overrides as a user would write them, in long forms.
fn user_form(overrides: &Overrides) -> Result<Map<String, Value>, StoreError> {
    let form = serde_json::to_value(overrides).map_err(SerializeError::from)?;
    let Value::Object(mut map) = form else { return Ok(Map::new()) };
    // In these lists the key includes the target.
    for field in ["ports_add", "volumes_add"] {
        let entries = map.get_mut(field).and_then(Value::as_object_mut);
        for entry in entries.into_iter().flat_map(|entries| entries.values_mut()) {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("target");
            }
        }
    }
    Ok(map)
}

fn inherited(edited: &Instance, field: &str) -> Result<Option<Value>, StoreError> {
    Ok(user_form(&whole(edited))?.remove(field))
}

/// Returns an instance's effective config as if it were all overrides.
fn whole(edited: &Instance) -> Overrides {
    let effective = merge(&edited.template.template, &edited.overrides);
    Overrides { service: effective.service, ..Overrides::default() }
}

/// Parses edited overrides, and restores the secrets that were redacted in them.
fn reread(
    target: &Target,
    overrides: Map<String, Value>,
    before: &Instance,
) -> Result<Overrides, OperationError> {
    let read = read_overrides(&Node::from_json(&Value::Object(overrides)));
    let mut edited = read.map_err(|wrong| invalid(target, wrong))?;
    let known = whole(before).secret_values().into_iter().chain(before.overrides.secret_values());
    let known: BTreeMap<String, SecretValue> = known.collect();
    let unknown = keep_secrets(&mut edited, &known).into_iter();
    let unknown: Diagnostics = unknown
        .map(|field| Diagnostic { place: None, field: field.into(), message: NOT_A_VALUE.to_owned() })
        .collect();
    if unknown.is_empty() { Ok(edited) } else { Err(invalid(target, unknown)) }
}
