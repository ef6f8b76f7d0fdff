//! The environment page lists exactly the variables that the program reads.

use crate::page::root;
use std::{collections::BTreeSet, fs, path::Path};

/// Code that reads a variable, followed by its quoted name.
const READS: [&str; 4] = ["variable(\"", "env::var(\"", "env::var_os(\"", "[\"USER\", \"LOGNAME\"]"];

/// The variables that the product code reads.
fn read() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in ["core", "files", "engine", "store", "app", "cli"] {
        sources(&root().join("crates").join(name).join("src"), &mut |text| {
            let product = text.split("#[cfg(test)]").next().unwrap();
            for call in &READS[..3] {
                let read = product.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                names.extend(read.filter(|name| is_name(name)).map(str::to_owned));
            }
            if product.contains(READS[3]) {
                names.extend(["USER", "LOGNAME"].map(str::to_owned));
            }
        });
    }
    names
}

fn is_name(text: &str) -> bool {
    text.len() > 1 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn sources(directory: &Path, each: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|end| end == "rs") {
            each(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The variables in the first column of the page's tables.
fn listed() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/reference/environment.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let names = rows.filter_map(|row| row.split(" | ").next()).flat_map(|cell| cell.split('`'));
    names.filter(|name| is_name(name)).map(str::to_owned).collect()
}

#[test]
fn the_listed_variables_are_those_that_are_read() {
    let read = read();
    assert!(read.contains("DEVARCH_HOME") && read.contains("DOCKER_HOST"), "{read:?}");
    assert_eq!(listed(), read, "left: docs/reference/environment.md, right: the code");
}
