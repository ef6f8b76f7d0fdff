//! A key encrypted with a passphrase, to be carried to another machine as armored text.
//!
//! Its bytes are `version 1 | argon2id's memory (KiB), passes, lanes, 4 each | salt 16 | nonce 12 | ciphertext and
//! tag | checksum 4`. The ciphertext is the key and the id of its store, encrypted with AES-256-GCM under the key
//! that argon2id derives from the passphrase; everything before it is bound to it. The checksum distinguishes a
//! damaged text from a wrong passphrase.

use super::{
    cipher::{CannotSeal, decrypt, encrypt, random},
    key::Key,
};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use devarch_core::id::StoreId;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN DEVARCH KEY-----";
const END: &str = "-----END DEVARCH KEY-----";
const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 12;
const CHECKSUM: usize = 4;
const HEADER: usize = 1 + 12 + SALT + NONCE;
const WIDTH: usize = 64;

/// The cost of guessing one passphrase: 64 MiB and three passes.
const COST: Cost = Cost { memory: 64 * 1024, passes: 3, lanes: 1 };

/// The highest cost a text may demand, because the text is untrusted.
const MOST: Cost = Cost { memory: 1024 * 1024, passes: 64, lanes: 16 };

#[derive(Debug, Clone, Copy)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// Why a key cannot be exported, or an exported key cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The text contains no exported key.
    #[error("this is not an exported key: it has no part from `{BEGIN}` to `{END}`")]
    NotAnExport,
    /// A newer version of DevArch wrote it.
    #[error("the key was exported by a newer devarch (form {0}, this one knows {VERSION})")]
    Newer(u8),
    /// The text was changed or cut off.
    #[error("the exported key is damaged")]
    Damaged,
    /// The passphrase is wrong.
    #[error("this is not the passphrase the key was exported with; nothing was changed")]
    WrongPassphrase,
    /// The passphrase is empty.
    #[error("a key cannot be exported without a passphrase")]
    NoPassphrase,
    /// There is not enough memory to derive a key from the passphrase.
    #[error("there is not enough memory to use a passphrase")]
    NoMemory,
    /// The operating system provided no random bytes.
    #[error(transparent)]
    CannotSeal(#[from] CannotSeal),
}

impl ExportError {
    /// Returns what to do about it, as a phrase.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAnExport => Some("create one with `devarch secret key export`"),
            Self::Newer(_) => Some("install that version"),
            Self::Damaged => Some("copy it again, or export it again"),
            Self::WrongPassphrase | Self::NoPassphrase | Self::NoMemory | Self::CannotSeal(_) => None,
        }
    }
}

/// Encrypts a store's key with a passphrase.
pub(crate) fn seal_key(store: &StoreId, key: &Key, passphrase: &str) -> Result<String, ExportError> {
    if passphrase.is_empty() {
        return Err(ExportError::NoPassphrase);
    }
    let (salt, nonce) = (random::<SALT>()?, random::<NONCE>()?);
    let mut bytes = vec![VERSION];
    for number in [COST.memory, COST.passes, COST.lanes] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(salt);
    bytes.extend(nonce);
    let mut plain = Zeroizing::new(Vec::with_capacity(32 + store.as_str().len()));
    plain.extend_from_slice(key.bytes());
    plain.extend_from_slice(store.as_str().as_bytes());
    let wrapping = derive(passphrase, &salt, COST)?;
    let encrypted = encrypt(&wrapping, nonce, &bytes, &plain)?;
    bytes.extend(encrypted);
    bytes.extend(checksum(&bytes));
    Ok(armor(&bytes))
}

/// Decrypts a key that was encrypted with that passphrase.
pub(crate) fn open_key(text: &str, passphrase: &str) -> Result<(StoreId, Key), ExportError> {
    let bytes = unarmor(text)?;
    let version = *bytes.first().ok_or(ExportError::Damaged)?;
    let (content, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(ExportError::Damaged)?;
    if checksum(content) != *sum {
        return Err(ExportError::Damaged);
    }
    if version != VERSION {
        return Err(ExportError::Newer(version));
    }
    let (header, encrypted) = content.split_at_checked(HEADER).ok_or(ExportError::Damaged)?;
    let number = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let cost = Cost { memory: number(1), passes: number(5), lanes: number(9) };
    if cost.memory > MOST.memory || cost.passes > MOST.passes || cost.lanes > MOST.lanes {
        return Err(ExportError::Damaged);
    }
    let salt = header[13..].first_chunk::<SALT>().ok_or(ExportError::Damaged)?;
    let nonce = header[13 + SALT..].first_chunk::<NONCE>().ok_or(ExportError::Damaged)?;
    let wrapping = derive(passphrase, salt, cost)?;
    let plain = decrypt(&wrapping, *nonce, header, encrypted).map_err(|_| ExportError::WrongPassphrase)?;
    let (key, store) = plain.split_first_chunk::<32>().ok_or(ExportError::Damaged)?;
    let store = std::str::from_utf8(store).map_err(|_| ExportError::Damaged)?;
    Ok((StoreId::new(store), Key::from_bytes(Zeroizing::new(*key))))
}

fn derive(passphrase: &str, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, ExportError> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32));
    let params = params.map_err(|_| ExportError::Damaged)?;
    let mut derived = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, derived.as_mut_slice())
        .map_err(|_| ExportError::NoMemory)?;
    Ok(derived)
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let whole = Sha256::digest(content);
    whole.first_chunk().copied().unwrap_or_default()
}

