//! A definition as stored: JSON without secrets, and the secrets separately.
//!
//! Types define which values are secret: they are visited in the definition, not searched in the JSON, where they are
//! redacted already. Each is encrypted together with its field, so that it cannot be restored into another: if the
//! JSON's secret fields are not exactly those that were encrypted, its secrets are damaged.

use super::{SecretValue, Undecryptable};
use crate::serialize::SerializeError;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use zeroize::Zeroizing;

/// A visitor of fields and their secret values.
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

/// A type that may contain secret values.
pub trait HoldsSecrets {
    /// Visits every secret value with its field (`environment.PASSWORD`), always in the same order.
    fn visit_secrets(&mut self, visit: Visit<'_>);

    /// Every secret value, with its field.
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
    /// To be sealed: a text in a form of the writer's, or [`GIVEN_UP`].
    Open(Zeroizing<String>),
    /// They are sealed and can't be read here. What has them can't be written, or they would be lost.
    Locked(Undecryptable),
}

/// Replaces secrets that were discarded with their key, in any form: JSON's null.
pub const GIVEN_UP: &str = "null";

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
    ///
    /// # Errors
    ///
    /// Where it has no JSON form.
    pub fn from_definition<T: Serialize + HoldsSecrets + Clone>(
        definition: &T,
    ) -> Result<Self, SerializeError> {
        Ok(Self { open: serde_json::to_string(definition)?, secret: seal(definition)? })
    }

    /// Restores the definition. Values that cannot be decrypted are locked in it.
    pub fn read<T: DeserializeOwned + HoldsSecrets>(&self) -> Result<T, serde_json::Error> {
        let mut definition: T = serde_json::from_str(&self.open)?;
        let mut values = match &self.secret {
            Sealable::Nothing => Values::None(Undecryptable::Damaged),
            Sealable::Open(text) => Values::of(text, &mut definition),
            Sealable::Locked(why) => Values::None(*why),
        };
        definition.visit_secrets(&mut |_, value| *value = values.next());
        Ok(definition)
    }
}

fn seal<T: HoldsSecrets + Clone>(definition: &T) -> Result<Sealable, SerializeError> {
    let values = definition.secret_values();
    if values.is_empty() {
        return Ok(Sealable::Nothing);
    }
    let fields: Result<Vec<(&str, Option<&str>)>, Undecryptable> = values
        .iter()
        .map(|(field, value)| match value.open() {
            Ok(secret) => Ok((field.as_str(), Some(secret.reveal()))),
            Err(Undecryptable::GivenUp) => Ok((field.as_str(), None)),
            Err(why) => Err(why),
        })
        .collect();
    Ok(match fields {
        Ok(fields) => Sealable::Open(Zeroizing::new(serde_json::to_string(&fields)?)),
        Err(why) => Sealable::Locked(why),
    })
}

/// The values of a definition's secret fields, one after the other.
enum Values {
    /// None can be read.
    None(Undecryptable),
    /// Those that are left.
    Some(std::vec::IntoIter<SecretValue>),
}

impl Values {
    /// Reads what [`seal`] gave, if it was of a definition with the same secret fields.
    fn of(text: &str, definition: &mut impl HoldsSecrets) -> Self {
        if text == GIVEN_UP {
            return Self::None(Undecryptable::GivenUp);
        }
        let Ok(sealed) = serde_json::from_str::<Vec<(String, Option<String>)>>(text) else {
            return Self::None(Undecryptable::Damaged);
        };
        let (fields, values): (Vec<String>, Vec<SecretValue>) = sealed
            .into_iter()
            .map(|(field, value)| {
                (field, value.map_or(SecretValue::Locked(Undecryptable::GivenUp), SecretValue::new))
            })
            .unzip();
        let mut there = Vec::new();
        definition.visit_secrets(&mut |field, _| there.push(field.to_owned()));
        if there == fields { Self::Some(values.into_iter()) } else { Self::None(Undecryptable::Damaged) }
    }

    fn next(&mut self) -> SecretValue {
        match self {
            Self::None(why) => SecretValue::Locked(*why),
            Self::Some(values) => values.next().unwrap_or(SecretValue::Locked(Undecryptable::Damaged)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Login(BTreeMap<String, SecretValue>);

    impl HoldsSecrets for Login {
        fn visit_secrets(&mut self, visit: Visit<'_>) {
            self.0.iter_mut().for_each(|(field, value)| visit(field, value));
        }
    }

    fn login(fields: &[(&str, &str)]) -> Login {
        Login(fields.iter().map(|(field, value)| ((*field).to_owned(), SecretValue::new(*value))).collect())
    }

    fn locked(login: &Login) -> Vec<Option<Undecryptable>> {
        login.0.values().map(|value| value.open().err()).collect()
    }

    #[test]
    fn a_value_is_restored_into_its_own_field_or_none() {
        let stored = Stored::from_definition(&login(&[("password", "hunter2"), ("user", "ann")])).unwrap();
        assert!(!stored.open.contains("hunter2"));
        assert_eq!(stored.read::<Login>().unwrap(), login(&[("password", "hunter2"), ("user", "ann")]));
        for (from, to) in [("user", "echo"), ("\"user\"", "\"x\":\"\",\"user\""), ("password", "zzz")] {
            let changed = Stored { open: stored.open.replace(from, to), ..stored.clone() };
            let read = changed.read::<Login>().unwrap();
            assert!(locked(&read).iter().all(|why| *why == Some(Undecryptable::Damaged)), "{read:?}");
        }
    }

    #[test]
    fn a_definition_without_a_json_form_is_an_error() {
        #[derive(Clone, Serialize)]
        struct Unwritable(BTreeMap<(u8, u8), u8>);
        impl HoldsSecrets for Unwritable {
            fn visit_secrets(&mut self, _: Visit<'_>) {}
        }
        assert!(Stored::from_definition(&Unwritable([((1, 2), 3)].into())).is_err());
    }

    #[test]
    fn encrypted_values_that_cannot_be_read_are_damaged() {
        let stored = Stored::from_definition(&login(&[("password", "hunter2")])).unwrap();
        let damaged = Stored { secret: Sealable::Open("{".to_owned().into()), ..stored };
        assert_eq!(locked(&damaged.read().unwrap()), [Some(Undecryptable::Damaged)]);
    }

    #[test]
    fn discarded_values_are_set_again_one_by_one() {
        let stored = Stored::from_definition(&login(&[("password", "hunter2"), ("user", "ann")])).unwrap();
        let lost = Stored { secret: Sealable::Open(GIVEN_UP.to_owned().into()), ..stored };
        let mut read: Login = lost.read().unwrap();
        assert_eq!(locked(&read), [Some(Undecryptable::GivenUp), Some(Undecryptable::GivenUp)]);
        read.0.insert("user".to_owned(), SecretValue::new("ann"));
        let written = Stored::from_definition(&read).unwrap();
        assert!(matches!(written.secret, Sealable::Open(_)), "it can be written");
        assert_eq!(written.read::<Login>().unwrap(), read);
    }
}
