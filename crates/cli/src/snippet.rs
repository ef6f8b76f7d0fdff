//! What is wrong with a file, shown at the lines it is wrong in.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};
use devarch_core::read::{Diagnostic, Place};
use std::{fs, ops::Range};

/// The errors of a file with its source lines; `None` where the origin is no file or no error has a place in it.
pub(crate) fn render(origin: &str, wrong: &[Diagnostic]) -> Option<String> {
    if wrong.iter().all(|diagnostic| diagnostic.place.is_none()) {
        return None;
    }
    let source = without_values(&String::from_utf8_lossy(&fs::read(origin).ok()?));
    let groups: Vec<Group<'_>> = wrong.iter().map(|diagnostic| group(origin, &source, diagnostic)).collect();
    Some(Renderer::styled().decor_style(DecorStyle::Ascii).render(&groups))
}

fn group<'a>(origin: &'a str, source: &'a str, diagnostic: &'a Diagnostic) -> Group<'a> {
    let title = match diagnostic.path.as_str() {
        "" => diagnostic.message.clone(),
        path => format!("{path}: {}", diagnostic.message),
    };
    let Some(span) = diagnostic.place.and_then(|place| span(source, place)) else {
        return Group::with_title(Level::ERROR.primary_title(format!("{origin}: {title}")));
    };
    let snippet = Snippet::source(source).path(origin).annotation(AnnotationKind::Primary.span(span));
    Level::ERROR.primary_title(title).element(snippet)
}

/// Lines with one of these words may have a secret on them.
const MAY_BE_SECRET: [&str; 4] = ["secret", "value", "content", "password"];

/// What may be secret may not be in a message: of such lines only what are keys, or says yes or no, is shown. Everything
/// stays where it is.
fn without_values(source: &str) -> String {
    let shown = |line: &str| {
        let lower = line.to_ascii_lowercase();
        if MAY_BE_SECRET.iter().any(|word| lower.contains(word)) { only_keys(line) } else { line.to_owned() }
    };
    source.split_inclusive('\n').map(shown).collect()
}

fn only_keys(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| !is_separator(c)) {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(is_separator).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // `key:` is followed by a space or the end of the line (YAML 1.2, 7.4.2).
        let key = word.strip_suffix(':').is_some_and(|key| key.chars().all(is_of_a_key));
        if key || ["true", "false"].contains(&word) {
            shown.push_str(word);
        } else {
            shown.extend(word.bytes().map(|_| '*'));
        }
        rest = after;
    }
    shown + rest
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || "{}[],\"'".contains(c)
}

fn is_of_a_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./".contains(c)
}

/// The word at a place; columns count characters.
fn span(source: &str, place: Place) -> Option<Range<usize>> {
    let line_index = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let line_start: usize = source.split_inclusive('\n').take(line_index).map(str::len).sum();
    let line = source.get(line_start..)?.lines().next()?;
    let offset = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let rest = &line[offset..];
    let end = rest.find([':', ',', ']', '}', ' ', '#']).filter(|end| *end > 0).unwrap_or(rest.len());
    let start = line_start + offset;
    Some(start..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_may_be_secret_is_not_in_a_message() {
        let source = "a: {value: hünter 2, secret: true, bogus: x}\n  value: \"hunter3, hunter4\"\nb: 1\n\
                      /etc/x: {secret: true, content: [hunter5]}\n";
        let shown = without_values(source);
        assert_eq!(
            shown,
            "a: {value: ******* *, secret: true, bogus: *}\n  value: \"*******, *******\"\nb: 1\n\
             /etc/x: {secret: true, content: [*******]}\n"
        );
        assert_eq!(shown.len(), source.len());
    }
}
