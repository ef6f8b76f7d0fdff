//! Encryption of values: AES-256-GCM with a fresh random nonce, bound to the place of the value.
//!
//! An encrypted value is `version 1 | key id 8 | nonce 12 | ciphertext and tag`, in bytes. The place is not part of
//! it: a value that is moved to another row or labelled with another key does not decrypt. A nonce is 96 random bits,
//! so one key is good for 2^32 values; after that, rotate it.

use super::key::{Key, KeyId};
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead as _, KeyInit as _, Payload},
};
use zeroize::Zeroizing;

/// The format described above.
const VERSION: u8 = 1;

const ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + ID + NONCE;

/// The place of an encrypted value: a column of a row whose primary key never changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The table.
    pub(crate) table: &'a str,
    /// The column.
    pub(crate) column: &'a str,
    /// The parts of the row's primary key.
    pub(crate) row: &'a [&'a str],
}

impl Place<'_> {
    /// Returns the associated data of this place: each part prefixed with its length, so that no two places collide.
    fn binding(&self, id: KeyId) -> Vec<u8> {
        let mut bound = vec![VERSION];
        bound.extend(id.bytes());
        for part in [self.table, self.column].iter().chain(self.row) {
            bound.extend((part.len() as u64).to_be_bytes());
            bound.extend(part.as_bytes());
        }
        bound
    }
}

/// The operating system provided no random bytes, or the value is longer than 64 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be encrypted: the operating system provides no random bytes")]
pub struct CannotSeal;

/// The value does not decrypt with its key: it was changed, or belongs to another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DoesNotOpen;

/// Returns random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], CannotSeal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CannotSeal)?;
    Ok(bytes)
}

/// Returns a fresh nonce.
fn nonce() -> Result<[u8; NONCE], CannotSeal> {
    random()
}

/// Returns the key a value was encrypted with; `None` if it is no encrypted value, or of an unknown version.
pub(crate) fn sealed_with(sealed: &[u8]) -> Option<KeyId> {
    let id = sealed.get(1..=ID)?.try_into().ok()?;
    (sealed[0] == VERSION && sealed.len() >= HEADER + TAG).then(|| KeyId::from_bytes(id))
}

impl Key {
    /// Encrypts a value for its place.
    pub(crate) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, CannotSeal> {
        let nonce = nonce()?;
        let aad = place.binding(self.id());
        let encrypted = cipher(self.bytes()).encrypt(&nonce.into(), Payload { msg: plain, aad: &aad });
        let encrypted = encrypted.map_err(|_| CannotSeal)?;
        let mut sealed = Vec::with_capacity(HEADER + encrypted.len());
        sealed.push(VERSION);
        sealed.extend(self.id().bytes());
        sealed.extend(nonce);
        sealed.extend(encrypted);
        Ok(sealed)
    }

    /// Decrypts a value that was encrypted with this key for that place.
    pub(crate) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        if sealed_with(sealed) != Some(self.id()) {
            return Err(DoesNotOpen);
        }
        let (header, encrypted) = sealed.split_at(HEADER);
        let nonce: [u8; NONCE] = header[1 + ID..].try_into().map_err(|_| DoesNotOpen)?;
        decrypt(self.bytes(), nonce, &place.binding(self.id()), encrypted)
    }
}

/// Encrypts without a header of its own, for [`super::export`].
pub(crate) fn encrypt(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, CannotSeal> {
    cipher(key).encrypt(&nonce.into(), Payload { msg: plain, aad }).map_err(|_| CannotSeal)
}

/// Decrypts the output of `encrypt`.
pub(crate) fn decrypt(
    key: &[u8; 32],
    nonce: [u8; NONCE],
    aad: &[u8],
    encrypted: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let plain = cipher(key).decrypt(&nonce.into(), Payload { msg: encrypted, aad });
    plain.map(Zeroizing::new).map_err(|_| DoesNotOpen)
}

/// The key schedule is cleared when it is dropped.
fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{
        collection::vec,
        prelude::{any, prop_assert, prop_assert_eq, prop_assert_ne, proptest},
        sample::Index,
    };
    use std::collections::HashSet;

    const HERE: Place<'_> = Place { table: "secrets", column: "sealed", row: &["a", "b"] };

    fn key() -> Key {
        Key::generate().unwrap()
    }

    proptest! {
        #[test]
        fn an_encrypted_value_decrypts_to_the_original(plain in vec(any::<u8>(), 0..2000)) {
            let key = key();
            let sealed = key.seal(&HERE, &plain).unwrap();
            prop_assert_eq!(sealed_with(&sealed), Some(key.id()));
            prop_assert_eq!(&*key.open(&HERE, &sealed).unwrap(), &plain);
        }

        #[test]
        fn encrypting_a_value_twice_gives_different_results(plain in vec(any::<u8>(), 0..40)) {
            let key = key();
            prop_assert_ne!(key.seal(&HERE, &plain).unwrap(), key.seal(&HERE, &plain).unwrap());
        }

        #[test]
        fn a_flipped_bit_is_detected(plain in vec(any::<u8>(), 0..100), at in any::<Index>(), bit in 0..8u8) {
            let key = key();
            let mut sealed = key.seal(&HERE, &plain).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1u8 << bit;
            prop_assert!(key.open(&HERE, &sealed).is_err());
        }

        #[test]
        fn a_truncated_value_is_detected(plain in vec(any::<u8>(), 0..100), length in any::<Index>()) {
            let key = key();
            let sealed = key.seal(&HERE, &plain).unwrap();
            prop_assert!(key.open(&HERE, &sealed[..length.index(sealed.len())]).is_err());
        }

        #[test]
        fn another_key_does_not_decrypt(plain in vec(any::<u8>(), 0..100)) {
            let (one, other) = (key(), key());
            let mut sealed = one.seal(&HERE, &plain).unwrap();
            prop_assert!(other.open(&HERE, &sealed).is_err());
            // Nor if its header names the other key.
            sealed[1..=ID].copy_from_slice(&other.id().bytes());
            prop_assert!(other.open(&HERE, &sealed).is_err());
        }

        #[test]
        fn another_place_does_not_decrypt(one in vec("[a-c]{0,3}", 2..6), other in vec("[a-c]{0,3}", 2..6)) {
            let key = key();
            let place = |parts: &[String], plain: &mut dyn FnMut(&Place<'_>)| {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                plain(&Place { table: parts[0], column: parts[1], row: &parts[2..] });
            };
            let mut sealed = Vec::new();
            place(&one, &mut |place| sealed = key.seal(place, b"x").unwrap());
            let mut opened = false;
            place(&other, &mut |place| opened = key.open(place, &sealed).is_ok());
            prop_assert_eq!(opened, one == other);
        }

        #[test]
        fn arbitrary_bytes_are_rejected_without_panic(bytes in vec(any::<u8>(), 0..80)) {
            prop_assert!(key().open(&HERE, &bytes).is_err());
        }
    }

    #[test]
    fn a_million_nonces_are_all_different() {
        const MANY: usize = 1_000_000;
        let mut seen = HashSet::with_capacity(MANY);
        assert!((0..MANY).all(|_| seen.insert(nonce().unwrap())));
    }
}
