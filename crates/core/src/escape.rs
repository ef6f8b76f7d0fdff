//! What a terminal would obey, made visible: the one list of such characters, and the one way they are written.
//!
//! A terminal obeys C0 and C1 control characters and DEL; bidirectional controls reorder what a reader sees. Text of a
//! file, an engine, a label, a log or a process may hold any of them.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Whether a terminal or a reader's eye would obey it rather than show it. Line feed and tab are among them: whether
/// they are layout is known only to who wrote the text.
pub fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text with every control character escaped but line feed and tab, for text that has a layout of its own.
pub fn block(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// A text with every control character escaped, so that it stays on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// A piece of a text that is put together line by line: a line feed at its end is layout, everything else that is a
/// control character came with a value and is escaped.
pub fn formatted(args: fmt::Arguments<'_>) -> String {
    let text = args.to_string();
    match text.strip_suffix('\n') {
        Some(of_line) => line(of_line).into_owned() + "\n",
        None => line(&text).into_owned(),
    }
}

/// A text in which each control character but line feed and tab is one visible character, so that columns stay where they
/// are: the source lines of a message.
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

/// JSON text in which what JSON itself leaves as it is (DEL, C1 and bidirectional controls) is escaped too: it means the
/// same. Line feeds and tabs outside of its texts are its layout.
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

/// The output of a container for a terminal: colours (SGR sequences) stay, and are reset at the end of each line that
/// set one; everything else is escaped, a byte that is no UTF-8 too.
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

/// The length of the SGR sequence (ECMA-48, 8.3.117) that a text begins with.
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
    fn every_control_character_of_a_text_is_escaped_and_layout_only_where_it_is_layout() {
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
    fn a_harmless_text_is_left_as_it_is() {
        let text = "Grüße 👩‍👩‍👧 \\x1b עברית";
        assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn pictures_keep_every_column() {
        assert_eq!(
            pictured(HOSTILE),
            "a\u{241b}]52;c;x\u{2407}\u{fffd}2J\u{2421}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{240d}\n\tb"
        );
        assert_eq!(pictured(HOSTILE).chars().count(), HOSTILE.chars().count());
    }

    #[test]
    fn json_means_the_same_and_holds_no_control_character() {
        let given = serde_json::json!({ HOSTILE: [HOSTILE] });
        let text = serde_json::to_string_pretty(&given).unwrap();
        let shown = json(&text);
        assert!(!shown.contains(|c| is_control(c) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), given);
    }

    #[test]
    fn a_log_line_keeps_its_colours_and_nothing_else_a_terminal_obeys() {
        assert_eq!(coloured_line(b"\x1b[1;31mred\x1b[0m"), "\x1b[1;31mred\x1b[0m\x1b[0m");
        assert_eq!(coloured_line(b"\x1b[38:5:9mleft on"), "\x1b[38:5:9mleft on\x1b[0m");
        assert_eq!(coloured_line(b"a\tb\r"), "a\tb");
        assert_eq!(coloured_line(b"\x1b[2J\x1b[31\x1b[?1m\x1b[\x1b"), r"\x1b[2J\x1b[31\x1b[?1m\x1b[\x1b");
        assert_eq!(coloured_line(b"10 %\r20 %\x9b31m\xff\xc2\x9b\x08"), r"10 %\r20 %\x9b31m\xff\u{9b}\x08");
        assert_eq!(coloured_line("\u{202e}ü".as_bytes()), "\\u{202e}ü");
    }
}
