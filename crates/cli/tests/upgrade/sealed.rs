//! Values that a release encrypted with its engine's id as associated data, re-encrypted for the current engine.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead as _, KeyInit as _, Payload},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

/// `version | key id | nonce`, before the ciphertext.
const HEADER: (usize, usize, usize) = (1, 8, 12);

/// The contents of `sealed.json`.
#[derive(Deserialize)]
struct Sealed {
    /// The id of the recording's engine.
    engine: String,
    /// By the volume they belong to.
    values: BTreeMap<String, String>,
}

/// Values for the placeholders of encrypted values; empty for releases that had none.
pub(crate) fn placeholders(fixture: &Path, engine: &str) -> BTreeMap<String, String> {
    let Ok(text) = fs::read_to_string(fixture.join("sealed.json")) else { return BTreeMap::new() };
    let sealed: Sealed = serde_json::from_str(&text).unwrap();
    let key = key(&fs::read_to_string(fixture.join("secret.key")).unwrap());
    let reencrypted = sealed.values.iter().map(|(volume, value)| {
        let value = reencrypted(&key, &unhex(value), volume, (&sealed.engine, engine));
        (format!("sealed:{volume}"), hex(&value))
    });
    reencrypted.collect()
}

/// The newest key of a key file: the third word of its line, after the ids of the store and the key.
fn key(file: &str) -> Aes256Gcm {
    let line = file.lines().skip(1).find(|line| !line.starts_with('#')).unwrap();
    Aes256Gcm::new_from_slice(&unhex(line.split(' ').nth(2).unwrap())).unwrap()
}

fn reencrypted(key: &Aes256Gcm, value: &[u8], volume: &str, (from, to): (&str, &str)) -> Vec<u8> {
    let (version, id, nonce) = HEADER;
    let (header, encrypted) = value.split_at(version + id + nonce);
    let (begin, nonce) = header.split_at(version + id);
    let nonce: [u8; 12] = nonce.try_into().unwrap();
    let bound = |engine: &str| bound(begin, engine, volume);
    let plain = key.decrypt(&nonce.into(), Payload { msg: encrypted, aad: &bound(from) }).unwrap();
    let encrypted = key.encrypt(&nonce.into(), Payload { msg: &plain, aad: &bound(to) }).unwrap();
    [header, &encrypted].concat()
}

/// Associated data of an encrypted value: the key, and each part of its place with its length.
fn bound(begin: &[u8], engine: &str, volume: &str) -> Vec<u8> {
    let mut bound = begin.to_vec();
    for part in ["kept_volumes", "sealed", engine, volume] {
        bound.extend((part.len() as u64).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    bound
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
