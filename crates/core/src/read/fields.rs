use super::{Node, Value, node::Key};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    name::nearest,
};
use std::cell::RefCell;

/// What a reader collects: errors, of which the first are kept, or notes, which all are.
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

/// Collects what is wrong while a text is read to its end.
#[derive(Debug, Default)]
pub struct Reader {
    /// Whether a redacted value may stand for a secret that the caller puts back.
    pub(crate) redacted: bool,
    wrong: RefCell<Found>,
}

impl Reader {
    /// A reader that has found nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of a definition that was written redacted and edited.
    pub(crate) fn of_redacted() -> Self {
        Self { redacted: true, ..Self::default() }
    }

    /// A reader that keeps all that it is told.
    pub(crate) fn of_notes() -> Self {
        Self { redacted: false, wrong: RefCell::new(Found::Notes(Vec::new())) }
    }

    /// The value that was read, unless something was wrong.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        let wrong = self.into_found();
        match value {
            Some(value) if wrong.is_empty() => Ok(value),
            _ => Err(wrong),
        }
    }

    /// What was found wrong so far, in the order of the text.
    pub(crate) fn into_found(self) -> Diagnostics {
        match self.wrong.into_inner() {
            Found::Errors(found) => found,
            Found::Notes(notes) => notes.into_iter().collect(),
        }
    }

    /// All it was told, in the order of the text.
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

    /// The same where a message takes time to make, and may not be kept.
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

/// How much of a message or a path is kept: both may quote the text they are about.
const LONGEST: usize = 2_000;

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
        text.shrink_to_fit();
    }
    text
}

/// A node on the way down: its path for messages, its place, and the reader that collects.
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

    /// The same at the place of its key, for what is wrong with that.
    pub(crate) fn key(&self) -> Self {
        Self { place: self.key.or(self.place), ..self.clone() }
    }

    /// Reports and gives nothing.
    pub(crate) fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.reader.report(self, message);
        None
    }

    /// Reports and goes on.
    pub(crate) fn tell(&self, message: impl Into<String>) {
        self.reader.report(self, message);
    }

    /// Reports a message that takes time to make, and may not be kept.
    pub(crate) fn tell_with(&self, message: impl FnOnce() -> String) {
        self.reader.report_with(self, message);
    }

    /// Reports that another kind of value was expected.
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

    /// The items of a list.
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

    /// The entries of a mapping with free keys; each key with where it stands.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a str, At<'a>)>> {
        let Value::Map(entries) = &self.node.value else {
            return self.expected("a mapping");
        };
        Some(entries.iter().map(|(key, node)| (key.text.as_str(), self.entry(key, node))).collect())
    }

    /// A list read item by item; wrong items are reported and the rest read on.
    pub(crate) fn list<T>(&self, read: impl Fn(&At<'a>) -> Option<T>) -> Option<Vec<T>> {
        Some(self.items()?.iter().filter_map(read).collect())
    }

    /// The fields of a mapping with a closed set of keys.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        let Value::Map(entries) = &self.node.value else {
            return self.expected("a mapping");
        };
        let entries = entries.iter().map(|(key, node)| (key, self.entry(key, node))).collect();
        Some(Fields { at: self.clone(), entries, known: Vec::new() })
    }
}

/// A mapping whose keys are a closed set: what is never asked for is unknown.
pub(crate) struct Fields<'a> {
    pub(crate) at: At<'a>,
    entries: Vec<(&'a Key, At<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// An optional field. Null is as good as absent.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&At<'a>) -> Option<T>,
    ) -> Option<T> {
        let at = self.raw(name)?;
        if matches!(at.node.value, Value::Null) { None } else { read(&at) }
    }

    /// A field that has to be there.
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

    /// A field as it stands, null included.
    pub(crate) fn raw(&mut self, name: &'static str) -> Option<At<'a>> {
        self.known.push(name);
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, at)| at.clone())
    }

    /// Whether a field is there with something in it, right or wrong.
    pub(crate) fn says(&self, name: &str) -> bool {
        let field = self.entries.iter().find(|(key, _)| key.text == name);
        field.is_some_and(|(_, at)| !matches!(at.node.value, Value::Null))
    }

    /// Reports every field nobody asked for, with the nearest that exists.
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
