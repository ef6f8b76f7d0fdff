//! The format of a key file, which is text:
//!
//! ```text
//! devarch-keys 1
//! # ...
//! STORE KEY-ID KEY
//! ```
//!
//! It has one line per store whose database this user has opened, and two while a store's key is being rotated, the
//! newer one first. The id next to a key is derived from it, so a damaged key is distinguished from a different one.
//! Lines that cannot be parsed are kept when the file is rewritten.

use super::key::{Key, KeyId};
use devarch_core::id::StoreId;
use std::{fmt::Write as _, sync::Arc};
use zeroize::Zeroizing;

const NAME: &str = "devarch-keys";
const VERSION: u32 = 1;
const NOTE: &str = "\
# The keys of secrets, each behind the store it belongs to and its id. Who has them can read the secrets, and without
# them no one can: keep this file to yourself, and a copy of it in a safe place (`devarch secret key export`).
";

/// The content of a key file.
#[derive(Debug)]
pub(crate) struct KeyFile {
    lines: Vec<Line>,
    kind: Kind,
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key file.
    Keys,
    /// The file does not exist.
    Missing,
    /// The file is empty.
    Empty,
    /// A key file of a newer program, with its version.
    Newer(u32),
    /// Another kind of file.
    Other,
}

#[derive(Debug)]
enum Line {
    Key { store: StoreId, key: Arc<Key> },
    Damaged(Unread),
}

/// A line that cannot be parsed. It may contain most of a key.
struct Unread(Zeroizing<String>);

impl std::fmt::Debug for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unread")
    }
}

impl Unread {
    /// Returns the id of the key it seems to have contained.
    fn id(&self) -> Option<KeyId> {
        self.0.split(' ').nth(1).and_then(KeyId::parse)
    }
}

impl KeyFile {
    /// Returns the content of a missing file.
    pub(crate) fn missing() -> Self {
        Self { lines: Vec::new(), kind: Kind::Missing }
    }

    /// Parses a file's text; damaged lines are part of the content.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let kind = match lines.next() {
            None => Kind::Empty,
            Some(first) => kind(first),
        };
        let lines = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|text| {
                let read = read(text).map(|(store, key)| Line::Key { store, key: Arc::new(key) });
                read.unwrap_or_else(|| Line::Damaged(Unread(Zeroizing::new(text.to_owned()))))
            })
            .collect();
        Self { lines, kind }
    }

    /// Returns the file's text.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let length = |line: &Line| match line {
            Line::Key { store, .. } => store.as_str().len() + 16 + 64 + 3,
            Line::Damaged(unread) => unread.0.len() + 1,
        };
        let head = format!("{NAME} {VERSION}\n{NOTE}");
        let room = head.len() + self.lines.iter().map(length).sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(&head);
        for line in &self.lines {
            match line {
                Line::Key { store, key } => {
                    let _ = write!(*text, "{store} {} ", key.id());
                    key.write_hex(&mut text);
                }
                Line::Damaged(unread) => text.push_str(&unread.0),
            }
            text.push('\n');
        }
        text
    }

    /// Returns the kind of file.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns whether this is no key file and must be left unchanged.
    pub(crate) fn is_other(&self) -> bool {
        self.kind == Kind::Other
    }

    /// Returns the key with this id, of any store.
    pub(crate) fn key(&self, id: KeyId) -> Option<Arc<Key>> {
        self.keys().find(|(_, key)| key.id() == id).map(|(_, key)| Arc::clone(key))
    }

    /// Returns all keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys().map(|(_, key)| key)
    }

    /// Returns the ids of all keys.
    pub(crate) fn ids(&self) -> Vec<KeyId> {
        self.keys().map(|(_, key)| key.id()).collect()
    }

    /// Returns the ids of a store's keys, newest first.
    pub(crate) fn ids_of(&self, store: &StoreId) -> Vec<KeyId> {
        self.keys().filter(|(owner, _)| *owner == store).map(|(_, key)| key.id()).collect()
    }

    /// Returns whether a key that is not found may be on a damaged line.
    pub(crate) fn may_have_lost(&self, id: KeyId) -> bool {
        let lost = |line: &Line| match line {
            Line::Key { .. } => false,
            Line::Damaged(unread) => unread.id().is_none_or(|seems| seems == id),
        };
        self.kind != Kind::Keys || self.lines.iter().any(lost)
    }

    /// Adds a key as its store's newest.
    pub(crate) fn with(&self, store: &StoreId, key: &Arc<Key>) -> Self {
        let mut lines = vec![Line::Key { store: store.clone(), key: Arc::clone(key) }];
        lines.extend(self.lines_but(|_, id| id == key.id()));
        Self { lines, kind: Kind::Keys }
    }

    /// Leaves one key for a store, which must be in the file.
    pub(crate) fn with_only(&self, store: &StoreId, only: KeyId) -> Self {
        let lines = self.lines_but(|owner, id| owner == Some(store) && id != only).collect();
        Self { lines, kind: Kind::Keys }
    }

    /// Removes a key.
    pub(crate) fn without(&self, key: KeyId) -> Self {
        let lines = self.lines_but(|_, id| id == key).collect();
        Self { lines, kind: Kind::Keys }
    }

    fn keys(&self) -> impl Iterator<Item = (&StoreId, &Arc<Key>)> {
        self.lines.iter().filter_map(|line| match line {
            Line::Key { store, key } => Some((store, key)),
            Line::Damaged(_) => None,
        })
    }

    /// Returns the lines to keep. A damaged line's store is unknown; one without an id is always kept.
    fn lines_but(&self, goes: impl Fn(Option<&StoreId>, KeyId) -> bool) -> impl Iterator<Item = Line> {
        self.lines.iter().filter_map(move |line| match line {
            Line::Key { store, key } => (!goes(Some(store), key.id()))
                .then(|| Line::Key { store: store.clone(), key: Arc::clone(key) }),
            Line::Damaged(unread) => {
                let stays = unread.id().is_none_or(|id| !goes(None, id));
                stays.then(|| Line::Damaged(Unread(unread.0.clone())))
            }
        })
    }
}

