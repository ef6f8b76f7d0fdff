//! Hides known secrets in text from others: the output of containers, the messages of engines.
//!
//! DevArch's own text cannot contain secrets, by its types. Text that it passes on can, and there secrets are found by
//! their value: plain, and as encoded in JSON, quoted strings and URLs. Texts of less than four characters are not
//! searched: they would match everywhere.

use super::Secret;
use crate::{percent, secret::REDACTED};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;
use std::{borrow::Cow, collections::BTreeSet, fmt, ops::Range};

/// Shorter texts are not searched.
const MIN_LENGTH: usize = 4;

/// Texts up to this many bytes are searched together; a longer one separately, which takes no memory.
const MAX_COMBINED: usize = 1 << 10;

/// Up to this many bytes the lines of a secret are searched too: keys and certificates are not larger.
const MAX_BY_LINE: usize = 16 << 10;

/// Secrets to be hidden.
#[derive(Clone, Default)]
pub struct Mask {
    /// Sorted, so that those with a given prefix are found by binary search.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    short: Option<AhoCorasick>,
    long: Vec<Finder<'static>>,
    /// Whether the secrets are unknown: then everything is hidden.
    blind: bool,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} texts)", self.patterns.len())
    }
}

impl Mask {
    /// Hides these secrets. Each line of a multi-line secret is hidden too, because output arrives line by line.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let text = secret.reveal();
            let by_line = text.len() <= MAX_BY_LINE && text.contains('\n');
            let lines = text.lines().map(str::trim).filter(|_| by_line);
            for text in lines.chain([text, text.trim()]) {
                patterns.extend(forms(text).into_iter().map(String::into_bytes));
            }
        }
        let patterns: Vec<Vec<u8>> =
            patterns.into_iter().filter(|pattern| pattern.len() >= MIN_LENGTH).collect();
        let (short, long): (Vec<&Vec<u8>>, _) = patterns.iter().partition(|text| text.len() <= MAX_COMBINED);
        let long = long.into_iter().map(|text: &Vec<u8>| Finder::new(text).into_owned()).collect();
        let short = (!short.is_empty()).then(|| {
            AhoCorasick::builder()
                // A DFA of repetitive texts takes very long to build.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::LeftmostLongest)
                .build(short)
                .ok()
        });
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        Self { short: short.flatten(), long, longest, patterns, blind: false }
    }

    /// Hides everything, because the secrets cannot be decrypted.
    pub fn blind() -> Self {
        Self { blind: true, ..Self::default() }
    }

    /// A text with the secrets in it redacted.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) if self.blind && !text.is_empty() => Cow::Borrowed(REDACTED),
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// Bytes with the secrets in them redacted.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.blind && !bytes.is_empty() {
            return Cow::Borrowed(REDACTED.as_bytes());
        }
        let found = self.found(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let (mut masked, mut at) = (Vec::with_capacity(bytes.len()), 0);
        for place in found {
            masked.extend_from_slice(&bytes[at..place.start]);
            masked.extend_from_slice(REDACTED.as_bytes());
            at = place.end;
        }
        masked.extend_from_slice(&bytes[at..]);
        Cow::Owned(masked)
    }

    /// Where secrets are, in order; those that overlap are one.
    fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let short = self.short.iter().flat_map(|finder| finder.find_iter(bytes)).map(|found| found.range());
        let long = self
            .long
            .iter()
            .flat_map(|finder| finder.find_iter(bytes).map(|start| start..start + finder.needle().len()));
        let mut found: Vec<Range<usize>> = short.chain(long).collect();
        found.sort_by_key(|place| (place.start, place.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for place in found {
            match merged.last_mut() {
                Some(last) if place.start < last.end => last.end = last.end.max(place.end),
                _ => merged.push(place),
            }
        }
        merged
    }

    /// The position at which a secret may start whose end has not arrived.
    fn open_end(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.longest.saturating_sub(1));
        let begins = |tail: &[u8]| {
            let at = self.patterns.partition_point(|pattern| pattern.as_slice() < tail);
            self.patterns
                .get(at)
                .is_some_and(|pattern| pattern.len() > tail.len() && pattern.starts_with(tail))
                || self.patterns.get(at + 1).is_some_and(|pattern| pattern.starts_with(tail))
        };
        (1..=most)
            .rev()
            .find(|length| begins(&bytes[bytes.len() - length..]))
            .map_or(bytes.len(), |length| bytes.len() - length)
    }
}

