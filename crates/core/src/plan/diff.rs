//! Compares two specs field by field.

use crate::{
    content::ContentRef,
    escape,
    secret::{REDACTED, Secret},
};
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;
use std::{collections::BTreeMap, fmt};

/// One field that differs. Secret values are not included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// The field: `environment.LOG_LEVEL`.
    pub field: String,
    /// The old value; `None` if the field was not set.
    pub from: Option<String>,
    /// The new value; `None` if the field is no longer set.
    pub to: Option<String>,
}

impl FieldDiff {
    /// Creates the diff of a secret, which shows no values.
    pub fn secret(field: impl Into<String>) -> Self {
        let shown = || Some(REDACTED.to_owned());
        Self { field: field.into(), from: shown(), to: shown() }
    }
}

/// Returns the secrets present on both sides whose values differ.
pub fn changed_secrets(from: &BTreeMap<String, Secret>, to: &BTreeMap<String, Secret>) -> Vec<FieldDiff> {
    let differs = |(field, secret): &(&String, &Secret)| from.get(*field).is_some_and(|was| was != *secret);
    to.iter().filter(differs).map(|(field, _)| FieldDiff::secret(field)).collect()
}

impl fmt::Display for FieldDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        // A port's text already contains the target: `web.ports: 127.0.0.1:8080->80 => 127.0.0.1:8081->80`.
        let field = if self.field.starts_with("ports.") { "ports" } else { &self.field };
        let field = escape::line(field);
        if let (Some(from), Some(to)) = (from, to)
            && (from.contains('\n') || to.contains('\n'))
        {
            return write!(f, "{field}:\n{}", unified(from, to));
        }
        match (from, to) {
            (Some(REDACTED), Some(REDACTED)) => write!(f, "{field}: secret changed"),
            (Some(from), Some(to)) => write!(f, "{field}: {} => {}", brief(from), brief(to)),
            (None, Some(to)) => write!(f, "{field}: + {}", brief(to)),
            (Some(from), None) => write!(f, "{field}: - {}", brief(from)),
            (None, None) => f.write_str(&field),
        }
    }
}

fn unified(from: &str, to: &str) -> String {
    TextDiff::from_lines(from, to).unified_diff().context_radius(1).to_string()
}

/// Shortens a value to one line.
fn brief(value: &str) -> String {
    match value.lines().count() {
        0 => "\"\"".to_owned(),
        1 => value.to_owned(),
        lines => format!("({lines} lines)"),
    }
}

/// Returns every leaf that differs between two specs, sorted by field name.
pub fn diff(from: &Value, to: &Value) -> Vec<FieldDiff> {
    let (from, to) = (leaves(from), leaves(to));
    let mut fields: Vec<&String> = from.keys().chain(to.keys()).collect();
    fields.sort();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| from.get(*field) != to.get(*field))
        .map(|field| FieldDiff {
            field: field.clone(),
            from: from.get(field).cloned(),
            to: to.get(field).cloned(),
        })
        .collect()
}

fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    collect("", value, &mut leaves);
    leaves
}

fn collect(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if let Some(kept) = ContentRef::of_json(map) => {
            leaves.insert(path.to_owned(), kept.to_string());
        }
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(&path, value, leaves);
            }
        }
        Value::Array(items) if path == "mounts" || path == "tmpfs" => {
            for item in items {
                let target = item.get("target").and_then(Value::as_str).unwrap_or_default();
                let field = if path == "mounts" { "volumes" } else { path };
                leaves.insert(format!("{field}.{target}"), mount(item));
            }
        }
        Value::String(text) => {
            leaves.insert(path.to_owned(), text.clone());
        }
        other => {
            leaves.insert(path.to_owned(), other.to_string());
        }
    }
}

fn mount(item: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (key, value) in item.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("target", _) => {}
            ("read_only", _) => parts.push("ro".to_owned()),
            (key, value) => parts.push(format!("{key} {}", value.as_str().unwrap_or_default())),
        }
    }
    if parts.is_empty() { "tmpfs".to_owned() } else { parts.join(" ") }
}
