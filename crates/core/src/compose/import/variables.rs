//! Substitutes the variables of a Compose file. Values that look secret become references to secrets: the values are
//! returned beside the file, for the store, and never appear in a text.

use super::substitute::{Piece, Rule, Variable, pieces};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Field, Place},
    read::{Key, Node, Value},
    secret::{Secret, SecretName, is_secret_name, looks_secret},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// The start of a secret reference; literal text that starts the same is escaped.
const REFERENCE: &str = "${secret:";

/// The maximum number of places listed in one note.
const LISTED: usize = 20;

/// Shorter secrets would be found inside too many values.
const SHORTEST: usize = 6;

/// The places of variables and files.
pub(super) type Places = BTreeMap<String, BTreeSet<Option<Place>>>;

/// A Compose file with its variables substituted.
pub(super) struct Filled {
    pub(super) file: Node,
    /// The secrets it refers to; those without a value have to be set.
    pub(super) secrets: BTreeMap<SecretName, Option<Secret>>,
    pub(super) notes: Vec<Diagnostic>,
}

/// Substitutes the variables of a Compose file; reports all that are missing at once.
pub(super) fn fill_in(file: &Node, variables: &BTreeMap<String, String>) -> Result<Filled, Diagnostics> {
    let mut filling = Filling::new(variables);
    let file = filling.node(file, &mut Vec::new());
    if filling.wrong.is_empty() {
        Ok(Filled { file, notes: filling.notes(), secrets: filling.secrets })
    } else {
        let mut wrong = Diagnostics::new();
        filling.wrong.into_iter().for_each(|found| wrong.push(found));
        Err(wrong)
    }
}

struct Filling<'a> {
    variables: &'a BTreeMap<String, String>,
    /// The values of variables that look secret, which other variables' values may contain.
    known: Vec<&'a str>,
    secrets: BTreeMap<SecretName, Option<Secret>>,
    sealed: Places,
    to_set: Places,
    empty: Places,
    left_out: Places,
    literals: Places,
    wrong: Vec<Diagnostic>,
    misplaced: Vec<Diagnostic>,
}

/// A part of a text after substitution.
#[derive(Clone)]
enum Part {
    Text(String),
    Secret(SecretName),
}

/// The text being substituted.
#[derive(Clone, Copy)]
struct Spot<'a> {
    place: Option<Place>,
    /// Its field: `services.web.image`.
    path: &'a [String],
    /// The name of its value.
    key: &'a str,
    /// The variables that are secrets because the whole text looks secret, even if their values alone do not.
    seal: Seal<'a>,
}

/// The variables whose values are treated as secrets because of the text they are in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seal<'a> {
    Nothing,
    Only(&'a str),
    All,
}

impl Seal<'_> {
    fn includes(self, name: &str) -> bool {
        self == Self::All || self == Seal::Only(name)
    }
}

impl<'a> Filling<'a> {
    fn new(variables: &'a BTreeMap<String, String>) -> Self {
        let secret = variables.iter().filter(|(name, value)| looks_secret(name, value));
        let known = secret.map(|(_, value)| value.as_str()).filter(|value| value.len() >= SHORTEST);
        Self {
            variables,
            known: known.collect(),
            secrets: BTreeMap::new(),
            sealed: Places::new(),
            to_set: Places::new(),
            empty: Places::new(),
            left_out: Places::new(),
            literals: Places::new(),
            wrong: Vec::new(),
            misplaced: Vec::new(),
        }
    }

