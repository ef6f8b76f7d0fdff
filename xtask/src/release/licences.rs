//! The licences of all linked dependencies.

use crate::{
    cargo::cargo,
    failure::{Context as _, Result},
    process::Run as _,
    repository::Repository,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Name prefixes of files with licences, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

/// All dependencies with their licences, followed by each distinct text with the packages it applies to.
pub(crate) fn of_dependencies(repository: &Repository) -> Result<String> {
    let linked = linked(repository)?;
    let mut metadata = cargo(repository)?;
    metadata.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host(repository)?]);
    let metadata = metadata.read()?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).context("`cargo metadata` is not as expected")?;
    let is_linked = |package: &Package| {
        package.source.is_some() && linked.contains(&(package.name.clone(), package.version.clone()))
    };
    let packages: Vec<Package> = metadata.packages.into_iter().filter(is_linked).collect();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in &packages {
        for text in texts_in(package.manifest_path.parent().unwrap_or(Path::new("")))? {
            texts.entry(text).or_default().insert(format!("{} {}", package.name, package.version));
        }
    }
    Ok(document(&packages, &texts))
}

/// The platform that cargo builds for.
fn host(repository: &Repository) -> Result<String> {
    let version = cargo(repository)?.arg("-vV").read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("cargo does not print its host")
}

/// Names and versions of what is linked into the program.
fn linked(repository: &Repository) -> Result<BTreeSet<(String, String)>> {
    let mut tree = cargo(repository)?;
    tree.args(["tree", "--locked", "-p", "devarch", "-e", "normal", "--prefix", "none", "--format", "{p}"]);
    Ok(tree.read()?.lines().filter_map(name_and_version).collect())
}

/// Reads `serde v1.0.0 (proc-macro)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

fn texts_in(directory: &Path) -> Result<Vec<String>> {
    let unreadable = || format!("cannot read {}", directory.display());
    let mut texts = Vec::new();
    for entry in fs::read_dir(directory).context(unreadable())? {
        let path = entry.context(unreadable())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            let text = fs::read(&path).context(format!("cannot read {}", path.display()))?;
            texts.push(String::from_utf8_lossy(&text).replace("\r\n", "\n").trim().to_owned());
        }
    }
    Ok(texts)
}

fn document(packages: &[Package], texts: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut lines: Vec<String> = packages
        .iter()
        .map(|package| {
            let licence = package.license.as_deref().unwrap_or("see its text");
            format!("{} {}: {licence}", package.name, package.version)
        })
        .collect();
    lines.sort();
    let list = format!("devarch is linked with\n\n{}\n", lines.join("\n"));
    let texts = texts.iter().map(|(text, packages)| {
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        format!("\n{}\n{}\n\n{text}\n", "-".repeat(80), packages.join(", "))
    });
    [list].into_iter().chain(texts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_text_is_listed_once() {
        let package = |name: &str| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT".to_owned()),
            manifest_path: PathBuf::new(),
            source: None,
        };
        let owners = BTreeSet::from(["a 1.0.0".to_owned(), "b 1.0.0".to_owned()]);
        let texts = BTreeMap::from([("the text".to_owned(), owners)]);
        let document = document(&[package("b"), package("a")], &texts);
        assert!(document.starts_with("devarch is linked with\n\na 1.0.0: MIT\nb 1.0.0: MIT\n"));
        assert!(document.ends_with("\na 1.0.0, b 1.0.0\n\nthe text\n"));
    }

    #[test]
    fn the_dependency_tree_of_cargo_is_parsed() {
        let read = name_and_version("serde_derive v1.0.2 (proc-macro) (*)");
        assert_eq!(read, Some(("serde_derive".to_owned(), "1.0.2".to_owned())));
        assert_eq!(name_and_version(""), None);
    }
}
