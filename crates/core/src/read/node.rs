use crate::diagnostic::{Diagnostic, Field, Place};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Spanned, budget::BudgetBreach};
use std::{cell::Cell, fmt};

/// A value and its place in the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place; `None` for values from a command line or an API.
    pub place: Option<Place>,
}

/// A YAML value; the keys of its mappings have places.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the YAML kind of that name")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Its place.
    pub place: Option<Place>,
}

impl Value {
    /// Returns the type's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// Converts an edit's JSON to a node without a place.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => match number.as_i64() {
                Some(int) => Value::Int(int),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| (Key { text: key.clone(), place: None }, Self::from_json(value)))
                    .collect(),
            ),
        };
        Self { value, place: None }
    }

    /// Converts the node to JSON, without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(bool) => Json::Bool(*bool),
            Value::Int(int) => Json::from(*int),
            Value::Float(float) => Json::from(*float),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect())
            }
        }
    }

    /// Returns the entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node),
            _ => None,
        }
    }
}

/// The maximum number of values in a text, with aliases expanded.
pub const MOST_NODES: usize = 500_000;

/// The maximum number of bytes of text in it, with aliases expanded.
pub const MOST_TEXT: usize = 16 << 20;

/// The maximum nesting depth of lists and mappings.
const DEEPEST: usize = 64;

thread_local! {
    /// The nodes and bytes of text counted so far in the text that this thread parses. The parser creates values
    /// through `Deserialize`, which has no place for a counter.
    static SEEN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Counts a node with this many bytes of text.
fn count<E: de::Error>(bytes: usize) -> Result<(), E> {
    let (nodes, text) = SEEN.get();
    let (nodes, text) = (nodes + 1, text.saturating_add(bytes));
    SEEN.set((nodes, text));
    if nodes > MOST_NODES {
        return Err(E::custom(TOO_MANY_NODES));
    }
    if text > MOST_TEXT {
        return Err(E::custom(TOO_MUCH_TEXT));
    }
    Ok(())
}

const TOO_MANY_NODES: &str = "it has more than 500,000 values, aliases counted as what they stand for; a file may have at most 500,000";
const TOO_MUCH_TEXT: &str = "its texts have more than 16,777,216 bytes, aliases counted as what they stand for; a file \
                             may have at most 16 MiB of text";

/// Parses one YAML document. Values are literal: `$` has no meaning. Booleans are only `true` and `false`, as in
/// Compose; duplicate keys, deep nesting and exploding aliases are errors.
pub fn parse_yaml(text: &str) -> Result<Node, Diagnostic> {
    parse(text, options())
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            // The count after alias expansion decides.
            max_nodes: MOST_NODES + 1,
            max_events: 4 * MOST_NODES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 4 * MOST_NODES,
        },
    }
}

fn parse(text: &str, options: serde_saphyr::Options) -> Result<Node, Diagnostic> {
    SEEN.set((0, 0));
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map(node).map_err(|error| Diagnostic {
        place: error.location().and_then(place),
        field: Field::whole(),
        message: message_of(&error),
    })
}

/// Returns our own message for the limit that was exceeded, if any.
fn limit_of(error: &Error) -> Option<String> {
    let said = error.without_snippet().to_string();
    if let Some(ours) = [TOO_MANY_NODES, TOO_MUCH_TEXT].into_iter().find(|ours| said.contains(ours)) {
        return Some(ours.to_owned());
    }
    match error.without_snippet() {
        Error::Budget { breach, .. } => Some(match breach {
            BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => TOO_MANY_NODES.to_owned(),
            BudgetBreach::Depth { .. } => {
                format!(
                    "lists and mappings are nested more than {DEEPEST} deep; a file may nest them {DEEPEST} deep"
                )
            }
            BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. } => {
                "it has too many aliases for its anchors; write out what they stand for".to_owned()
            }
            _ => return None,
        }),
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            Some(TOO_MANY_NODES.to_owned())
        }
        _ => None,
    }
}

