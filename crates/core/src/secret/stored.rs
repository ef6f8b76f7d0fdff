//! A definition as the store keeps it: JSON anyone may read, and apart from it the secrets it holds.
//!
//! Which values are secret is their type's doing: they are visited in the definition, not looked for in the JSON, in
//! which they are redacted already.

use super::{Locked, Secret, SecretValue};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use zeroize::Zeroizing;

/// What is done with a field and the secret value in it.
pub type Visit<'a> = &'a mut dyn FnMut(&str, &mut SecretValue);

/// Visits what is in the entries of a field: `environment` and `PASSWORD` are `environment.PASSWORD`.
pub fn visit_entries<'e, K: fmt::Display + 'e, V: HoldsSecrets + 'e>(
    field: &str,
    entries: impl IntoIterator<Item = (K, &'e mut V)>,
    visit: Visit<'_>,
) {
    for (key, value) in entries {
        value.visit_secrets(&mut |inner, secret| {
            let dot = if inner.is_empty() { "" } else { "." };
            visit(&format!("{field}.{key}{dot}{inner}"), secret);
        });
    }
}

/// What may hold secret values.
pub trait HoldsSecrets {
    /// Visits every secret value there is with the field it is in (`environment.PASSWORD`), always in the same order.
    fn visit_secrets(&mut self, visit: Visit<'_>);

    /// Every secret value there is, with its field.
    fn secret_values(&self) -> Vec<(String, SecretValue)>
    where
        Self: Clone,
    {
        let mut all = Vec::new();
        self.clone().visit_secrets(&mut |field, value| all.push((field.to_owned(), value.clone())));
        all
    }
}

/// A definition in two parts. The one to be sealed can't be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// JSON, secrets redacted.
    pub open: String,
    /// The secrets.
    pub secret: Sealable,
}

/// The secrets of a definition.
#[derive(Clone, PartialEq, Eq)]
pub enum Sealable {
    /// There are none.
    Nothing,
    /// To be sealed: a text in a form of the writer's.
    Open(Zeroizing<String>),
    /// They are sealed and can't be read here. What has them can't be written, or they would be lost.
    Locked(Locked),
}

impl fmt::Debug for Sealable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Open(_) => f.write_str("Open"),
            Self::Locked(why) => write!(f, "Locked({why:?})"),
        }
    }
}

impl Stored {
    /// Takes a definition apart.
    pub fn of<T: Serialize + HoldsSecrets + Clone>(definition: &T) -> Self {
        Self { open: serde_json::to_string(definition).unwrap_or_default(), secret: seal(definition) }
    }

    /// Puts a definition together again. Values that can't be read are locked in it.
    pub fn read<T: DeserializeOwned + HoldsSecrets>(&self) -> Result<T, serde_json::Error> {
        let mut definition: T = serde_json::from_str(&self.open)?;
        let (mut known, why) = match &self.secret {
            Sealable::Nothing => (Vec::new(), Locked::Damaged),
            Sealable::Open(text) => (values(text), Locked::Damaged),
            Sealable::Locked(why) => (Vec::new(), *why),
        };
        known.reverse();
        definition.visit_secrets(&mut |_, value| {
            *value = known.pop().map_or(SecretValue::Locked(why), SecretValue::Known);
        });
        Ok(definition)
    }
}

fn seal<T: HoldsSecrets + Clone>(definition: &T) -> Sealable {
    let values = definition.secret_values();
    if values.is_empty() {
        return Sealable::Nothing;
    }
    let known: Result<Vec<&str>, Locked> =
        values.iter().map(|(_, value)| value.open().map(Secret::reveal)).collect();
    match known {
        Ok(known) => Sealable::Open(Zeroizing::new(serde_json::to_string(&known).unwrap_or_default())),
        Err(why) => Sealable::Locked(why),
    }
}

fn values(text: &str) -> Vec<Secret> {
    let values: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    values.into_iter().map(Secret::new).collect()
}
