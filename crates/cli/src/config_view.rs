//! Effective configs as YAML, optionally with the origin of each value.

use crate::error::CliError;
use devarch_app::InstanceConfig;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{fmt::Write as _, io};

/// Fields whose entries have separate origins.
const BY_ENTRY: [&str; 6] = ["environment", "labels", "ports", "volumes", "config_files", "depends_on"];

/// Renders each instance below its name.
pub(crate) fn render(instances: &[InstanceConfig], origins: bool) -> Result<String, CliError> {
    let mut text = String::new();
    for instance in instances {
        let _ = writeln!(text, "{}:", instance.name);
        for (field, value) in &instance.config {
            let entries = value.as_object().filter(|_| origins && BY_ENTRY.contains(&field.as_str()));
            match entries {
                None => text.push_str(&chunk(instance, (field, value), (field, origins), 2)?),
                Some(entries) => {
                    let _ = writeln!(text, "  {field}:");
                    for (key, value) in entries {
                        let path = format!("{field}.{key}");
                        text.push_str(&chunk(instance, (key, value), (&path, origins), 4)?);
                    }
                }
            }
        }
    }
    Ok(text)
}

/// Serializes a value as YAML.
pub(crate) fn yaml<T: Serialize>(value: &T) -> Result<String, CliError> {
    serde_saphyr::to_string(value).map_err(|error| CliError::Output(io::Error::other(error)))
}

/// Renders one entry; the origin follows its first line.
fn chunk(
    instance: &InstanceConfig,
    (key, value): (&str, &Value),
    (path, origins): (&str, bool),
    indent: usize,
) -> Result<String, CliError> {
    let mut entry = Map::new();
    entry.insert(key.to_owned(), value.clone());
    let yaml = yaml(&entry)?;
    let mut text = String::new();
    for (at, line) in yaml.lines().enumerate() {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        if at == 0 && origins {
            let _ = write!(text, "  # {}", instance.origin(path));
        }
        text.push('\n');
    }
    Ok(text)
}