fn armor(bytes: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(bytes);
    let mut text = format!("{BEGIN}\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(WIDTH));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(END);
    text.push('\n');
    text
}

/// Decodes the armored text. Text around it, and changed line breaks or indentation, do not matter.
fn unarmor(text: &str) -> Result<Vec<u8>, ExportError> {
    let (_, rest) = text.split_once(BEGIN).ok_or(ExportError::NotAnExport)?;
    let (body, _) = rest.split_once(END).ok_or(ExportError::NotAnExport)?;
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD.decode(body).map_err(|_| ExportError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (Key, String) {
        let key = Key::generate().unwrap();
        let text = seal_key(&StoreId::new("store-1"), &key, "correct horse").unwrap();
        (key, text)
    }

    #[test]
    fn an_exported_key_decrypts_only_with_its_passphrase() {
        let (key, text) = sealed();
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        let mailed = format!("Hello,\n> {}\nbye", text.replace('\n', "\r\n  "));
        for text in [&text, &mailed] {
            let (store, opened) = open_key(text, "correct horse").unwrap();
            assert_eq!((store.as_str(), opened.bytes()), ("store-1", key.bytes()));
        }
        for other in ["", "correct horse ", "Correct horse"] {
            assert_eq!(open_key(&text, other).unwrap_err(), ExportError::WrongPassphrase);
        }
        assert_eq!(seal_key(&StoreId::new("s"), &key, "").unwrap_err(), ExportError::NoPassphrase);
    }

    #[test]
    fn a_damaged_export_is_distinguished_from_a_wrong_passphrase() {
        let (_, text) = sealed();
        let bytes = unarmor(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert_eq!(open_key(&armor(&changed), "correct horse").unwrap_err(), ExportError::Damaged);
            assert!(open_key(&armor(&bytes[..at]), "correct horse").is_err());
        }
        for text in ["", "hello", END, BEGIN] {
            assert_eq!(open_key(text, "x").unwrap_err(), ExportError::NotAnExport);
        }
        assert_eq!(open_key(&armor(b""), "x").unwrap_err(), ExportError::Damaged);
    }

    /// A text changed by an attacker who can compute checksums.
    fn forged(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = unarmor(&sealed().1).unwrap();
        bytes.truncate(bytes.len() - CHECKSUM);
        change(&mut bytes);
        bytes.extend(checksum(&bytes));
        armor(&bytes)
    }

    #[test]
    fn an_export_cannot_demand_excessive_memory_or_time() {
        for at in [1, 5, 9] {
            let text = forged(|bytes| bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes()));
            assert_eq!(open_key(&text, "correct horse").unwrap_err(), ExportError::Damaged);
            let text = forged(|bytes| bytes[at..at + 4].fill(0));
            assert_eq!(open_key(&text, "correct horse").unwrap_err(), ExportError::Damaged);
        }
        let text = forged(|bytes| bytes[0] = 2);
        assert_eq!(open_key(&text, "correct horse").unwrap_err(), ExportError::Newer(2));
    }

    #[test]
    fn every_part_of_the_header_is_bound_to_the_key() {
        for at in [8, 13, 13 + SALT] {
            let text = forged(|bytes| bytes[at] ^= 1);
            assert_eq!(open_key(&text, "correct horse").unwrap_err(), ExportError::WrongPassphrase);
        }
    }

    #[test]
    fn two_exports_of_one_key_have_nothing_in_common() {
        let key = Key::generate().unwrap();
        let export = || unarmor(&seal_key(&StoreId::new("s"), &key, "p").unwrap()).unwrap();
        assert_ne!(export()[13..], export()[13..]);
    }
}
