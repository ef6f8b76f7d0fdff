//! The config hash: a keyed hash of what a container was made from, kept in its label. Keyed, so that the label
//! can't be used to guess a secret; of the canonical form with defaults left out, so that a newer DevArch with
//! more fields does not see a change where there is none.

use crate::spec::ContainerSpec;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::{self, Write as _};

/// Version of the canonical form; part of every hash.
pub const FORM: u32 = 1;

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

/// `FORM:hex` of a container's config. The image's content is not part of it: a moved tag is told apart by the
/// image's id. Nor is the name of an image that the stack builds: that is told apart by what it was built from.
pub fn config_hash(key: &HashKey, spec: &ContainerSpec) -> String {
    match spec.build_tag {
        None => named_config_hash(key, spec),
        Some(_) => named_config_hash(key, &ContainerSpec { image: String::new(), ..spec.clone() }),
    }
}

/// The same with the image's name, as every container had it once.
pub fn named_config_hash(key: &HashKey, spec: &ContainerSpec) -> String {
    let mut mac = key.mac();
    let shown = serde_json::to_vec(spec).unwrap_or_default();
    absorb(&mut mac, &shown);
    for (field, secret) in spec.secrets() {
        absorb(&mut mac, field.as_bytes());
        absorb(&mut mac, secret.reveal().as_bytes());
    }
    format!("{FORM}:{}", hex(&mac.finalize().into_bytes()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Length first, so that no two sequences of parts read the same.
pub(crate) fn absorb(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}
