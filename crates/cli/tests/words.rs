//! Words that messages, help and documents must not use; `docs/glossary.md` lists the preferred ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Phrases and their replacements.
const BANNED: &[(&str, &str)] = &[
    ("can't", "cannot"),
    ("put back", "roll back"),
    ("puts back", "rolls back"),
    ("putting back", "rolling back"),
    ("made anew", "recreated"),
    ("make anew", "recreate"),
    ("makes anew", "recreates"),
    ("anew", "again, or recreated"),
    ("taken in", "loaded or imported"),
    ("takes in", "loads or imports"),
    ("mended", "fixed"),
    ("what is there", "the existing objects"),
    ("what was there", "the previous objects"),
    ("is not there", "does not exist, or is missing"),
    ("what runs", "the running containers"),
    ("runs again", "is running again"),
    ("again and again", "repeatedly"),
    ("whoever", "anyone, or another command"),
    ("somebody", "another user or process"),
    ("nobody", "no one, or a passive"),
    ("it says", "it has, or it is set to"),
    ("is told", "is reported"),
    ("to be had", "available"),
    ("could not be had", "is not available"),
    ("passer-by", "throw-away container"),
];

/// String literals that contain a space, except SQL and shell, without test modules.
fn texts(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]").next().unwrap();
    let code: Vec<&str> = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    let mut texts = Vec::new();
    let mut chars = joined.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if chars.clone().nth(1) == Some('\'') => drop(chars.nth(1)),
            '\'' if chars.peek() == Some(&'\\') => drop(chars.nth(2)),
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => text.extend(chars.next()),
                        c => text.push(c),
                    }
                }
                texts.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            _ => {}
        }
    }
    texts.retain(|text| text.contains(' '));
    texts
}

/// Doc comments, which clap shows as help.
fn help(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]").next().unwrap();
    let comments = product.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("/// "));
    comments.map(str::to_owned).collect()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|name| name == "rs"));
    rust.chain(directories.iter().flat_map(|inner| sources(inner))).collect()
}

fn banned(text: &str) -> Option<&'static (&'static str, &'static str)> {
    let without_names = text.split('{').map(|part| part.rsplit_once('}').map_or(part, |(_, after)| after));
    let text = without_names.collect::<Vec<_>>().join(" ");
    let text = format!(
        " {} ",
        text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && !"-'".contains(c), " ")
    );
    BANNED.iter().find(|(word, _)| text.contains(&format!(" {word} ")))
}

#[test]
fn messages_and_help_use_the_words_of_the_field() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for krate in ["app", "cli", "core", "engine", "files", "store"] {
        for path in sources(&root.join(krate).join("src")) {
            let source = fs::read_to_string(&path).unwrap();
            let shown = path.strip_prefix(&root).unwrap().display().to_string();
            let mut texts = texts(&source);
            if shown.starts_with("cli/src/commands/") {
                texts.extend(help(&source));
            }
            let wrong = texts.iter().filter_map(|text| Some((text, banned(text)?)));
            found
                .extend(wrong.map(|(text, (word, better))| {
                    format!("{shown}: '{word}' in \"{text}\": write {better}")
                }));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_banned_phrase_is_found_in_a_text_that_spans_two_lines() {
    let source = "let a = '\"'; // put back\nprintln!(\"it was put \\\n    back ({x})\");\n#[cfg(test)]\nlet b = \"put back\";";
    assert_eq!(texts(source), ["it was put back ({x})"]);
    assert_eq!(banned("it was put back ({x})").unwrap().0, "put back");
    assert!(banned("an input backup").is_none());
}
