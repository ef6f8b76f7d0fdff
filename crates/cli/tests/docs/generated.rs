//! Parts of pages that are written from what the program knows.

use crate::page::root;
use std::{env, fs};

/// Holds the part of a page between `<!-- NAME: generated -->` and `<!-- /NAME -->` to what it should be; writes it where
/// `UPDATE_DOCS` is set.
pub(crate) fn hold(page: &str, name: &str, expected: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- /{name} -->"));
    let split = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (part, after)) = split.unwrap_or_else(|| panic!("{page} has no part {name}"));
    if part == expected {
        return;
    }
    assert!(
        env::var_os("UPDATE_DOCS").is_some(),
        "{page}: the part {name} should be:\n{expected}\nUPDATE_DOCS=1 cargo nextest run --workspace -E 'binary(docs)' writes it"
    );
    fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
}
