//! The errors in a text, capped at a readable number, and the count of the rest.

use super::{Diagnostic, Place};
use std::{fmt, ops::Deref};

/// How many errors of one text are kept and shown.
pub const SHOWN_ERRORS: usize = 50;

/// Errors of one text, in its order. The first [`SHOWN_ERRORS`] are kept and the rest are counted, so that a text with
/// thousands of errors costs no more than one with fifty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self.kept.partition_point(|kept| kept.place <= diagnostic.place);
        self.kept.insert(at, diagnostic);
        self.cut();
    }

    /// Adds an error at a place; it is only built if it is kept.
    pub fn push_with(&mut self, place: Option<Place>, diagnostic: impl FnOnce() -> Diagnostic) {
        let last = self.kept.last().filter(|_| self.kept.len() == SHOWN_ERRORS);
        if last.is_some_and(|last| last.place <= place) {
            self.more += 1;
        } else {
            self.push(diagnostic());
        }
    }

    /// Adds errors of the same text that were found separately.
    pub fn append(&mut self, other: Self) {
        self.more += other.more;
        other.kept.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Counts further errors that were not built.
    pub fn and_more(&mut self, more: usize) {
        self.more += more;
    }

    /// Returns how many errors there are beyond those kept.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Returns `and 7,950 more` if there are more than are kept.
    pub fn and_more_text(&self) -> Option<String> {
        and_more(self.more)
    }

    fn cut(&mut self) {
        self.more += self.kept.len().saturating_sub(SHOWN_ERRORS);
        self.kept.truncate(SHOWN_ERRORS);
    }
}

/// Returns `and 7,950 more`; `None` for zero.
pub fn and_more(more: usize) -> Option<String> {
    let digits = more.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    (more > 0).then(|| format!("and {grouped} more"))
}

impl Deref for Diagnostics {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.kept
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { kept: vec![diagnostic], more: 0 }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Self {
        let mut found = Self::new();
        all.into_iter().for_each(|diagnostic| found.push(diagnostic));
        found
    }
}

impl fmt::Display for Diagnostics {
    /// Prints one error per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.kept.iter().map(ToString::to_string).chain(self.and_more_text());
        f.write_str(&lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, "\n  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Field, *};

    #[test]
    fn the_first_fifty_errors_are_kept_and_the_rest_counted() {
        let one = |line| Diagnostic {
            place: Some(Place { line, column: 1 }),
            field: Field::whole(),
            message: "wrong".to_owned(),
        };
        let mut found: Diagnostics = (1..=8_000).rev().map(one).collect();
        assert_eq!((found.len(), found.more()), (SHOWN_ERRORS, 7_950));
        assert_eq!((found[0].place.unwrap().line, found[49].place.unwrap().line), (1, 50));
        assert!(found.to_string().ends_with("\n  50:1: wrong\n  and 7,950 more"), "{found}");
        found.append(Diagnostics::from(one(3)));
        assert_eq!((found.len(), found.more()), (SHOWN_ERRORS, 7_951));
        assert_eq!(Diagnostics::from(one(3)).to_string(), "3:1: wrong");
    }
}
