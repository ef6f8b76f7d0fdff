use super::form::Form;
use crate::serialize::Absent;
use serde_json::{Map, Value};

/// A JSON object that is written field by field, in this order.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

impl Fields {
    /// Adds a field that is always written.
    pub(super) fn value(&mut self, name: &str, value: &impl Form) {
        self.0.insert(name.to_owned(), value.form());
    }

    /// Adds a field unless its value is empty.
    pub(super) fn unless_absent<T: Form + Absent>(&mut self, name: &str, value: &T) {
        if !value.is_absent() {
            self.value(name, value);
        }
    }
}
