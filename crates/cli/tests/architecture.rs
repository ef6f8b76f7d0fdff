//! The house's rules that a compiler doesn't hold.

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// By crate: the crates of ours it may depend on, and what it must not know.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("devarch-core", &[], &["tokio", "sqlx", "bollard", "hyper", "clap"]),
    ("devarch-engine", &["devarch-core"], &["sqlx", "clap"]),
    ("devarch-store", &["devarch-core"], &["bollard", "hyper", "clap"]),
    (
        "devarch-app",
        &["devarch-core", "devarch-engine", "devarch-store"],
        &["sqlx", "bollard", "clap", "anstream"],
    ),
    ("devarch-testkit", &["devarch-core", "devarch-engine"], &["sqlx", "clap"]),
    (
        "devarch",
        &["devarch-core", "devarch-engine", "devarch-store", "devarch-app"],
        &["sqlx", "bollard", "hyper"],
    ),
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

#[test]
fn the_readme_has_the_table_of_contracts_the_program_uses() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let table = devarch_core::wire::contracts_markdown();
    assert!(readme.contains(&table), "README.md lacks this table:\n{table}");
}
