//! The order of core's modules and of app's rooms: each uses only earlier ones, so there are no cycles.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const CORE: &[&str] = &[
    // Independent of the rest of DevArch.
    "service_fields",
    "percent",
    "serialize",
    "record",
    "escape",
    "id",
    "name",
    "unit",
    "hash",
    "content",
    "engine",
    "image_ref",
    "subnet",
    "policy",
    // Values and their validation.
    "port",
    "secret",
    "text",
    "diagnostic",
    // User definitions.
    "template",
    "build",
    "spec",
    "persisted",
    "wire",
    "stack",
    "read",
    // Engine objects and their owners.
    "observed",
    "environment",
    "podman",
    "ownership",
    // Desired state.
    "readiness",
    "resolve",
    "desired",
    "compose",
    // Plans.
    "plan",
    "kept",
];

const APP: &[&str] = &[
    // Shared context and errors. Errors refer to the types they carry, so they come last.
    "host",
    "environment",
    "settings",
    "context",
    // From a definition to its steps.
    "definition",
    "planning",
    "editing",
    "execution",
    "usecase",
];

#[test]
fn modules_of_core_use_only_earlier_modules() {
    check_order("core", CORE, &[]);
}

#[test]
fn rooms_of_app_use_only_earlier_rooms() {
    check_order("app", APP, &["error"]);
}

/// Checks that each module of a crate uses only earlier ones; every module except those in `free` must be listed.
fn check_order(krate: &str, order: &[&str], free: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src");
    let place = |module: &str| {
        let place = order.iter().position(|name| *name == module);
        place.unwrap_or_else(|| panic!("module {module} of {krate} has no place in the order"))
    };
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" || free.contains(&module) {
            continue;
        }
        found.insert(module.to_owned());
        let here = place(module);
        let used = used(&fs::read_to_string(&path).unwrap());
        let used = used.iter().filter(|name| *name != module && !free.contains(&name.as_str()));
        let after = used.filter(|name| place(name) > here);
        wrong.extend(after.map(|name| format!("{}: {module} is before {name}", inside.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known: BTreeSet<String> = order.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, known, "each module has a place in the order");
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|name| name == "rs"));
    rust.chain(directories.iter().flat_map(|inner| sources(inner))).collect()
}

/// The modules that a file uses, ignoring tests and comments.
fn used(source: &str) -> BTreeSet<String> {
    let product = source.split("#[cfg(test)]").next().unwrap();
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => used.extend(first_word(after)),
            Some(group) => used.extend(heads(group)),
        }
    }
    used
}

/// The first path segment of each entry of an import group.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut begins) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && c.is_ascii_alphabetic() => {
                heads.extend(first_word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    heads
}

/// A leading module name; types start with a capital, and macros do not count.
fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    word.starts_with(|c: char| c.is_ascii_lowercase()).then_some(word)
}

#[test]
fn nested_import_groups_are_parsed() {
    let source = "use crate::{\n    name::{A, b},\n    text,\n};\n// crate::plan\nfn f(x: crate::wire::Y) {}\n#[cfg(test)]\nuse crate::kept;\n";
    assert_eq!(used(source), ["name", "text", "wire"].map(str::to_owned).into());
}
