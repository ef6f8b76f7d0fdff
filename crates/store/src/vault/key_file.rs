//! What a key file says. It is text:
//!
//! ```text
//! devarch-keys 1
//! # ...
//! STORE KEY-ID KEY
//! ```
//!
//! with a line for each store whose database this user has opened, and two while a store's key is being rotated, the newer
//! one first. The id beside a key follows from the key, so a damaged key is told from another one. What can't be
//! read is kept as it is when the file is written again.

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

/// A key file's content.
#[derive(Debug)]
pub(crate) struct KeyFile {
    lines: Vec<Line>,
    kind: Kind,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key file.
    Keys,
    /// It is not there.
    Missing,
    /// It is there, and empty.
    Empty,
    /// A key file of a newer program, of that version.
    Newer(u32),
    /// Something else.
    Other,
}

#[derive(Debug)]
enum Line {
    Key { store: StoreId, key: Arc<Key> },
    Damaged(Unread),
}

/// A line that can't be read. It may hold most of a key.
struct Unread(Zeroizing<String>);

impl std::fmt::Debug for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unread")
    }
}

impl Unread {
    /// The key it seems to have been.
    fn id(&self) -> Option<KeyId> {
        self.0.split(' ').nth(1).and_then(KeyId::parse)
    }
}

impl KeyFile {
    /// One that is not there.
    pub(crate) fn missing() -> Self {
        Self { lines: Vec::new(), kind: Kind::Missing }
    }

    /// Reads a file's text; damage is a part of what it says.
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

    /// The file's text.
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

    /// What it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is no key file, and is left alone.
    pub(crate) fn is_other(&self) -> bool {
        self.kind == Kind::Other
    }

    /// The key of that id, whosesoever.
    pub(crate) fn key(&self, id: KeyId) -> Option<Arc<Key>> {
        self.keys().find(|(_, key)| key.id() == id).map(|(_, key)| Arc::clone(key))
    }

    /// All keys there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys().map(|(_, key)| key)
    }

    /// The ids of all keys there are.
    pub(crate) fn ids(&self) -> Vec<KeyId> {
        self.keys().map(|(_, key)| key.id()).collect()
    }

    /// The ids of a store's keys, the newest first.
    pub(crate) fn ids_of(&self, store: &StoreId) -> Vec<KeyId> {
        self.keys().filter(|(owner, _)| *owner == store).map(|(_, key)| key.id()).collect()
    }

    /// Whether a key that is not to be found may be one that can't be read.
    pub(crate) fn may_have_lost(&self, id: KeyId) -> bool {
        let lost = |line: &Line| match line {
            Line::Key { .. } => false,
            Line::Damaged(unread) => unread.id().is_none_or(|seems| seems == id),
        };
        self.kind != Kind::Keys || self.lines.iter().any(lost)
    }

    /// The same with a store's key as its newest.
    pub(crate) fn with(&self, store: &StoreId, key: &Arc<Key>) -> Self {
        let mut lines = vec![Line::Key { store: store.clone(), key: Arc::clone(key) }];
        lines.extend(self.lines_but(|_, id| id == key.id()));
        Self { lines, kind: Kind::Keys }
    }

    /// The same with one key for a store, which is there.
    pub(crate) fn with_only(&self, store: &StoreId, only: KeyId) -> Self {
        let lines = self.lines_but(|owner, id| owner == Some(store) && id != only).collect();
        Self { lines, kind: Kind::Keys }
    }

    /// The same without a key.
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

    /// The lines that stay. Whose a damaged line is, is not known; one without an id always stays.
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

/// Reads `STORE KEY-ID KEY`, where the id is the key's.
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
    fn what_is_written_is_read_again_without_moving() {
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
    fn a_store_keeps_one_key_and_the_others_keep_theirs() {
        let (one, two, other) = (key(), key(), key());
        let file =
            KeyFile::missing().with(&store("a"), &one).with(&store("b"), &other).with(&store("a"), &two);
        assert_eq!(file.with_only(&store("a"), two.id()).ids(), [two.id(), other.id()]);
        assert_eq!(file.without(two.id()).ids(), [other.id(), one.id()]);
    }

    #[test]
    fn a_damaged_key_is_told_from_another_one_and_is_never_dropped() {
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
    fn no_cut_or_flipped_file_gives_another_key() {
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
    fn a_file_of_another_kind_is_known() {
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
