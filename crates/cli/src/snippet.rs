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

/// What stands beside `value:` may be secret, and a secret may not be in a message. Everything stays where it is.
fn without_values(source: &str) -> String {
    const KEY: &str = "value:";
    let mut shown = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        let Some(at) = line.find(KEY) else {
            shown.push_str(line);
            continue;
        };
        let (before, value) = line.split_at(at + KEY.len());
        let end = value.find([',', '}', '\n']).unwrap_or(value.len());
        let hidden = value[..end].bytes().map(|byte| if byte == b' ' { ' ' } else { '*' });
        shown.push_str(before);
        shown.extend(hidden);
        shown.push_str(&value[end..]);
    }
    shown
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
        let source = "a: {value: hünter 2, secret: yes}\n  value: hunter3\nb: 1\n";
        let shown = without_values(source);
        assert_eq!(shown, "a: {value: ******* *, secret: yes}\n  value: *******\nb: 1\n");
        assert_eq!(shown.len(), source.len());
    }
}
