//! Architecture rules that the compiler does not enforce.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// For each crate: the workspace crates it may depend on, and the dependencies it must not have.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("devarch-core", &[], &["tokio", "sqlx", "bollard", "hyper", "clap"]),
    ("devarch-files", &[], &["tokio", "sqlx", "bollard", "hyper", "clap"]),
    ("devarch-engine", &["devarch-core", "devarch-files"], &["sqlx", "clap"]),
    ("devarch-store", &["devarch-core"], &["bollard", "hyper", "clap"]),
    (
        "devarch-app",
        &["devarch-core", "devarch-files", "devarch-engine", "devarch-store"],
        &["sqlx", "bollard", "clap", "anstream"],
    ),
    ("devarch-testkit", &["devarch-core", "devarch-engine"], &["sqlx", "clap"]),
    (
        "devarch",
        &["devarch-core", "devarch-files", "devarch-engine", "devarch-store", "devarch-app"],
        &["sqlx", "bollard", "hyper"],
    ),
    // It has to build within seconds, so it depends on no product crate.
    ("xtask", &[], &["sqlx", "bollard"]),
];

#[test]
fn crates_depend_only_on_what_they_may() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|p| (p.name.as_str(), p)).collect();
    let known: BTreeSet<&str> = RULES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(packages.keys().copied().collect::<BTreeSet<_>>(), known, "a crate without a rule");
    for (name, allowed, forbidden) in RULES {
        let normal = packages[name].dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        for dependency in normal.map(|dependency| dependency.name.as_str()) {
            assert!(!forbidden.contains(&dependency), "{name} must not know {dependency}");
            assert!(
                !known.contains(dependency) || allowed.contains(&dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

/// Files that may open or read files directly: their input is DevArch's own or the system's, or they only write.
const MAY_OPEN_FILES: &[&str] = &[
    // The reader.
    "files/src/open.rs",
    // Kernel interfaces: sockets, routes, processes, signals, the machine's identity, mounts.
    "app/src/host.rs",
    "app/src/settings.rs",
    "cli/src/signals.rs",
    "engine/src/client/gratuitous_arp.rs",
    "engine/src/connect.rs",
    "store/src/place.rs",
    // The home's own locks and keys: symlinks are not followed, owner and mode are checked.
    "store/src/file_lock.rs",
    "store/src/vault/key_disk.rs",
    // Write-only.
    "app/src/usecase/compose.rs",
    "cli/src/passphrase.rs",
];

#[test]
fn files_of_projects_catalogs_and_users_are_read_through_one_reader() {
    const OPENS: &[&str] = &[
        "fs::read(",
        "read_to_string(",
        "File::open(",
        "OpenOptions",
        "File::options(",
        "tokio::fs",
        "OFlags",
        "read_to_end(",
    ];
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut opening = BTreeSet::new();
    for name in ["core", "files", "engine", "store", "app", "cli"] {
        sources(&crates.join(name).join("src"), &mut |path| {
            let text = std::fs::read_to_string(path).unwrap();
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            if OPENS.iter().any(|opens| product.contains(opens)) {
                opening.insert(path.strip_prefix(crates).unwrap().to_string_lossy().into_owned());
            }
        });
    }
    let mut allowed: BTreeSet<String> = MAY_OPEN_FILES.iter().map(|path| (*path).to_owned()).collect();
    // Receives files that the reader has opened.
    allowed.insert("files/src/lib.rs".to_owned());
    assert_eq!(opening, allowed, "read a file through devarch_files, or say here why not");
}

fn sources(directory: &std::path::Path, each: &mut impl FnMut(&std::path::Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|end| end == "rs") {
            each(&path);
        }
    }
}

/// Modules that may write to the terminal: the first escapes all text, the second passes container output through.
const WRITERS: &[&str] = &["terminal.rs", "attach.rs"];

#[test]
fn only_the_terminal_layer_writes_to_the_terminal() {
    let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let writes = ["io::stdout", "io::stderr", "anstream::stdout", "anstream::stderr", "println!"];
        let allowed = WRITERS.iter().any(|name| path.ends_with(name));
        let found = writes.iter().find(|call| text.contains(**call)).filter(|_| !allowed);
        assert_eq!(found, None, "{} writes past the terminal layer, which escapes", path.display());
    }
}