    fn node(&mut self, node: &Node, path: &mut Vec<String>) -> Node {
        let environment = is_environment(path);
        let value = match &node.value {
            Value::Text(text) => self.scalar(text, node.place, path),
            Value::List(items) if environment => {
                Value::List(items.iter().filter_map(|item| self.environment_item(item, path)).collect())
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item, path)).collect()),
            Value::Map(entries) => {
                let filled = entries.iter().filter_map(|(key, value)| {
                    if is_extension(&key.text, path) {
                        return None;
                    }
                    path.push(key.text.clone());
                    let value = match value.value {
                        Value::Null if environment => self.passed_on(&key.text, key.place, path),
                        _ => Some(self.node(value, path)),
                    };
                    path.pop();
                    Some((key.clone(), value?))
                });
                Value::Map(filled.collect::<Vec<(Key, Node)>>())
            }
            other => other.clone(),
        };
        Node { value, place: node.place }
    }

    /// Substitutes a scalar; a text that variables turn into a boolean becomes one, as in Compose.
    fn scalar(&mut self, text: &str, place: Option<Place>, path: &[String]) -> Value {
        let key = path.last().map_or("", String::as_str);
        let filled = self.text(text, Spot { place, path, key, seal: Seal::Nothing });
        match filled.as_str() {
            "true" if filled != text => Value::Bool(true),
            "false" if filled != text => Value::Bool(false),
            _ => Value::Text(filled),
        }
    }

    /// Substitutes `NAME=value`, or `NAME` alone, which takes the variable's value.
    fn environment_item(&mut self, item: &Node, path: &mut Vec<String>) -> Option<Node> {
        let Value::Text(text) = &item.value else { return Some(self.node(item, path)) };
        let Some((key, _)) = text.split_once('=') else {
            let Value::Text(value) = self.passed_on(text, item.place, path)?.value else { return None };
            return Some(Node { value: Value::Text(format!("{text}={value}")), place: item.place });
        };
        let filled = self.text(text, Spot { place: item.place, path, key, seal: Seal::Nothing });
        Some(Node { value: Value::Text(filled), place: item.place })
    }

    /// Returns a variable that is passed on under its own name; `None` if it is not set.
    fn passed_on(&mut self, name: &str, place: Option<Place>, path: &[String]) -> Option<Node> {
        let variable = Variable { name: name.to_owned(), rule: Rule::Plain, or_empty: false };
        if !self.variables.contains_key(name) && !is_secret_name(name) {
            self.left_out.entry(name.to_owned()).or_default().insert(place);
            return None;
        }
        let spot = Spot { place, path, key: name, seal: Seal::Nothing };
        let parts = self.variable(&variable, spot);
        Some(Node { value: Value::Text(self.joined(parts, spot)), place })
    }

    fn text(&mut self, text: &str, spot: Spot<'_>) -> String {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(message) => {
                self.refuse(message, spot);
                return text.to_owned();
            }
        };
        let seal = self.seal(&pieces, spot);
        let parts = self.parts(&pieces, Spot { seal, ..spot });
        let has_secret = parts.iter().any(|part| matches!(part, Part::Secret(_)));
        if seal != Seal::Nothing && !has_secret && is_environment(&spot.path[..spot.path.len().min(3)]) {
            self.literals.entry(spot.key.to_owned()).or_default().insert(spot.place);
        }
        self.joined(parts, spot)
    }

    /// Returns the variables of a text that are secrets because of it: all if its name looks secret; if it contains a
    /// password, only the one with the password.
    fn seal<'p>(&self, pieces: &'p [Piece], spot: Spot<'_>) -> Seal<'p> {
        let looks = |without: Option<&str>| {
            let text = self.plain(pieces, without);
            let value = text.strip_prefix(spot.key).and_then(|rest| rest.strip_prefix('='));
            looks_secret(spot.key, value.unwrap_or(&text))
        };
        if !looks(None) {
            return Seal::Nothing;
        }
        let mut variables = pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable.name.as_str()),
            Piece::Literal(_) => None,
        });
        let password = |name: &&str| !is_secret_name(spot.key) && !looks(Some(*name));
        variables.find(password).map_or(Seal::All, Seal::Only)
    }

    /// Returns the text as Compose substitutes it, optionally with one variable empty.
    fn plain(&self, pieces: &[Piece], without: Option<&str>) -> String {
        let one = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(variable) if without == Some(&variable.name) => String::new(),
            Piece::Variable(variable) => match (self.value(variable), &variable.rule) {
                (Some(_), Rule::Alternative(text)) | (None, Rule::Default(text)) => self.plain(text, without),
                (None, _) => String::new(),
                (Some(value), _) => value.to_owned(),
            },
        };
        pieces.iter().map(one).collect()
    }

    fn parts(&mut self, pieces: &[Piece], spot: Spot<'_>) -> Vec<Part> {
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => parts.push(Part::Text(text.clone())),
                Piece::Variable(variable) => parts.extend(self.variable(variable, spot)),
            }
        }
        parts
    }

    fn variable(&mut self, variable: &Variable, spot: Spot<'_>) -> Vec<Part> {
        let name = &variable.name;
        match (self.value(variable), &variable.rule) {
            (Some(_), Rule::Alternative(text)) | (None, Rule::Default(text)) => self.parts(text, spot),
            (None, Rule::Alternative(_)) => Vec::new(),
            (None, Rule::Required(message)) => {
                let message = self.plain(message, None);
                let message = if message.is_empty() { "it is required".to_owned() } else { message };
                self.refuse(format!("variable {name} is not set: {message}"), spot);
                Vec::new()
            }
            (Some(value), _) => {
                if looks_secret(name, value)
                    || (spot.seal.includes(name) && looks_secret("secret", value))
                    || self.known.iter().any(|known| value.contains(known))
                {
                    let value = Secret::new(value);
                    return self.secret(name, Some(value), spot).into_iter().collect();
                }
                vec![Part::Text(value.to_owned())]
            }
            (None, Rule::Plain) if self.variables.contains_key(name) => Vec::new(),
            (None, Rule::Plain) if is_secret_name(name) || is_secret_name(spot.key) => {
                self.secret(name, None, spot).into_iter().collect()
            }
            (None, Rule::Plain) => {
                self.empty.entry(name.clone()).or_default().insert(spot.place);
                Vec::new()
            }
        }
    }

    /// Returns a variable's value, unless its rule treats it as unset.
    fn value(&self, variable: &Variable) -> Option<&'a str> {
        let value = self.variables.get(&variable.name).map(String::as_str);
        let counts = |value: &&str| match variable.rule {
            Rule::Plain => !value.is_empty(),
            _ => !variable.or_empty || !value.is_empty(),
        };
        value.filter(counts)
    }

    fn secret(&mut self, name: &str, value: Option<Secret>, spot: Spot<'_>) -> Option<Part> {
        let secret: SecretName = match name.parse() {
            Ok(secret) => secret,
            Err(error) => {
                self.refuse(format!("{error}"), spot);
                return None;
            }
        };
        let places = if value.is_some() { &mut self.sealed } else { &mut self.to_set };
        places.entry(name.to_owned()).or_default().insert(spot.place);
        self.secrets.insert(secret.clone(), value);
        if !takes_secrets(spot.path) {
            let message = format!(
                "{name} looks like a secret, and secrets are not allowed here; write the value into devarch.yml if it is none"
            );
            let misplaced = Diagnostic { place: spot.place, field: spot.path.join(".").into(), message };
            if !self.misplaced.contains(&misplaced) {
                self.misplaced.push(misplaced);
            }
        }
        Some(Part::Secret(secret))
    }

    /// Joins the parts into one text, in which only secrets are references.
    fn joined(&mut self, parts: Vec<Part>, spot: Spot<'_>) -> String {
        let mut text = String::new();
        let mut literal = String::new();
        for part in parts {
            match part {
                Part::Text(more) => literal.push_str(&more),
                Part::Secret(name) => {
                    if literal.ends_with('$') {
                        self.refuse(
                            format!(
                                "a `$` right before the secret {name} cannot be written in devarch.yml; put it into the value"
                            ),
                            spot,
                        );
                    }
                    text.push_str(&escaped(&std::mem::take(&mut literal)));
                    let _ = write!(text, "{REFERENCE}{name}}}");
                }
            }
        }
        text.push_str(&escaped(&literal));
        text
    }

    fn refuse(&mut self, message: String, spot: Spot<'_>) {
        let wrong = Diagnostic { place: spot.place, field: spot.path.join(".").into(), message };
        if !self.wrong.contains(&wrong) {
            self.wrong.push(wrong);
        }
    }

    /// Returns one note per kind of change, with all its places.
    fn notes(&self) -> Vec<Diagnostic> {
        let grouped = [
            (
                &self.sealed,
                "values that look like secrets, kept encrypted in the store",
                "devarch.yml refers to them",
            ),
            (
                &self.to_set,
                "secrets without a value",
                "set each with `devarch secret set NAME` before `devarch up`",
            ),
            (
                &self.empty,
                "unset variables, replaced by nothing",
                "set them and import again, or write their values into devarch.yml",
            ),
            (
                &self.left_out,
                "unset variables, not passed on",
                "write their values under `environment` in devarch.yml",
            ),
            (
                &self.literals,
                "values that look like secrets, copied as the Compose file has them",
                "to keep them out of devarch.yml, write ${secret:NAME} in their place and set them with `devarch secret set NAME`",
            ),
        ];
        let notes =
            grouped.into_iter().filter_map(|(places, what, advice)| grouped_note(places, what, advice));
        notes.chain(self.misplaced.iter().cloned()).collect()
    }
}

