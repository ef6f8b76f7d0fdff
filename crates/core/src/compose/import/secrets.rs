//! The secrets of a Compose file: those from variables, and those it declares (Compose specification, "secrets").

use super::{
    SecretSource,
    variables::{Places, grouped_note},
};
use crate::{
    diagnostic::Diagnostic,
    read::{At, Value},
    secret::{Secret, SecretName},
};
use std::collections::BTreeMap;

/// The numbers that are tried for a free name.
const NUMBERS: std::ops::Range<u32> = 2..1000;

/// The stack's secrets.
pub(super) struct Secrets<'a> {
    variables: &'a BTreeMap<String, String>,
    values: BTreeMap<SecretName, Option<Secret>>,
    files: BTreeMap<SecretName, SecretSource>,
    kept: Places,
    to_set: Places,
}

impl<'a> Secrets<'a> {
    /// Starts with the secrets from variables.
    pub(super) fn new(
        values: BTreeMap<SecretName, Option<Secret>>,
        variables: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { variables, values, files: BTreeMap::new(), kept: Places::new(), to_set: Places::new() }
    }

    /// Adds the secrets the file declares; returns their new names.
    pub(super) fn declared(&mut self, at: &At<'_>) -> BTreeMap<String, SecretName> {
        let entries = at.entries().unwrap_or_default();
        let named = entries.iter().filter_map(|(name, at)| Some(((*name).to_owned(), self.one(name, at)?)));
        named.collect()
    }

    fn one(&mut self, given: &str, at: &At<'_>) -> Option<SecretName> {
        let text = |field: &str| match &at.node.get(field)?.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        if let Some(path) = text("file") {
            let name = self.free(given, at, None)?;
            self.files.insert(name.clone(), SecretSource { path: path.to_owned(), place: at.place });
            self.values.insert(name.clone(), None);
            self.kept.entry(name.to_string()).or_default().insert(at.place);
            return Some(name);
        }
        let value = text("environment").and_then(|variable| self.variables.get(variable));
        let value = value.filter(|value| !value.is_empty()).map(|value| Secret::new(value.as_str()));
        let name = self.free(given, at, value.as_ref())?;
        let places = if value.is_some() { &mut self.kept } else { &mut self.to_set };
        places.entry(name.to_string()).or_default().insert(at.place);
        self.values.insert(name.clone(), value);
        Some(name)
    }

    /// Returns the given name, or the nearest valid one that is free; a secret with the same value shares its name.
    fn free(&self, given: &str, at: &At<'_>, value: Option<&Secret>) -> Option<SecretName> {
        let free = |name: &SecretName| {
            self.values.get(name).is_none_or(|known| value.is_some() && known.as_ref() == value)
        };
        let accepted: String = given.chars().filter(char::is_ascii).take(100).collect();
        let candidates = [accepted.clone(), format!("_{accepted}")].into_iter().flat_map(|stem| {
            let numbered = NUMBERS.map({
                let stem = stem.clone();
                move |number| format!("{stem}_{number}")
            });
            std::iter::once(stem).chain(numbered)
        });
        let mut names = candidates.filter_map(|name| name.parse::<SecretName>().ok());
        let Some(name) = names.find(free) else {
            return at.wrong(format!("{given:?} cannot be a secret's name; it was left out"));
        };
        if name.as_str() != given {
            at.tell(format!("secret {given:?} is imported as {:?}", name.as_str()));
        }
        Some(name)
    }

    /// Returns all names.
    pub(super) fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.values.keys()
    }

    /// Returns the notes about declared secrets.
    pub(super) fn notes(&self) -> Vec<Diagnostic> {
        let grouped = [
            (&self.kept, "`secrets` of the file, kept encrypted in the store", "devarch.yml refers to them"),
            (
                &self.to_set,
                "`secrets` of the file without a value",
                "set each with `devarch secret set NAME` before `devarch up`",
            ),
        ];
        grouped.into_iter().filter_map(|(places, what, advice)| grouped_note(places, what, advice)).collect()
    }

    /// Returns the values, and the sources of secrets that are in files.
    pub(super) fn into_values(self) -> (BTreeMap<SecretName, Secret>, BTreeMap<SecretName, SecretSource>) {
        let values = self.values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        (values.collect(), self.files)
    }
}
