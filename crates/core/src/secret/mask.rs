//! Known secrets in other people's words: the output of containers, the messages of engines.
//!
//! What DevArch itself says can't have a secret in it, by its types. What it passes on can, and there secrets are found by
//! their text: as it is, and as JSON, quoted strings and URLs have it. Texts of less than four characters are not looked
//! for: they would be found everywhere.

use super::Secret;
use crate::{percent, text::REDACTED};
use aho_corasick::{AhoCorasick, MatchKind};
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// Fewer bytes are not looked for.
const SHORTEST: usize = 4;

/// Secrets to be hidden.
#[derive(Clone, Default)]
pub struct Mask {
    /// Sorted, so that what begins with a text is found by a search.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    finder: Option<AhoCorasick>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} texts)", self.patterns.len())
    }
}

impl Mask {
    /// Hides these secrets. Of one with several lines each line is hidden too: output comes line by line.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let text = secret.reveal();
            let lines = text.lines().map(str::trim).filter(|_| text.contains('\n'));
            for text in lines.chain([text, text.trim()]) {
                patterns.extend(forms(text).into_iter().map(String::into_bytes));
            }
        }
        let patterns: Vec<Vec<u8>> =
            patterns.into_iter().filter(|pattern| pattern.len() >= SHORTEST).collect();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let finder = (!patterns.is_empty())
            .then(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok());
        Self { patterns, longest, finder: finder.flatten() }
    }

    /// A text with the secrets in it redacted.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.finder {
            Some(finder) if finder.is_match(text) => {
                let mut masked = String::with_capacity(text.len());
                finder.replace_all_with(text, &mut masked, |_, _, masked| {
                    masked.push_str(REDACTED);
                    true
                });
                Cow::Owned(masked)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Bytes with the secrets in them redacted.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.finder {
            Some(finder) if finder.is_match(bytes) => {
                let mut masked = Vec::with_capacity(bytes.len());
                finder.replace_all_with_bytes(bytes, &mut masked, |_, _, masked| {
                    masked.extend_from_slice(REDACTED.as_bytes());
                    true
                });
                Cow::Owned(masked)
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// Where in the bytes a secret may begin whose end has not come yet.
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

/// A stream of bytes in which secrets are redacted, also those that come in pieces.
#[derive(Debug, Clone)]
pub struct MaskedStream {
    mask: Mask,
    held: Vec<u8>,
}

impl MaskedStream {
    /// Nothing has come yet.
    pub fn new(mask: Mask) -> Self {
        Self { mask, held: Vec::new() }
    }

    /// What can be passed on once these bytes have come: all but what a secret may begin with.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let open = self.mask.open_end(&self.held);
        let ends = |found: &aho_corasick::Match| found.start() < open;
        let last =
            self.mask.finder.as_ref().and_then(|finder| {
                finder.find_iter(&self.held).take_while(ends).map(|found| found.end()).last()
            });
        let upto = last.map_or(open, |end| end.max(open));
        let rest = self.held.split_off(upto);
        let ready = std::mem::replace(&mut self.held, rest);
        self.mask.bytes(&ready).into_owned()
    }

    /// Whether something is held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// What was held back, when nothing more comes, or nothing has come for long.
    pub fn rest(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        self.mask.bytes(&rest).into_owned()
    }
}

/// The ways a text is written by others.
fn forms(text: &str) -> BTreeSet<String> {
    let json = serde_json::to_string(text).unwrap_or_default();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    BTreeSet::from([text.to_owned(), inner, percent::encoded(text, b"")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::new(&secrets.iter().map(|secret| Secret::new(*secret)).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_hidden_in_each_form_it_is_written_in() {
        let mask = mask(&["p@ss\"word/1", "line one\nline two", "abc"]);
        assert_eq!(mask.text("x p@ss\"word/1 y"), "x [REDACTED] y");
        assert_eq!(mask.text(r#"{"pw":"p@ss\"word/1"}"#), r#"{"pw":"[REDACTED]"}"#);
        assert_eq!(mask.text("pg://u:p%40ss%22word%2F1@h"), "pg://u:[REDACTED]@h");
        assert_eq!(mask.text("> line two"), "> [REDACTED]");
        assert_eq!(mask.text("abc"), "abc");
    }

    #[test]
    fn of_two_secrets_that_begin_alike_the_longer_one_is_hidden() {
        let mut stream = MaskedStream::new(mask(&["secret", "secret-and-more"]));
        assert_eq!(stream.push(b"a secret-and"), b"a ");
        assert_eq!(stream.push(b"-more b"), b"[REDACTED] b");
        assert_eq!(stream.push(b" secret"), b" ");
        assert_eq!(stream.rest(), b"[REDACTED]");
    }

    proptest! {
        #[test]
        fn however_output_is_cut_no_secret_is_in_it(
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
