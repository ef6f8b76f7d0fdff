//! Text as a terminal may have it: everything that is put in is escaped, only styles of ours are not.

use anstyle::Style;
use devarch_core::escape;
use serde::Serialize;
use std::{borrow::Cow, fmt, io};

/// Text for a terminal. There is no way to put a character into it that a terminal obeys, but for line feeds and tabs of a
/// text that has a layout of its own, and the styles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown(String);

impl Shown {
    /// One line of text in a style.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        let mut shown = Self::default();
        shown.paint(style, text);
        shown
    }

    /// A value as JSON, on one line.
    pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, io::Error> {
        Ok(Self(escape::json(&serde_json::to_string(value)?).into_owned()))
    }

    /// JSON, on one line.
    pub(crate) fn value(json: &serde_json::Value) -> Self {
        Self(escape::json(&json.to_string()).into_owned())
    }

    /// A value as JSON for people.
    pub(crate) fn pretty_json<T: Serialize + ?Sized>(value: &T) -> Result<Self, io::Error> {
        Ok(Self(escape::json(&serde_json::to_string_pretty(value)?).into_owned()))
    }

    /// What a program in a container wrote on one line: its colours stay.
    pub(crate) fn coloured_line(bytes: &[u8]) -> Self {
        Self(escape::coloured_line(bytes))
    }

    /// Lines that a renderer has coloured. What it was given may hold no control character: its colours would pass for the
    /// renderer's.
    pub(crate) fn rendered(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(|line| escape::coloured_line(line.as_bytes())).collect();
        Self(lines.join("\n"))
    }

    /// Text that was not escaped, to see that a test would see it.
    #[cfg(test)]
    pub(crate) fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What `write!` and `writeln!` call. Only a line feed at the end is layout.
    pub(crate) fn write_fmt(&mut self, args: fmt::Arguments<'_>) {
        self.0.push_str(&escape::formatted(args));
    }

    /// Adds one line of text in a style.
    pub(crate) fn paint(&mut self, style: Style, text: &str) {
        let text = escape::line(text);
        let _ = fmt::Write::write_fmt(&mut self.0, format_args!("{style}{text}{style:#}"));
    }

    /// Adds what has a layout of its own.
    pub(crate) fn append<T: Show + ?Sized>(&mut self, more: &T) {
        self.0.push_str(&more.shown().0);
    }

    /// Ends a line.
    pub(crate) fn end_line(&mut self) {
        self.0.push('\n');
    }

    /// The text, escaped and styled.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What can be shown: a text of ours with values in it, or what was put together from them.
pub(crate) trait Show {
    /// As a terminal may have it.
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
    fn only_our_styles_are_obeyed_and_a_value_can_not_end_its_line() {
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
    fn a_renderer_colours_and_does_nothing_else() {
        assert_eq!(
            Shown::rendered("\x1b[1merror\x1b[0m\n\x1b[2J").as_str(),
            "\x1b[1merror\x1b[0m\x1b[0m\n\\x1b[2J"
        );
    }
}
