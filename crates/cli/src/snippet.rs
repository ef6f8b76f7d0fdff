//! What is wrong with a file, shown at the lines it is wrong in.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};
use devarch_core::read::{Diagnostic, Place};
use std::{fs, ops::Range};

/// The errors of a file with its source lines; `None` where the origin is no file or no error has a place in it.
pub(crate) fn render(origin: &str, wrong: &[Diagnostic]) -> Option<String> {
    if wrong.iter().all(|diagnostic| diagnostic.place.is_none()) {
        return None;
    }
    let source = String::from_utf8_lossy(&fs::read(origin).ok()?).into_owned();
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
