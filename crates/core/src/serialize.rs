//! Omission of empty values from serialized mappings, and serialization errors.

use std::collections::BTreeMap;

/// A value cannot be serialized. Storing, hashing or printing an empty text instead would be wrong, so this error is
/// reported to the user.
#[derive(Debug, thiserror::Error)]
pub enum SerializeError {
    /// The value cannot be represented as JSON.
    #[error("cannot write a value as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The value cannot be represented as YAML.
    #[error("cannot write a value as YAML: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// A value that is left out of a serialized mapping if it is empty.
pub(crate) trait Absent {
    /// Whether the value is left out.
    fn is_absent(&self) -> bool;
}

impl Absent for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

/// Text is always written, even if empty.
impl Absent for String {
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Absent for BTreeMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}
