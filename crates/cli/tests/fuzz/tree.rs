//! A document as a mutable tree, and its YAML representations.

use crate::{random::Random, words};
use devarch_core::escape;
use serde_json::Value;
use std::fmt::Write as _;

/// Mutates a document at a random position: a value, a key or the structure.
pub(crate) fn mutate(tree: &mut Value, random: &mut Random) {
    let places = count(tree);
    let at = random.below(places);
    let donor = nth(tree, random.below(places)).cloned();
    let Some(place) = nth_mut(tree, &mut { at }) else { return };
    match (random.below(8), place) {
        (0, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).cloned().unwrap_or_default();
            map.shift_remove(&key);
        }
        (1, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).cloned().unwrap_or_default();
            let value = map.shift_remove(&key).unwrap_or_default();
            map.insert(words::any(random), value);
        }
        (2, Value::Object(map)) => {
            map.insert(words::any(random), donor.unwrap_or_default());
        }
        (3, Value::Array(items)) => items.push(donor.unwrap_or_default()),
        (4, Value::Array(items)) if !items.is_empty() => {
            items.remove(random.below(items.len()));
        }
        (5, place) => *place = donor.unwrap_or_default(),
        (_, place) => *place = value(random, 3),
    }
}

/// A random value.
pub(crate) fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(random.once_in(2)),
        2 => number(random),
        3..=5 => Value::String(words::any(random)),
        6 | 7 => (0..random.below(4)).map(|_| value(random, depth - 1)).collect(),
        _ => {
            let entries = (0..random.below(4)).map(|_| (words::any(random), value(random, depth - 1)));
            Value::Object(entries.collect())
        }
    }
}

fn number(random: &mut Random) -> Value {
    const EDGES: [i64; 10] =
        [0, 1, -1, 80, 65_535, 65_536, i64::MAX, i64::MIN, 4_294_967_296, 1_000_000_000_000];
    match random.below(4) {
        0 => u64::MAX.into(),
        1 => 1e308.into(),
        _ => EDGES[random.below(EDGES.len())].into(),
    }
}

fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn nth(tree: &Value, at: usize) -> Option<&Value> {
    fn walk<'a>(tree: &'a Value, left: &mut usize) -> Option<&'a Value> {
        if *left == 0 {
            return Some(tree);
        }
        *left -= 1;
        match tree {
            Value::Array(items) => items.iter().find_map(|item| walk(item, left)),
            Value::Object(map) => map.values().find_map(|item| walk(item, left)),
            _ => None,
        }
    }
    walk(tree, &mut { at })
}

fn nth_mut<'a>(tree: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(tree);
    }
    *left -= 1;
    match tree {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, left)),
        Value::Object(map) => map.values_mut().find_map(|item| nth_mut(item, left)),
        _ => None,
    }
}

/// The document as YAML, in block style or on one line as JSON.
pub(crate) fn yaml(tree: &Value, random: &mut Random) -> String {
    let mut text = String::new();
    block(tree, 0, random, &mut text);
    text
}

fn block(tree: &Value, indent: usize, random: &mut Random, text: &mut String) {
    match tree {
        Value::Object(map) if !map.is_empty() && !random.once_in(6) => {
            for (key, value) in map {
                let _ = write!(text, "\n{:indent$}{}: ", "", scalar(key, random));
                block(value, indent + 2, random, text);
            }
        }
        Value::Array(items) if !items.is_empty() && !random.once_in(4) => {
            for item in items {
                let _ = write!(text, "\n{:indent$}- ", "");
                block(item, indent + 2, random, text);
            }
        }
        Value::String(word) => text.push_str(&scalar(word, random)),
        other => text.push_str(&escape::json(&other.to_string())),
    }
}

/// Plain if the text looks safe, or at random; quoted otherwise.
fn scalar(word: &str, random: &mut Random) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    let plain = !word.is_empty() && word.chars().all(harmless) && word.parse::<f64>().is_err();
    if plain && !random.once_in(4) || random.once_in(60) {
        return word.to_owned();
    }
    escape::json(&serde_json::to_string(word).unwrap()).into_owned()
}

/// Mutates the text itself, as a typo or an attacker would.
pub(crate) fn smear(text: &mut String, random: &mut Random) {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    match random.below(9) {
        0 => text.truncate(at),
        1 => text.insert_str(at, &words::any(random)),
        2 => text.insert_str(at, "&a "),
        3 => text.insert_str(at, "*a "),
        4 => text.insert_str(at, "\n<<: *a\n"),
        5 => text.insert_str(at, &"[".repeat(random.below(2_000))),
        6 => text.insert_str(at, &"\n  ".repeat(random.below(200))),
        7 => *text = text.replace('\n', random.one(&["\r", "\r\n", "\u{85}", "\n\n"])),
        _ => {
            let copied = text[at..].chars().take(random.below(300)).collect::<String>();
            text.insert_str(at, &copied);
        }
    }
}
