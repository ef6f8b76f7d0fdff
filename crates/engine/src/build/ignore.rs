//! Which files a `.dockerignore` excludes (<https://docs.docker.com/build/concepts/context/#dockerignore-files>).
//!
//! The rules differ from `.gitignore`: every pattern is anchored at the root, a directory's files are excluded with it,
//! and an exception also applies below an excluded directory.

use std::iter::Peekable;

/// The patterns of a file, in order.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

/// A line that is no pattern.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a pattern: {text:?}")]
pub struct InvalidPattern {
    line: usize,
    text: String,
}

#[derive(Debug)]
struct Pattern {
    /// Whether it is an exception.
    exception: bool,
    glob: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// That character.
    Is(char),
    /// `?`: one character of a name.
    Any,
    /// `*`: any characters of a name.
    Name,
    /// `**`: any number of directories.
    Directories,
    /// `**` at the end: matches everything.
    Rest,
    /// `[a-z]`, `[^a-z]`.
    Class { not: bool, ranges: Vec<(char, char)> },
}

impl Ignore {
    /// Reads the patterns; comments and empty lines are none.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let patterns = lines.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
        let read = patterns.map(|(number, line)| {
            let invalid = || InvalidPattern { line: number + 1, text: line.to_owned() };
            Pattern::parse(line.trim()).ok_or_else(invalid)
        });
        Ok(Self { patterns: read.collect::<Result<_, _>>()? })
    }

    /// Whether a file is left out: the last pattern that fits it or a directory above decides.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        self.patterns.iter().fold(false, |out, pattern| {
            let may_change = pattern.exception == out;
            if may_change && pattern.matches_path_or_parent(&path) { !pattern.exception } else { out }
        })
    }

    /// Whether files below an excluded directory may be included again.
    pub(super) fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let exception = line.starts_with('!');
        let path = normalize(line.strip_prefix('!').unwrap_or(line).trim());
        if path.is_empty() {
            return None;
        }
        Some(Self { exception, glob: glob(&path)? })
    }

    fn matches_path_or_parent(&self, path: &[char]) -> bool {
        let above = path.iter().enumerate().filter(|(_, c)| **c == '/').map(|(at, _)| &path[..at]);
        matches_glob(&self.glob, path) || above.into_iter().any(|parent| matches_glob(&self.glob, parent))
    }
}

/// A path from the root without `.`, `..` and empty parts; the root itself is `.`.
fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_some() => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() && !path.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn glob(pattern: &str) -> Option<Vec<Part>> {
    let mut chars = pattern.chars().peekable();
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_some() { Part::Directories } else { Part::Rest }
            }
            '*' => Part::Name,
            '?' => Part::Any,
            '\\' => Part::Is(chars.next()?),
            '[' => class(&mut chars)?,
            c => Part::Is(c),
        });
    }
    Some(parts)
}

fn class(chars: &mut Peekable<impl Iterator<Item = char>>) -> Option<Part> {
    let not = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Part::Class { not, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let last = if chars.next_if_eq(&'-').is_some() { chars.next()? } else { first };
        ranges.push((first, last));
    }
}

fn matches_glob(glob: &[Part], text: &[char]) -> bool {
    let Some((part, glob)) = glob.split_first() else { return text.is_empty() };
    let one = |wanted: &dyn Fn(char) -> bool| match text.split_first() {
        Some((c, text)) => wanted(*c) && matches_glob(glob, text),
        None => false,
    };
    match part {
        Part::Is(wanted) => one(&|c| c == *wanted),
        Part::Any => one(&|c| c != '/'),
        Part::Class { not, ranges } => {
            one(&|c| c != '/' && ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *not)
        }
        Part::Name => {
            let name = text.iter().take_while(|c| **c != '/').count();
            (0..=name).any(|taken| matches_glob(glob, &text[taken..]))
        }
        Part::Directories => {
            let below = text.iter().enumerate().filter(|(_, c)| **c == '/').map(|(at, _)| at + 1);
            matches_glob(glob, text) || below.into_iter().any(|from| matches_glob(glob, &text[from..]))
        }
        Part::Rest => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of `paths` that are left out.
    fn left_out<'a>(patterns: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Ignore::parse(patterns).unwrap();
        paths.iter().copied().filter(|path| ignore.excludes(path)).collect()
    }

    #[test]
    fn patterns_are_anchored_at_the_root() {
        let paths = ["temp", "a/temp", "temp/x", "temperature", "a/temperature", "tempa"];
        assert_eq!(left_out("temp", &paths), ["temp", "temp/x"]);
        assert_eq!(left_out("/temp/", &paths), ["temp", "temp/x"]);
        assert_eq!(left_out("./x/../temp", &paths), ["temp", "temp/x"]);
        assert_eq!(left_out("*/temp*", &paths), ["a/temp", "a/temperature"]);
        assert_eq!(left_out("temp?", &paths), ["tempa"]);
    }

    #[test]
    fn two_stars_match_any_directories() {
        let paths = ["a.go", "x/a.go", "x/y/a.go", "x/y/b.rs"];
        assert_eq!(left_out("**/*.go", &paths), ["a.go", "x/a.go", "x/y/a.go"]);
        assert_eq!(left_out("x/**/a.go", &paths), ["x/a.go", "x/y/a.go"]);
        assert_eq!(left_out("x/**", &paths), ["x/a.go", "x/y/a.go", "x/y/b.rs"]);
        assert_eq!(left_out("**", &paths), paths);
        assert_eq!(left_out("**/y", &paths), ["x/y/a.go", "x/y/b.rs"]);
    }

    #[test]
    fn the_last_matching_pattern_wins() {
        let paths = ["README.md", "README-secret.md", "a.md", "a.txt"];
        assert_eq!(left_out("*.md\n!README.md", &paths), ["README-secret.md", "a.md"]);
        assert_eq!(left_out("*.md\n!README*.md\nREADME-secret.md", &paths), ["README-secret.md", "a.md"]);
        assert_eq!(left_out("*.md\nREADME-secret.md\n!README*.md", &paths), ["a.md"]);
        assert_eq!(left_out("*\n!a.txt", &paths), ["README.md", "README-secret.md", "a.md"]);
    }

    #[test]
    fn an_exception_applies_below_an_excluded_directory() {
        let paths = ["vendor", "vendor/a", "vendor/keep/b", "vendor/keep"];
        assert_eq!(left_out("vendor\n!vendor/keep", &paths), ["vendor", "vendor/a"]);
    }

    #[test]
    fn comments_spaces_and_byte_order_marks_are_not_patterns() {
        let paths = ["a", "#b", " c", "d"];
        assert_eq!(left_out("\u{feff}# a comment\r\n\n  d  \r\n#b\n", &paths), ["d"]);
        assert_eq!(left_out("\\#b", &paths), ["#b"]);
    }

    #[test]
    fn classes_and_escapes_are_supported() {
        let paths = ["a1", "b1", "z1", "a*", "[x"];
        assert_eq!(left_out("[a-b]1", &paths), ["a1", "b1"]);
        assert_eq!(left_out("[^a-b]1", &paths), ["z1"]);
        assert_eq!(left_out("a\\*", &paths), ["a*"]);
    }

    #[test]
    fn invalid_patterns_are_reported_with_their_line() {
        for (text, line) in [("a\n[a-", 2), ("!", 1), ("a\n\n\\", 3)] {
            assert_eq!(Ignore::parse(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
