//! Texts too large to be copied around. Definitions, plans and specs contain a digest; the store keeps each text once.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Of a longer text, in bytes, only a [`ContentRef`] is carried about.
pub const LARGE: usize = 16 << 10;

/// The SHA-256 of a text, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentDigest(String);

/// An invalid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 digits out of 0123456789abcdef")]
pub struct NoDigest;

impl ContentDigest {
    /// The digest of a text.
    pub fn from_text(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text)))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContentDigest {
    type Error = NoDigest;

    fn try_from(digits: String) -> Result<Self, NoDigest> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == 64 && digits.bytes().all(digit) { Ok(Self(digits)) } else { Err(NoDigest) }
    }
}

impl From<ContentDigest> for String {
    fn from(digest: ContentDigest) -> Self {
        digest.0
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference to a text in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentRef {
    /// Its digest.
    pub sha256: ContentDigest,
    /// How many bytes it has.
    pub bytes: u64,
}

impl ContentRef {
    /// The reference to a text.
    pub fn from_text(text: &str) -> Self {
        Self { sha256: ContentDigest::from_text(text), bytes: text.len() as u64 }
    }

    /// Reads the form in which specs are stored.
    pub(crate) fn of_json(fields: &Map<String, Value>) -> Option<Self> {
        Self::deserialize(fields).ok()
    }
}

impl fmt::Display for ContentRef {
    /// `15728640 bytes, sha256 0123456789ab`: enough to distinguish two texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, sha256 {}", self.bytes, &self.sha256.0[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_identified_by_its_sha_256() {
        // FIPS 180-2, appendix B.1.
        let abc = ContentRef::from_text("abc");
        assert_eq!(abc.sha256.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(abc.to_string(), "3 bytes, sha256 ba7816bf8f01");
        let json = serde_json::to_value(&abc).unwrap();
        assert_eq!(ContentRef::of_json(json.as_object().unwrap()), Some(abc));
    }

    #[test]
    fn an_invalid_digest_is_rejected() {
        for wrong in ["", "abc", &"G".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
            assert_eq!(ContentDigest::try_from((*wrong).to_owned()), Err(NoDigest));
        }
    }
}