/// Returns the parser's message, without its places and advice to programmers.
fn message_of(error: &Error) -> String {
    if let Some(limit) = limit_of(error) {
        return limit;
    }
    let text = error.without_snippet().to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let text = text
        .split_once(": ")
        .filter(|(head, _)| head.starts_with("error: line"))
        .map_or(text, |(_, rest)| rest);
    let text = text.split(", set ").next().unwrap_or(text);
    let text = text.split("; set ").next().unwrap_or(text);
    format!("this is not valid YAML: {text}")
}

fn place(location: serde_saphyr::Location) -> Option<Place> {
    (location.line() > 0).then(|| Place { line: location.line(), column: location.column() })
}

fn node(raw: Spanned<Raw>) -> Node {
    let place = place(raw.referenced);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(bool) => Value::Bool(bool),
        Raw::Int(int) => Value::Int(int),
        Raw::Float(float) => Value::Float(float),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(node).collect()),
        Raw::Map(entries) => Value::Map(entries.into_iter().map(|(k, v)| (key(k), node(v))).collect()),
    };
    Node { value, place }
}

fn key(raw: Spanned<RawKey>) -> Key {
    Key { text: raw.value.0, place: place(raw.referenced) }
}

/// A YAML value from the parser.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<RawKey>, Spanned<Raw>)>),
}

/// A key: text, or a scalar written as text (`8080:`).
struct RawKey(String);

struct RawVisitor;

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

impl<'de> Deserialize<'de> for RawKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        count(text.len())?;
        Ok(Self(text))
    }
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        count(0)?;
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        count(0)?;
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, bool: bool) -> Result<Raw, E> {
        count(0)?;
        Ok(Raw::Bool(bool))
    }

    fn visit_i64<E: de::Error>(self, int: i64) -> Result<Raw, E> {
        count(0)?;
        Ok(Raw::Int(int))
    }

    fn visit_u64<E: de::Error>(self, int: u64) -> Result<Raw, E> {
        count(0)?;
        i64::try_from(int).map(Raw::Int).map_err(|_| E::custom(format!("{int} is too large a number")))
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Raw, E> {
        count(0)?;
        Ok(Raw::Float(float))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        count(text.len())?;
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Raw, E> {
        count(text.len())?;
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        count(0)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        count(0)?;
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_value_and_key_has_its_line_and_column() {
        let root = parse_yaml("a: 1\nb:\n  - x\n  - {c: true}\n").unwrap();
        let b = root.get("b").unwrap();
        let Value::List(items) = &b.value else { panic!("{b:?}") };
        assert_eq!(items[0].place, Some(Place { line: 3, column: 5 }));
        assert_eq!(items[1].get("c").unwrap().place, Some(Place { line: 4, column: 9 }));
    }

    #[test]
    fn syntax_errors_show_their_place() {
        for (text, line) in [("a: [1,\n", 1), ("a: 1\na: 2\n", 2), ("a:\n\t- x\n", 2), ("a: *nope\n", 1)] {
            let wrong = parse_yaml(text).unwrap_err();
            assert_eq!(wrong.place.map(|place| place.line), Some(line), "{text:?}: {wrong:?}");
        }
    }

    #[test]
    fn an_alias_bomb_is_rejected() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            let _ = writeln!(text, "a{n}: &a{n} [{refs}]");
        }
        assert!(parse_yaml(&text).is_err());
    }

    #[test]
    fn values_are_read_as_in_compose() {
        let root = parse_yaml("a: on\nb: 0644\nc: \"1.10\"\nd: yes\n").unwrap();
        assert!(matches!(&root.get("a").unwrap().value, Value::Text(text) if text == "on"));
        assert!(matches!(root.get("b").unwrap().value, Value::Int(0o644)));
        assert!(matches!(&root.get("d").unwrap().value, Value::Text(text) if text == "yes"));
    }
}
