//! The limits page matches the program's limits.

use crate::page::root;
use devarch_core::{
    content::LARGE,
    diagnostic::SHOWN_ERRORS,
    name::MAX_LABEL,
    read::{MOST_INSTANCES, MOST_NODES, MOST_TEXT, parse_yaml},
    secret::Generate,
    stack::Stack,
};
use devarch_files::FileKind;
use std::{collections::BTreeMap, fs};

fn page() -> String {
    fs::read_to_string(root().join("docs/reference/limits.md")).unwrap()
}

/// The page's rows: subject and limit.
fn rows() -> BTreeMap<String, String> {
    let page = page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.map(|(what, most)| (what.to_owned(), most.to_owned())).collect()
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

/// A number with thousands separators.
fn number(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// The row of a file kind.
fn row_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Project | FileKind::Compose => "a devarch.yml, a Compose file",
        FileKind::Template
        | FileKind::DotEnv
        | FileKind::Ignore
        | FileKind::Dockerfile
        | FileKind::Settings => {
            "a template of a catalog, a `.env`, a `.dockerignore`, a Dockerfile, a settings file of an engine"
        }
        FileKind::ConfigFile => "a config file",
        FileKind::SecretConfigFile => "a config file with `secret: true` or with `${secret:NAME}` in it",
        FileKind::Secret => "a secret, a passphrase, an exported key",
    }
}

#[test]
fn file_limits_match_the_page() {
    let rows = rows();
    for kind in FileKind::ALL {
        assert_eq!(rows.get(row_of(kind)), Some(&size(kind.limit())), "{kind}");
    }
}

#[test]
fn counts_and_sizes_match_the_page() {
    let rows = rows();
    let expected = [
        ("values in a YAML file, aliases counted as what they stand for", number(MOST_NODES)),
        ("their text", size(MOST_TEXT as u64)),
        ("instances of a stack", number(MOST_INSTANCES)),
        ("a stack once each instance has its template in it", size(Stack::LARGEST as u64)),
        ("a container's name, `devarch-STACK-INSTANCE`", format!("{MAX_LABEL} characters")),
        (
            "a generated secret",
            format!("{} to {} characters", Generate::SHORTEST, number(Generate::LONGEST.into())),
        ),
        ("errors shown of one file", format!("{SHOWN_ERRORS}, then `and 7,950 more`")),
    ];
    for (row, most) in expected {
        assert_eq!(rows.get(row), Some(&most), "{row}");
    }
    let kept = format!("A config file of more than {} is stored once", size(LARGE as u64));
    assert!(page().contains(&kept), "{kept}");
}

#[test]
fn the_depth_limit_of_yaml_matches_the_page() {
    let deepest: usize = rows()["their depth"].parse().unwrap();
    let is_read = |depth: usize| parse_yaml(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_ok();
    // The parser recurses, and a test thread has a quarter of the program's stack.
    let parser = std::thread::Builder::new().stack_size(8 << 20);
    let read = parser.spawn(move || (is_read(deepest), is_read(deepest + 1))).unwrap().join().unwrap();
    assert_eq!(read, (true, false));
}
