//! Escapes characters that control a terminal. Defines which they are and how they are shown.
//!
//! A terminal obeys C0 and C1 control characters and DEL; bidirectional controls reorder what a reader sees. Text of a
//! file, an engine, a label, a log or a process may contain any of them.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Whether it controls a terminal or the display order. Line feed and tab are included: only the author of a text knows
/// whether they are layout.
pub fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes control characters except line feed and tab, for text that has its own layout.
pub fn block(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// Escapes all control characters, so that the text remains on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// A piece of a text that is built line by line: a line feed at its end is layout, all other control characters came
/// with a value and are escaped.
pub fn formatted(args: fmt::Arguments<'_>) -> String {
    let text = args.to_string();
    match text.strip_suffix('\n') {
        Some(of_line) => line(of_line).into_owned() + "\n",
        None => line(&text).into_owned(),
    }
}

/// Replaces each control character except line feed and tab by one visible character, so that columns are preserved:
/// for source lines in a message.
pub fn pictured(text: &str) -> Cow<'_, str> {
    let replaced = |c: char| is_control(c) && !matches!(c, '\n' | '\t');
    if !text.contains(replaced) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if replaced(c) { picture(c) } else { c }).collect())
}

/// Unicode has pictures of C0 and DEL; the others are shown as what can't be shown.
fn picture(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// Escapes the characters in JSON text that JSON itself permits unescaped (DEL, C1 and bidirectional controls) without
/// changing its meaning. Line feeds and tabs outside of strings are layout.
pub fn json(text: &str) -> Cow<'_, str> {
    let left = |c: char| is_control(c) && c >= '\u{7f}';
    if !text.contains(left) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if left(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn escaped(text: &str, obeyed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&obeyed) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(clean);
    for c in rest.chars() {
        if obeyed(c) { push(&mut shown, c) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

fn push(shown: &mut String, c: char) {
    let _ = match c {
        '\n' => shown.write_str("\\n"),
        '\r' => shown.write_str("\\r"),
        '\t' => shown.write_str("\\t"),
        '\0'..='\u{7f}' => write!(shown, "\\x{:02x}", u32::from(c)),
        _ => write!(shown, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// A container's output for a terminal: colours (SGR sequences) are kept and reset at the end of each line that sets
/// one; everything else is escaped, including bytes that are not UTF-8.
pub fn coloured_line(bytes: &[u8]) -> String {
    // Programs at a terminal of their own end their lines so.
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mut shown = String::with_capacity(bytes.len() + 8);
    let mut coloured = false;
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(is_control) {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let sgr = colour(rest);
            if let Some(length) = sgr {
                shown.push_str(&rest[..length]);
                coloured = true;
                rest = &rest[length..];
            } else if let Some(c) = rest.chars().next() {
                if c == '\t' {
                    shown.push(c);
                } else {
                    push(&mut shown, c);
                }
                rest = &rest[c.len_utf8()..];
            }
        }
        shown.push_str(rest);
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    if coloured {
        shown.push_str("\x1b[0m");
    }
    shown
}

/// The length of the SGR sequence (ECMA-48, 8.3.117) at the start of a text.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'))?;
    parameters[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b]52;c;x\x07\u{9b}2J\u{7f}\u{202e}\u{200f}\u{61c}\u{2069}\r\n\tb";

    #[test]
    fn control_characters_are_escaped_except_layout() {
        let rest = r"a\x1b]52;c;x\x07\u{9b}2J\x7f\u{202e}\u{200f}\u{61c}\u{2069}\r";
        assert_eq!(line(HOSTILE), format!(r"{rest}\n\tb"));
        assert_eq!(block(HOSTILE), format!("{rest}\n\tb"));
        for c in '\0'..='\u{ffff}' {
            assert_eq!(is_control(c), line(&c.to_string()) != c.to_string(), "{c:?}");
            assert!(!line(&c.to_string()).contains(is_control), "{c:?}");
            assert!(!c.is_control() || is_control(c), "{c:?}");
        }
    }

    #[test]
    fn a_harmless_text_is_unchanged() {
        let text = "Grüße 👩‍👩‍👧 \\x1b עברית";
        assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn pictures_preserve_columns() {
        assert_eq!(
            pictured(HOSTILE),
            "a\u{241b}]52;c;x\u{2407}\u{fffd}2J\u{2421}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{240d}\n\tb"
        );
        assert_eq!(pictured(HOSTILE).chars().count(), HOSTILE.chars().count());
    }

    #[test]
    fn json_keeps_its_meaning_without_control_characters() {
        let given = serde_json::json!({ HOSTILE: [HOSTILE] });
        let text = serde_json::to_string_pretty(&given).unwrap();
        let shown = json(&text);
        assert!(!shown.contains(|c| is_control(c) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), given);
    }

    #[test]
    fn a_log_line_keeps_only_its_colours() {
        assert_eq!(coloured_line(b"\x1b[1;31mred\x1b[0m"), "\x1b[1;31mred\x1b[0m\x1b[0m");
        assert_eq!(coloured_line(b"\x1b[38:5:9mleft on"), "\x1b[38:5:9mleft on\x1b[0m");
        assert_eq!(coloured_line(b"a\tb\r"), "a\tb");
        assert_eq!(coloured_line(b"\x1b[2J\x1b[31\x1b[?1m\x1b[\x1b"), r"\x1b[2J\x1b[31\x1b[?1m\x1b[\x1b");
        assert_eq!(coloured_line(b"10 %\r20 %\x9b31m\xff\xc2\x9b\x08"), r"10 %\r20 %\x9b31m\xff\u{9b}\x08");
        assert_eq!(coloured_line("\u{202e}ü".as_bytes()), "\\u{202e}ü");
    }
}
