//! Records: stored JSON objects with the version of their form. A newer version is refused, never misread.

use serde::Serialize;
use serde_json::Value;

/// The field that contains the version.
const VERSION: &str = "version";

/// A record to write.
#[derive(Debug, Clone, Serialize)]
pub struct Versioned<T> {
    version: u64,
    #[serde(flatten)]
    record: T,
}

impl<T> Versioned<T> {
    /// Creates a record with that version of its form.
    pub fn new(version: u64, record: T) -> Self {
        Self { version, record }
    }
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A newer program wrote the record.
    #[error("it was written by a newer devarch (form {found}, this one knows {known}); install that version")]
    Newer {
        /// The version of the record's form.
        found: u64,
        /// The newest version that this program can read.
        known: u64,
    },
    /// The record is not valid JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Returns the version of a record's form. A record without a version was written before forms had versions, and is
/// version 1.
///
/// # Errors
///
/// The version is newer than the known one.
pub fn version(record: &Value, known: u64) -> Result<u64, RecordError> {
    let found = record.get(VERSION).and_then(Value::as_u64).unwrap_or(1);
    if found > known { Err(RecordError::Newer { found, known }) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_without_a_version_has_version_1_and_a_newer_one_is_refused() {
        assert_eq!(version(&json!({"steps": []}), 2).unwrap(), 1);
        assert_eq!(version(&json!({"version": 2, "steps": []}), 2).unwrap(), 2);
        let refused = version(&json!({"version": 3, "steps": []}), 2).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it was written by a newer devarch (form 3, this one knows 2); install that version"
        );
    }

    #[test]
    fn the_version_is_the_first_field_of_a_written_record() {
        let written = serde_json::to_string(&Versioned::new(2, json!({"steps": []}))).unwrap();
        assert_eq!(written, r#"{"version":2,"steps":[]}"#);
    }
}
