//! Parts of the documentation that tests generate from the program's data.

use std::{
    env,
    fs::{self, File},
    path::Path,
};

/// Holds the part of a page between `<!-- NAME: generated -->` and `<!-- /NAME -->` to what it should be; writes it where
/// `UPDATE_DOCS` is set. The page's path starts at the project's root.
///
/// # Panics
///
/// Where the page has no such part, or another one.
#[expect(clippy::unwrap_used, reason = "for tests, which fail by panicking")]
pub fn hold(page: &str, name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    // Tests of several parts of a page run at the same time.
    let lock = File::open(&path).unwrap();
    lock.lock().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- /{name} -->"));
    let split = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (part, after)) = split.unwrap_or_else(|| panic!("{page} has no part {name}"));
    if part == expected {
        return;
    }
    assert!(
        env::var_os("UPDATE_DOCS").is_some(),
        "{page}: the part {name} should be:\n{expected}\nUPDATE_DOCS=1 cargo nextest run --workspace writes it"
    );
    fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
}

/// Messages as a terminal shows them, each with its hints, in a block of a page.
pub fn messages(messages: impl IntoIterator<Item = (String, Vec<String>)>) -> String {
    let shown = messages.into_iter().map(|(message, hints)| {
        let hints: Vec<String> = hints.iter().map(|hint| format!("\nhelp: {hint}")).collect();
        format!("error: {message}{}", hints.concat())
    });
    format!("```text\n{}\n```\n", shown.collect::<Vec<_>>().join("\n\n"))
}

/// One example of each variant of an enum, in the order of the patterns; a variant without one does not compile.
#[macro_export]
macro_rules! every_variant {
    ($type:ty { $($pattern:pat => $example:expr),+ $(,)? }) => {{
        let _exhaustive = |value: &$type| match value { $($pattern => ()),+ };
        let examples: Vec<$type> = vec![$($example),+];
        examples
    }};
}
