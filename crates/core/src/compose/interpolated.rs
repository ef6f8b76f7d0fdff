use crate::serialize::Absent;
use serde::Serialize;

/// A string of a Compose file. Compose replaces `${NAME}` in every value (Compose specification, "Interpolation"), so
/// literal text has to be escaped, and a secret can only appear as a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Interpolated(String);

impl Interpolated {
    /// Creates literal text: each `$` is written `$$`.
    pub fn literal(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().replace('$', "$$"))
    }

    /// Creates a reference to a variable; Compose rejects the file if it is not set.
    pub fn variable(name: &str) -> Self {
        Self(format!("${{{name}:?}}"))
    }

    /// Returns the text as it is in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is always written, even an empty one.
impl Absent for Interpolated {
    fn is_absent(&self) -> bool {
        false
    }
}