/// Returns one note about several things: `unset variables: A (3:5), B (4:7, 9:1); set them`.
pub(super) fn grouped_note(places: &Places, what: &str, advice: &str) -> Option<Diagnostic> {
    let first = places.values().flatten().min()?;
    let one = |(name, places): (&String, &BTreeSet<Option<Place>>)| {
        let places: Vec<String> =
            places.iter().flatten().map(|place| format!("{}:{}", place.line, place.column)).collect();
        if places.is_empty() { name.clone() } else { format!("{name} ({})", places.join(", ")) }
    };
    let mut listed: Vec<String> = places.iter().take(LISTED).map(one).collect();
    if places.len() > LISTED {
        listed.push(format!("and {} more", places.len() - LISTED));
    }
    let message = format!("{what}: {}; {advice}", listed.join(", "));
    Some(Diagnostic { place: *first, field: Field::whole(), message })
}

/// Escapes literal text that would be read as a reference.
fn escaped(text: &str) -> String {
    text.replace(REFERENCE, "$${secret:")
}

/// Extension fields are only read where an anchor in them is used.
fn is_extension(key: &str, path: &[String]) -> bool {
    let service = path.len() == 2 && path[0] == "services";
    key.starts_with("x-") && (path.is_empty() || service)
}

fn is_environment(path: &[String]) -> bool {
    matches!(path, [services, _, environment] if services == "services" && environment == "environment")
}

/// Returns whether a field may refer to secrets, which are resolved when its container is created.
fn takes_secrets(path: &[String]) -> bool {
    match path {
        [section, _, field, ..] if section == "services" => {
            matches!(field.as_str(), "environment" | "command" | "entrypoint")
        }
        [section, _, field] => section == "configs" && field == "content",
        _ => false,
    }
}
