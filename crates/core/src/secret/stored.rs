//! A definition as the store keeps it: JSON anyone may read, and apart from it the secrets it holds.
//!
//! Which values are secret is their type's doing: they are visited in the definition, not looked for in the JSON, in
//! which they are redacted already.

use super::{Locked, Secret, SecretValue};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use zeroize::Zeroizing;

/// What may hold secret values.
pub trait HoldsSecrets {
    /// Visits every secret value there is, always in the same order.
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&mut SecretValue));

    /// Every secret value there is.
    fn secret_values(&self) -> Vec<SecretValue>
    where
        Self: Clone,
    {
        let mut all = Vec::new();
        self.clone().visit_secrets(&mut |value| all.push(value.clone()));
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
        definition.visit_secrets(&mut |value| {
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
        values.iter().map(|value| value.open().map(Secret::reveal)).collect();
    match known {
        Ok(known) => Sealable::Open(Zeroizing::new(serde_json::to_string(&known).unwrap_or_default())),
        Err(why) => Sealable::Locked(why),
    }
}

fn values(text: &str) -> Vec<Secret> {
    let values: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    values.into_iter().map(Secret::new).collect()
}
