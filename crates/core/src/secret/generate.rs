use super::Secret;
use serde::{Deserialize, Serialize};

/// A secret that DevArch generates once and stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Generate {
    /// How many characters it has.
    pub length: u16,
    /// Which they are.
    #[serde(default, skip_serializing_if = "Charset::is_usual")]
    pub charset: Charset,
}

impl Generate {
    /// The fewest characters: 16 hexadecimal digits are 64 bits.
    pub const SHORTEST: u16 = 16;
    /// The most characters.
    pub const LONGEST: u16 = 1024;

    /// Generates a secret from random bytes. Bytes that would bias the choice of characters are skipped, so the caller
    /// supplies more than the length. `None` if there were too few.
    pub fn from_random(self, random: impl IntoIterator<Item = u8>) -> Option<Secret> {
        let characters = self.charset.characters().as_bytes();
        let fair = 256 - 256 % characters.len();
        let fair = random.into_iter().map(usize::from).filter(|byte| *byte < fair);
        let length = usize::from(self.length);
        let mut text = String::with_capacity(length);
        text.extend(fair.take(length).map(|byte| char::from(characters[byte % characters.len()])));
        (text.len() == length).then(|| Secret::new(text))
    }
}

impl Default for Generate {
    /// 190 bits.
    fn default() -> Self {
        Self { length: 32, charset: Charset::Alphanumeric }
    }
}

/// The characters of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// Letters and digits: they mean themselves in every URL, shell and configuration file. The default.
    #[default]
    Alphanumeric,
    /// Digits and a to f.
    Hex,
    /// Letters, digits, `-` and `_` (RFC 4648, section 5).
    Base64url,
    /// Letters, digits, and punctuation.
    Printable,
}

impl Charset {
    /// Every one, in the order they are documented.
    pub const ALL: [Self; 4] = [Self::Alphanumeric, Self::Hex, Self::Base64url, Self::Printable];

    /// The name users write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alphanumeric => "alphanumeric",
            Self::Hex => "hex",
            Self::Base64url => "base64url",
            Self::Printable => "printable",
        }
    }

    fn characters(self) -> &'static str {
        match self {
            Self::Alphanumeric => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Self::Hex => "0123456789abcdef",
            Self::Base64url => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            Self::Printable => {
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%&()*+,-./:;<=>?@[]^_{|}~"
            }
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl std::str::FromStr for Charset {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|charset| charset.as_str() == given);
        found.ok_or_else(|| format!("{given:?} is not one of {known}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn all_characters_are_equally_likely() {
        for charset in Charset::ALL {
            let all: Vec<u8> = (0..=255).collect();
            let fair = 256 - 256 % charset.characters().len();
            let generate = Generate { length: u16::try_from(fair).unwrap(), charset };
            let made = generate.from_random(all).unwrap();
            let mut counts = BTreeMap::new();
            made.reveal().chars().for_each(|c| *counts.entry(c).or_insert(0) += 1);
            assert_eq!(counts.len(), charset.characters().len());
            assert!(counts.values().all(|count| *count == counts[&made.reveal().chars().next().unwrap()]));
        }
    }

    #[test]
    fn too_few_random_bytes_give_no_shorter_secret() {
        assert_eq!(Generate::default().from_random([0; 31]), None);
        assert_eq!(Generate::default().from_random([255; 1000]), None);
    }
}
