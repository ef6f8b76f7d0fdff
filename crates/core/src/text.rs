//! Text that carries whether it is secret, so that redaction does not depend on the code that prints it.

use crate::secret::{REDACTED, Secret};
use serde::{Serialize, Serializer};
use std::fmt;

/// A value of a configuration. A secret one cannot be printed, formatted or serialised; [`Text::reveal`] is the only
/// access, for the engine call and the config hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// Anyone may see it.
    Plain(String),
    /// Never shown.
    Secret(Secret),
}

impl Text {
    /// A value that anyone may see.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// A secret value.
    pub fn secret(text: impl Into<String>) -> Self {
        Self::Secret(Secret::new(text))
    }

    /// The value, secret or not, under a name that a reviewer can search for.
    pub fn reveal(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.reveal(),
        }
    }

    /// Whether it must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }

    /// The text, or the placeholder of a secret.
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(_) => REDACTED,
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        let secret = Text::secret("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
