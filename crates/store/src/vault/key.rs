//! A key and its id.

use super::cipher::{CannotSeal, random};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// The id of a key. It is derived from the key, and reveals nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Creates an id from its bytes.
    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Returns its bytes.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// Parses the format that [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key: 256 random bits, cleared from memory when it is dropped.
pub(crate) struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    /// Generates a new key.
    pub(crate) fn generate() -> Result<Self, CannotSeal> {
        Ok(Self::from_bytes(Zeroizing::new(random()?)))
    }

    /// Creates a key from its bytes.
    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { id: id_of(&bytes), bytes }
    }

    /// Parses a key from hex digits.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
        Some(Self::from_bytes(bytes))
    }

    /// Returns its id.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Returns its bytes.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Appends its hex digits. The text must have room: reallocating it would leave a copy behind.
    pub(crate) fn write_hex(&self, text: &mut Zeroizing<String>) {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        for byte in self.bytes.iter() {
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

fn id_of(key: &[u8; 32]) -> KeyId {
    // A key shorter than a block is padded with zeros, as HMAC itself does.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(b"devarch key id");
    let whole = mac.finalize().into_bytes();
    let mut id = [0; 8];
    id.copy_from_slice(&whole[..8]);
    KeyId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_round_trips_through_hex() {
        let key = Key::generate().unwrap();
        let mut text = Zeroizing::new(String::with_capacity(64));
        key.write_hex(&mut text);
        let read = Key::parse(&text).unwrap();
        assert_eq!((read.id(), read.bytes()), (key.id(), key.bytes()));
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
        for broken in ["", "0", &text[1..], &text[..62], &text.replace(|_: char| true, "g"), "+1"] {
            assert!(Key::parse(broken).is_none() && KeyId::parse(broken).is_none());
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = Key::from_bytes(Zeroizing::new([0xab; 32]));
        let printed = format!("{key:?} {key:#?}");
        assert!(printed.contains(&key.id().to_string()));
        assert!(!printed.contains("abab") && !printed.contains("171"), "{printed}");
    }

    #[test]
    fn the_id_of_a_key_never_changes() {
        let key = Key::from_bytes(Zeroizing::new([1; 32]));
        assert_eq!(key.id().to_string(), "248bb5a6094fe4a4");
    }
}
