use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

/// A JSON object that is written field by field, in this order; what says nothing is left out.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl From<Fields> for Map<String, Value> {
    fn from(fields: Fields) -> Self {
        fields.0
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

impl Fields {
    /// A field that is always there.
    pub(super) fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// A field that is there where it has a value.
    pub(super) fn option(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    /// A quantity, in the words users write it in.
    pub(super) fn quantity(&mut self, name: &str, quantity: Option<impl fmt::Display>) {
        self.option(name, quantity.map(|quantity| quantity.to_string()));
    }

    /// A field that is there where it is true.
    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.option(name, flag.then_some(true));
    }

    /// A list, unless it is empty.
    pub(super) fn list(&mut self, name: &str, items: impl IntoIterator<Item = impl Into<Value>>) {
        let items: Vec<Value> = items.into_iter().map(Into::into).collect();
        self.option(name, (!items.is_empty()).then_some(items));
    }

    /// An object, unless it is empty.
    pub(super) fn map(&mut self, name: &str, entries: Map<String, Value>) {
        self.option(name, (!entries.is_empty()).then_some(entries));
    }

    /// An object of texts, unless it is empty.
    pub(super) fn texts(&mut self, name: &str, texts: &BTreeMap<String, String>) {
        self.map(name, texts.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect());
    }
}
