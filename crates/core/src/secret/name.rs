use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest name of a secret, in bytes.
const LONGEST: usize = 128;

/// The name of a stack's secret, as Compose allows it: letters, digits, `_`, `-` and `.`, starting with a letter or
/// digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// A text that is not the name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a secret's name: letters, digits, '_', '-' and '.' are allowed, \
     a letter or digit or '_' comes first, at most {LONGEST} of them"
)]
pub struct InvalidSecretName(String);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(given: &str) -> Result<Self, InvalidSecretName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let begins = given.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if begins && given.len() <= LONGEST && given.chars().all(allowed) {
            Ok(Self(given.to_owned()))
        } else {
            Err(InvalidSecretName(given.to_owned()))
        }
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;

    fn try_from(given: String) -> Result<Self, InvalidSecretName> {
        given.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
