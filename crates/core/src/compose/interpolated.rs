use crate::serialize::Absent;
use serde::Serialize;

/// A string of a Compose file. Compose replaces `${NAME}` in every value (Compose specification, "Interpolation"),
/// so a string of ours gets there only escaped, and a secret only as the variable that holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Interpolated(String);

impl Interpolated {
    /// This very text: each `$` is written `$$`.
    pub fn literal(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().replace('$', "$$"))
    }

    /// The value of a variable, without which the file is refused.
    pub fn variable(name: &str) -> Self {
        Self(format!("${{{name}:?}}"))
    }

    /// The text as the file has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is always written, an empty one too.
impl Absent for Interpolated {
    fn is_absent(&self) -> bool {
        false
    }
}
