use super::{Node, Value, node::Key};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    name::nearest,
};
use std::cell::RefCell;

/// The collected diagnostics: errors, of which only the first are kept, or notes, which all are.
#[derive(Debug)]
enum Found {
    Errors(Diagnostics),
    Notes(Vec<Diagnostic>),
}

impl Default for Found {
    fn default() -> Self {
        Self::Errors(Diagnostics::new())
    }
}

/// Collects errors while a text is read to its end.
#[derive(Debug, Default)]
pub struct Reader {
    /// Whether a redacted value may stand for a secret that the caller restores.
    pub(crate) redacted: bool,
    wrong: RefCell<Found>,
}

impl Reader {
    /// Creates a reader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a reader for a definition that was printed redacted and then edited.
    pub(crate) fn of_redacted() -> Self {
        Self { redacted: true, ..Self::default() }
    }

    /// Creates a reader that keeps every note.
    pub(crate) fn of_notes() -> Self {
        Self { redacted: false, wrong: RefCell::new(Found::Notes(Vec::new())) }
    }

    /// Returns the value that was read, unless there were errors.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        let wrong = self.into_found();
        match value {
            Some(value) if wrong.is_empty() => Ok(value),
            _ => Err(wrong),
        }
    }

    /// Returns the errors found so far, in text order.
    pub(crate) fn into_found(self) -> Diagnostics {
        match self.wrong.into_inner() {
            Found::Errors(found) => found,
            Found::Notes(notes) => notes.into_iter().collect(),
        }
    }

    /// Returns all notes, in text order.
    pub(crate) fn into_notes(self) -> Vec<Diagnostic> {
        let mut notes = match self.wrong.into_inner() {
            Found::Errors(found) => found.to_vec(),
            Found::Notes(notes) => notes,
        };
        notes.sort_by_key(|note| note.place);
        notes
    }

    pub(crate) fn report(&self, at: &At<'_>, message: impl Into<String>) {
        self.report_with(at, || message.into());
    }

    /// Reports a message that is expensive to build and may not be kept.
    fn report_with(&self, at: &At<'_>, message: impl FnOnce() -> String) {
        let diagnostic = || Diagnostic {
            place: at.place,
            field: shortened(at.path.clone()).into(),
            message: shortened(message()),
        };
        match &mut *self.wrong.borrow_mut() {
            Found::Errors(found) => found.push_with(at.place, diagnostic),
            Found::Notes(notes) => notes.push(diagnostic()),
        }
    }
}

/// The maximum length of a message or path that is kept: both may quote the text they are about.
const LONGEST: usize = 2_000;

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
        text.shrink_to_fit();
    }
    text
}

/// A node with its path for messages, its place, and the reader that collects errors.
#[derive(Clone)]
pub(crate) struct At<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) path: String,
    pub(crate) place: Option<Place>,
    key: Option<Place>,
    pub(crate) node: &'a Node,
}

impl<'a> At<'a> {
    pub(crate) fn root(reader: &'a Reader, node: &'a Node) -> Self {
        Self { reader, path: String::new(), place: node.place, key: None, node }
    }

    pub(crate) fn within(reader: &'a Reader, path: &str, node: &'a Node) -> Self {
        Self { reader, path: path.to_owned(), place: node.place, key: None, node }
    }

    /// Returns the same node at the place of its key, for errors about the key.
    pub(crate) fn key(&self) -> Self {
        Self { place: self.key.or(self.place), ..self.clone() }
    }

    /// Reports an error and returns `None`.
    pub(crate) fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.reader.report(self, message);
        None
    }

    /// Reports an error.
    pub(crate) fn tell(&self, message: impl Into<String>) {
        self.reader.report(self, message);
    }

    /// Reports a message that is expensive to build and may not be kept.
    pub(crate) fn tell_with(&self, message: impl FnOnce() -> String) {
        self.reader.report_with(self, message);
    }

    /// Reports that another type of value was expected.
    pub(crate) fn expected<T>(&self, what: &str) -> Option<T> {
        let kind = self.node.value.kind();
        self.wrong(format!("expected {what}, found {kind}"))
    }

    fn entry(&self, key: &Key, node: &'a Node) -> Self {
        let path =
            if self.path.is_empty() { key.text.clone() } else { format!("{}.{}", self.path, key.text) };
        Self {
            reader: self.reader,
            path,
            place: node.place.or(key.place).or(self.place),
            key: key.place,
            node,
        }
    }

    /// Returns the items of a list.
    pub(crate) fn items(&self) -> Option<Vec<At<'a>>> {
        let Value::List(items) = &self.node.value else {
            return self.expected("a list");
        };
        let at = |(index, node): (usize, &'a Node)| Self {
            reader: self.reader,
            path: format!("{}[{index}]", self.path),
            place: node.place.or(self.place),
            key: None,
            node,
        };
        Some(items.iter().enumerate().map(at).collect())
    }

    /// Returns the entries of a mapping with arbitrary keys, each at its place.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a str, At<'a>)>> {
        let Value::Map(entries) = &self.node.value else {
            return self.expected("a mapping");
        };
        Some(entries.iter().map(|(key, node)| (key.text.as_str(), self.entry(key, node))).collect())
    }

    /// Reads a list item by item; invalid items are reported and skipped.
    pub(crate) fn list<T>(&self, read: impl Fn(&At<'a>) -> Option<T>) -> Option<Vec<T>> {
        Some(self.items()?.iter().filter_map(read).collect())
    }

    /// Returns the fields of a mapping with a fixed set of keys.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        let Value::Map(entries) = &self.node.value else {
            return self.expected("a mapping");
        };
        let entries = entries.iter().map(|(key, node)| (key, self.entry(key, node))).collect();
        Some(Fields { at: self.clone(), entries, known: Vec::new() })
    }
}

/// A mapping with a fixed set of keys: fields that are never read are unknown.
pub(crate) struct Fields<'a> {
    pub(crate) at: At<'a>,
    entries: Vec<(&'a Key, At<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Reads an optional field. Null counts as absent.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&At<'a>) -> Option<T>,
    ) -> Option<T> {
        let at = self.raw(name)?;
        if matches!(at.node.value, Value::Null) { None } else { read(&at) }
    }

    /// Reads a required field.
    pub(crate) fn need<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&At<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.raw(name) {
            Some(at) => read(&at),
            None => self.at.wrong(format!("`{name}` is missing")),
        }
    }

    /// Returns a field as it is, null included.
    pub(crate) fn raw(&mut self, name: &'static str) -> Option<At<'a>> {
        self.known.push(name);
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, at)| at.clone())
    }

    /// Returns whether a field is present and not null, valid or not.
    pub(crate) fn says(&self, name: &str) -> bool {
        let field = self.entries.iter().find(|(key, _)| key.text == name);
        field.is_some_and(|(_, at)| !matches!(at.node.value, Value::Null))
    }

    /// Reports every field that was not read, with the most similar known one.
    pub(crate) fn finish(self) {
        for (key, at) in &self.entries {
            if self.known.contains(&key.text.as_str()) || key.text.starts_with("x-") {
                continue;
            }
            let message = || {
                let near = nearest(&key.text, self.known.iter().copied());
                let hint = near.map_or_else(
                    || format!("known are {}", self.known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                format!("unknown field `{}`; {hint}", key.text)
            };
            at.key().tell_with(message);
        }
    }
}
