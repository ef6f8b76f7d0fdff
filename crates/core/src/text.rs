//! Text that knows whether it is a secret. Redaction is this type's doing, not the printer's.

use crate::secret::{REDACTED, Secret};
use serde::{Serialize, Serializer};
use std::fmt;

/// A value of a configuration. A secret one can't be printed, formatted or serialised; [`Text::reveal`] is the
/// only way to it, for the engine call and the config hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// Anyone may see it.
    Plain(String),
    /// Nobody may see it.
    Secret(Secret),
}

impl Text {
    /// A value that anyone may see.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// A value that nobody may see.
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

    /// What may be shown of it.
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
