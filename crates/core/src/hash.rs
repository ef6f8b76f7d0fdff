//! Hashes with the store's key, so that their input cannot be guessed without it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

/// The store's random key; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey([u8; 32]);

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey")
    }
}

impl HashKey {
    /// Wraps the store's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// RFC 2104: a key shorter than a block is filled up with zeros.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        Hmac::<Sha256>::new(&block.into())
    }
}

/// Length first, so that no two sequences of parts read the same.
pub(crate) fn absorb(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}
