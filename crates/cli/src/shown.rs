//! Text that is safe to print on a terminal: everything is escaped except DevArch's own styles.

use anstyle::Style;
use devarch_core::escape;
use serde::Serialize;
use std::{borrow::Cow, fmt, io};

/// Escaped text for a terminal. The only control characters it can contain are its own styles, and line feeds and
/// tabs of multi-line text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown(String);

impl Shown {
    /// A line of styled text.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        let mut shown = Self::default();
        shown.paint(style, text);
        shown
    }

    /// A value as one line of JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, io::Error> {
        Ok(Self(escape::json(&serde_json::to_string(value)?).into_owned()))
    }

    /// A JSON value as one line.
    pub(crate) fn value(json: &serde_json::Value) -> Self {
        Self(escape::json(&json.to_string()).into_owned())
    }

    /// A value as indented JSON.
    pub(crate) fn pretty_json<T: Serialize + ?Sized>(value: &T) -> Result<Self, io::Error> {
        Ok(Self(escape::json(&serde_json::to_string_pretty(value)?).into_owned()))
    }

    /// A line of a container's output; its colours are kept.
    pub(crate) fn coloured_line(bytes: &[u8]) -> Self {
        Self(escape::coloured_line(bytes))
    }

    /// Lines that a renderer has coloured. The renderer's input must not contain control characters, because its
    /// colours would be kept too.
    pub(crate) fn rendered(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(|line| escape::coloured_line(line.as_bytes())).collect();
        Self(lines.join("\n"))
    }

    /// Unescaped text, to verify that the tests detect it.
    #[cfg(test)]
    pub(crate) fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Called by `write!` and `writeln!`. Only a trailing line feed is kept as layout.
    pub(crate) fn write_fmt(&mut self, args: fmt::Arguments<'_>) {
        self.0.push_str(&escape::formatted(args));
    }

    /// Appends a line of styled text.
    pub(crate) fn paint(&mut self, style: Style, text: &str) {
        let text = escape::line(text);
        let _ = fmt::Write::write_fmt(&mut self.0, format_args!("{style}{text}{style:#}"));
    }

    /// Appends multi-line text.
    pub(crate) fn append<T: Show + ?Sized>(&mut self, more: &T) {
        self.0.push_str(&more.shown().0);
    }

    /// Appends a line feed.
    pub(crate) fn end_line(&mut self) {
        self.0.push('\n');
    }

    /// The escaped and styled text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Anything that can be printed.
pub(crate) trait Show {
    /// Escapes the text.
    fn shown(&self) -> Cow<'_, Shown>;
}

impl Show for Shown {
    fn shown(&self) -> Cow<'_, Shown> {
        Cow::Borrowed(self)
    }
}

impl Show for str {
    fn shown(&self) -> Cow<'_, Shown> {
        Cow::Owned(Shown(escape::block(self).into_owned()))
    }
}

impl Show for String {
    fn shown(&self) -> Cow<'_, Shown> {
        self.as_str().shown()
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        text.shown().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style;

    const HOSTILE: &str = "a\x1b[31m\u{9b}2J\nforged";

    #[test]
    fn values_keep_no_escapes_and_cannot_end_their_line() {
        let mut shown = Shown::styled(style::GOOD, HOSTILE);
        write!(shown, " {HOSTILE}");
        writeln!(shown, "!");
        shown.append(HOSTILE);
        let text = r"a\x1b[31m\u{9b}2J";
        assert_eq!(
            shown.as_str(),
            format!("\x1b[32m{text}\\nforged\x1b[0m {text}\\nforged!\n{text}\nforged")
        );
    }

    #[test]
    fn a_renderer_can_only_set_colours() {
        assert_eq!(
            Shown::rendered("\x1b[1merror\x1b[0m\n\x1b[2J").as_str(),
            "\x1b[1merror\x1b[0m\x1b[0m\n\\x1b[2J"
        );
    }
}
