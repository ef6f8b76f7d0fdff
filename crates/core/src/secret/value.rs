use crate::id::SecretId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// Shown in place of a secret.
pub const REDACTED: &str = "[REDACTED]";

/// A secret text. Its memory is zeroed on drop; [`Secret::reveal`] is the only access.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, under a name that a reviewer can search for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// A secret as a definition or the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretValue {
    /// It can be read.
    Known(Secret),
    /// It can be stored and moved, but not decrypted here.
    Locked(Undecryptable),
}

impl SecretValue {
    /// A secret that can be read.
    pub fn new(text: impl Into<String>) -> Self {
        Self::Known(Secret::new(text))
    }

    /// The secret, or why it can't be read.
    pub fn open(&self) -> Result<&Secret, Undecryptable> {
        match self {
            Self::Known(secret) => Ok(secret),
            Self::Locked(why) => Err(*why),
        }
    }
}

/// Redacted, so that a definition can be shown as serialised. [`super::Stored`] separates the secrets.
impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// Serialised values contain no secret; [`super::Stored`] restores it.
impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?;
        Ok(Self::Locked(Undecryptable::Damaged))
    }
}

/// Why a secret can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Undecryptable {
    /// There is no key file.
    #[error(
        "the key it was encrypted with is not on this machine; `devarch secret key import FILE` imports it, or, if it is lost for good, `devarch secret key reset` discards what was encrypted with it"
    )]
    NoKey,
    /// The key file has another key.
    #[error(
        "it was encrypted with another key than this machine's; `devarch secret key import FILE` imports the right one, or, if that is lost for good, `devarch secret key reset` discards what was encrypted with it"
    )]
    WrongKey,
    /// The key file can't be used.
    #[error("the key file cannot be used; `devarch doctor` shows what is wrong with it")]
    BadKey,
    /// The stored value is not the one that was encrypted.
    #[error("it is damaged; set it again, or restore the database from a backup")]
    Damaged,
    /// Its key was lost, and the key of the store's secrets was reset.
    #[error("this value was discarded when the encryption key was reset; set it again")]
    GivenUp,
}

/// A stored secret: a stack's, or one generated for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// Survives renames and new values; what is sealed is bound to it.
    pub id: SecretId,
    /// Its value.
    pub value: SecretValue,
    /// When it was set, in milliseconds since 1970, UTC.
    pub changed_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_neither_printed_nor_serialised() {
        let value = SecretValue::new("hunter2");
        let shown = format!("{value:?} {}", serde_json::to_string(&value).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(value.open().unwrap().reveal(), "hunter2");
    }

    #[test]
    fn serialised_values_read_back_as_locked() {
        let json = serde_json::to_string(&SecretValue::new("hunter2")).unwrap();
        let read: SecretValue = serde_json::from_str(&json).unwrap();
        assert_eq!(read.open(), Err(Undecryptable::Damaged));
    }
}
