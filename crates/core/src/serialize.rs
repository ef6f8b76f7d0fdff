//! Why a value could not be written as text.

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