/// A stream of bytes with secrets redacted, even if they are split across chunks.
#[derive(Debug, Clone)]
pub struct MaskedStream {
    mask: Mask,
    held: Vec<u8>,
}

impl MaskedStream {
    /// An empty stream.
    pub fn new(mask: Mask) -> Self {
        Self { mask, held: Vec::new() }
    }

    /// What can be passed on after these bytes: all but the possible start of a secret.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let open = self.mask.open_end(&self.held);
        let begun = self.mask.found(&self.held).into_iter().take_while(|place| place.start < open);
        let upto = begun.last().map_or(open, |place| place.end.max(open));
        let rest = self.held.split_off(upto);
        let ready = std::mem::replace(&mut self.held, rest);
        self.mask.bytes(&ready).into_owned()
    }

    /// Whether bytes are held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// The bytes that were held back, at the end of the stream or after a pause.
    pub fn rest(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        self.mask.bytes(&rest).into_owned()
    }
}

/// The ways a text is written by others.
fn forms(text: &str) -> BTreeSet<String> {
    let json = serde_json::Value::from(text).to_string();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    BTreeSet::from([text.to_owned(), inner, percent::encoded(text)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::new(&secrets.iter().map(|secret| Secret::new(*secret)).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_hidden_in_every_encoding() {
        let mask = mask(&["p@ss\"word/1", "line one\nline two", "abc"]);
        assert_eq!(mask.text("x p@ss\"word/1 y"), "x [REDACTED] y");
        assert_eq!(mask.text(r#"{"pw":"p@ss\"word/1"}"#), r#"{"pw":"[REDACTED]"}"#);
        assert_eq!(mask.text("pg://u:p%40ss%22word%2F1@h"), "pg://u:[REDACTED]@h");
        assert_eq!(mask.text("> line two"), "> [REDACTED]");
        assert_eq!(mask.text("abc"), "abc");
    }

    #[test]
    fn nothing_is_shown_if_the_secrets_are_unknown() {
        let mask = Mask::blind();
        assert_eq!(mask.text("anything"), "[REDACTED]");
        let mut stream = MaskedStream::new(mask);
        assert_eq!(
            [stream.push(b"any"), stream.push(b"thing"), stream.rest()].concat(),
            b"[REDACTED][REDACTED]"
        );
    }

    #[test]
    fn the_longer_of_two_secrets_with_a_common_prefix_is_hidden() {
        let mut stream = MaskedStream::new(mask(&["secret", "secret-and-more"]));
        assert_eq!(stream.push(b"a secret-and"), b"a ");
        assert_eq!(stream.push(b"-more b"), b"[REDACTED] b");
        assert_eq!(stream.push(b" secret"), b" ");
        assert_eq!(stream.rest(), b"[REDACTED]");
    }

    #[test]
    fn a_huge_secret_is_hidden_with_little_memory() {
        let huge = "0123456789abcdef".repeat(32 << 10);
        let mask = mask(&[&huge, "short"]);
        assert!(mask.short.as_ref().unwrap().memory_usage() < 4 << 10);
        assert_eq!(mask.text(&format!("a short {huge} b")), "a [REDACTED] [REDACTED] b");
        let mut stream = MaskedStream::new(mask);
        let (begin, end) = huge.as_bytes().split_at(100_000);
        assert_eq!(stream.push(begin), b"");
        assert_eq!(stream.push(end), b"[REDACTED]");
    }

    proptest! {
        #[test]
        fn secrets_are_hidden_however_the_output_is_split(
            parts in proptest::collection::vec(prop_oneof!["[a-d ]{0,6}", Just("abcd".to_owned()), Just("abcab".to_owned())], 0..12),
            cuts in proptest::collection::vec(0..60_usize, 0..12),
        ) {
            let text = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let mask = mask(&["abcd", "abcab"]);
            let mut stream = MaskedStream::new(mask.clone());
            let mut shown = Vec::new();
            for piece in cuts.windows(2) {
                shown.extend(stream.push(&text[piece[0]..piece[1]]));
            }
            shown.extend(stream.rest());
            prop_assert_eq!(shown, mask.bytes(&text).into_owned());
        }
    }
}
