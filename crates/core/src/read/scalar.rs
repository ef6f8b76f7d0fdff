//! Readers for single values.

use super::{Value, fields::At, grammar};
use crate::unit::{Bytes, FileMode, InvalidUnit};
use std::{fmt::Display, str::FromStr};

/// Reads a text; numbers and booleans are converted as in Compose.
pub(super) fn text(at: &At<'_>) -> Option<String> {
    match &at.node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(int) => Some(int.to_string()),
        Value::Float(float) => Some(float.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => at.expected("a text"),
    }
}

/// Reads a text that is not empty.
pub(super) fn nonempty(at: &At<'_>) -> Option<String> {
    let text = text(at)?;
    if text.trim().is_empty() { at.wrong("it is empty") } else { Some(text) }
}

/// Reads `true` or `false`.
pub(super) fn boolean(at: &At<'_>) -> Option<bool> {
    match &at.node.value {
        Value::Bool(bool) => Some(*bool),
        _ => at.expected("true or false"),
    }
}

/// Reads an integer in the type's range.
pub(super) fn int<T: TryFrom<i64>>(at: &At<'_>) -> Option<T> {
    let number = match &at.node.value {
        Value::Int(int) => Some(*int),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) => T::try_from(number).ok().or_else(|| at.wrong(format!("{number} is out of range"))),
        None => at.expected("a whole number"),
    }
}

/// Reads a port, 1 to 65535.
pub(super) fn port(at: &At<'_>) -> Option<u16> {
    match int::<i64>(at)? {
        port @ 1..=65535 => u16::try_from(port).ok(),
        port => at.wrong(format!("port {port} is out of range, ports go from 1 to 65535")),
    }
}

/// Reads a text that parses as `T`.
pub(super) fn parsed<T>(at: &At<'_>) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    match text(at)?.parse() {
        Ok(value) => Some(value),
        Err(error) => at.wrong(error.to_string()),
    }
}

/// Reads a byte size: a number of bytes, or a text with a unit.
pub(super) fn bytes(at: &At<'_>) -> Option<Bytes> {
    match &at.node.value {
        Value::Int(int) => {
            u64::try_from(*int).map(Bytes).ok().or_else(|| at.wrong("a size cannot be negative"))
        }
        _ => parsed(at),
    }
}

/// Reads a file mode: octal text, or a YAML octal number (`0644`).
pub(super) fn file_mode(at: &At<'_>) -> Option<FileMode> {
    match &at.node.value {
        Value::Int(int) => match u32::try_from(*int) {
            Ok(mode) if mode <= 0o777 && mode > 0 => Some(FileMode(mode)),
            _ => at.wrong(
                InvalidUnit { given: int.to_string(), expected: "a file mode; quote it: \"0644\"" }
                    .to_string(),
            ),
        },
        _ => parsed(at),
    }
}

/// Reads an absolute path in a container, without `..`.
pub(super) fn container_path(at: &At<'_>) -> Option<String> {
    let path = nonempty(at)?;
    checked_container_path(at, &path)
}

/// Validates such a path that is already text (a mapping's key, a part of a short form).
pub(super) fn checked_container_path(at: &At<'_>, path: &str) -> Option<String> {
    let trimmed = path.trim_end_matches('/');
    if !grammar::checked(at, path) {
        None
    } else if !path.starts_with('/') {
        at.wrong(format!("{path:?} is not an absolute path in the container"))
    } else if path.split('/').any(|part| part == ".." || part == ".") {
        at.wrong(format!("{path:?} may not contain `.` or `..`"))
    } else if trimmed.is_empty() {
        at.wrong("the container's root cannot be replaced")
    } else {
        Some(trimmed.to_owned())
    }
}