fn kind(first: &str) -> Kind {
    let version = first.strip_prefix(NAME).and_then(|rest| rest.trim().parse().ok());
    match version {
        Some(VERSION) => Kind::Keys,
        Some(newer) if newer > VERSION => Kind::Newer(newer),
        _ => Kind::Other,
    }
}

/// Parses `STORE KEY-ID KEY`, where the id must be the key's.
fn read(line: &str) -> Option<(StoreId, Key)> {
    let mut parts = line.split(' ');
    let (store, id, key) = (parts.next()?, KeyId::parse(parts.next()?)?, Key::parse(parts.next()?)?);
    let whole = parts.next().is_none() && !store.is_empty() && key.id() == id;
    whole.then(|| (StoreId::new(store), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Arc<Key> {
        Arc::new(Key::generate().unwrap())
    }

    fn store(name: &str) -> StoreId {
        StoreId::new(name)
    }

    #[test]
    fn a_key_file_round_trips_without_reallocation() {
        let (one, two, three) = (key(), key(), key());
        let file =
            KeyFile::missing().with(&store("a"), &one).with(&store("b"), &two).with(&store("a"), &three);
        let text = file.text();
        let read = KeyFile::parse(&text);
        assert_eq!(read.kind(), Kind::Keys);
        assert_eq!(read.ids(), [three.id(), two.id(), one.id()]);
        assert_eq!(read.ids_of(&store("a")), [three.id(), one.id()]);
        assert_eq!(read.key(two.id()).unwrap().bytes(), two.bytes());
        assert_eq!(text.len(), text.capacity(), "no copy is left behind by growing");
        assert_eq!(read.text().as_str(), text.as_str());
    }

    #[test]
    fn removing_a_stores_old_keys_keeps_those_of_other_stores() {
        let (one, two, other) = (key(), key(), key());
        let file =
            KeyFile::missing().with(&store("a"), &one).with(&store("b"), &other).with(&store("a"), &two);
        assert_eq!(file.with_only(&store("a"), two.id()).ids(), [two.id(), other.id()]);
        assert_eq!(file.without(two.id()).ids(), [other.id(), one.id()]);
    }

    #[test]
    fn a_damaged_key_is_distinguished_from_another_and_never_dropped() {
        let (one, two) = (key(), key());
        let file = KeyFile::missing().with(&store("a"), &one).with(&store("b"), &two);
        let text = file.text();
        let last = text.trim_end().chars().last().unwrap();
        let damaged = format!("{}{}", &text[..text.len() - 2], if last == '0' { '1' } else { '0' });
        let read = KeyFile::parse(&damaged);
        assert_eq!(read.ids(), [two.id()]);
        assert!(read.may_have_lost(one.id()) && !read.may_have_lost(key().id()));
        let written = read.with(&store("c"), &key());
        assert!(written.text().contains(damaged.lines().last().unwrap()));
        let mended = written.with(&store("a"), &one);
        assert!(!mended.may_have_lost(one.id()) && mended.key(one.id()).is_some());
    }

    #[test]
    fn a_truncated_or_corrupted_file_never_yields_another_key() {
        let one = key();
        let text = KeyFile::missing().with(&store("a"), &one).text();
        for at in 0..text.len() {
            let cut = KeyFile::parse(&text[..at]);
            assert!(cut.key(one.id()).is_some() || cut.may_have_lost(one.id()) || cut.ids().is_empty());
            let mut flipped = text.as_bytes().to_vec();
            flipped[at] ^= 1;
            let flipped = KeyFile::parse(&String::from_utf8(flipped).unwrap());
            assert!(flipped.ids().iter().all(|id| *id == one.id()));
        }
    }

    #[test]
    fn a_file_of_another_kind_is_recognized() {
        let kind = |text: &str| KeyFile::parse(text).kind();
        assert_eq!(kind(""), Kind::Empty);
        assert_eq!(kind("devarch-keys 2\nx"), Kind::Newer(2));
        assert_eq!(kind("devarch-keys 1\n"), Kind::Keys);
        for other in ["-----BEGIN KEY-----\n", "\n\n", "devarch-keys", "devarch-keys 0"] {
            assert_eq!(kind(other), Kind::Other, "{other}");
        }
    }

    #[test]
    fn no_key_is_printed() {
        let one = key();
        let mut hex = Zeroizing::new(String::with_capacity(64));
        one.write_hex(&mut hex);
        let file = KeyFile::parse(&format!("devarch-keys 1\na {} {}\n{}", one.id(), *hex, *hex));
        let printed = format!("{file:?}");
        assert!(printed.contains(&one.id().to_string()) && !printed.contains(&hex[..8]), "{printed}");
    }
}
