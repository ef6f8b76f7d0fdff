//! Errors of a file with the source lines they refer to.

use crate::shown::Shown;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};
use devarch_core::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    escape,
};
use devarch_files::{FileKind, read_named};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

/// Longer lines are not shown, because a position in them is hard to find.
const LONGEST_LINE: usize = 2_000;

/// Renders the errors of a file; `None` if the origin is not a file or no error has a position.
pub(crate) fn render(origin: &str, wrong: &Diagnostics) -> Option<Shown> {
    if wrong.iter().all(|diagnostic| diagnostic.place.is_none()) {
        return None;
    }
    let lines = {
        let source = read_named(Path::new(origin), FileKind::Project).ok()?;
        lines(&String::from_utf8_lossy(&source), wrong)
    };
    let origin = escape::line(origin);
    let groups = wrong.iter().map(|diagnostic| group(&origin, &lines, diagnostic));
    let more = wrong.and_more_text().map(|more| Group::with_title(Level::ERROR.primary_title(more)));
    let groups: Vec<Group<'_>> = groups.chain(more).collect();
    Some(Shown::rendered(&Renderer::styled().decor_style(DecorStyle::Ascii).render(&groups)))
}

/// The lines with errors by number, masked and escaped.
fn lines(source: &str, wrong: &[Diagnostic]) -> BTreeMap<u64, String> {
    let places = wrong.iter().filter_map(|diagnostic| diagnostic.place);
    let numbers: BTreeSet<u64> = places.map(|place| place.line).collect();
    let lines = (1..).zip(source.lines()).filter(|(number, _)| numbers.contains(number));
    let lines = lines.filter(|(_, line)| line.len() <= LONGEST_LINE);
    lines.map(|(number, line)| (number, without_values(&escape::pictured(line)))).collect()
}

fn group<'a>(origin: &'a str, lines: &'a BTreeMap<u64, String>, diagnostic: &'a Diagnostic) -> Group<'a> {
    let title = match diagnostic.field.as_str() {
        "" => diagnostic.message.clone(),
        field => format!("{field}: {}", diagnostic.message),
    };
    let title = escape::block(&title).into_owned();
    let shown = diagnostic.place.and_then(|place| {
        let line = lines.get(&place.line)?;
        Some((line, usize::try_from(place.line).ok()?, span(line, place)?))
    });
    let Some((line, number, span)) = shown else {
        let at = diagnostic.place.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
        return Group::with_title(Level::ERROR.primary_title(format!("{origin}{at}: {title}")));
    };
    let annotation = AnnotationKind::Primary.span(span);
    let snippet = Snippet::source(line).line_start(number).path(origin).annotation(annotation);
    Level::ERROR.primary_title(title).element(snippet)
}

/// Lines that contain one of these words may contain a secret.
const MAY_BE_SECRET: [&str; 4] = ["secret", "value", "content", "password"];

/// Masks lines that may contain secrets: only keys and booleans are kept, and all columns stay the same.
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
        // A key is followed by `:` and a space or the end of the line (YAML 1.2, 7.4.2).
        let key = word.strip_suffix(':').is_some_and(|key| key.chars().all(is_key_char));
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

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./".contains(c)
}

/// The byte range of the word at a position; columns count characters.
fn span(line: &str, place: Place) -> Option<Range<usize>> {
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let offset = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let rest = &line[offset..];
    let end = rest.find([':', ',', ']', '}', ' ', '#']).filter(|end| *end > 0).unwrap_or(rest.len());
    Some(offset..offset + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_secrets_are_masked_in_snippets() {
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
