//! What is left out of a mapping that is written, and why a value could not be written as text.

use std::collections::BTreeMap;

/// A value that has no text form. What would be stored, hashed or printed in its place would be nothing at all, so it
/// is an error that reaches the user.
#[derive(Debug, thiserror::Error)]
pub enum SerializeError {
    /// It has no JSON form.
    #[error("cannot write a value as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no YAML form.
    #[error("cannot write a value as YAML: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// A value that is left out of a mapping where it holds nothing.
pub(crate) trait Absent {
    /// Whether it holds nothing.
    fn is_absent(&self) -> bool;
}

impl Absent for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

/// A text is always written, an empty one too.
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
