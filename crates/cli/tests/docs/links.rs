//! Every relative link points to a file, and every anchor to a heading.

use crate::page::{Page, pages, root};
use std::{collections::BTreeSet, fs, path::Path};

/// The link targets of a page, with their positions.
fn links(page: &Page) -> Vec<(String, String)> {
    let prose = page.prose();
    let lines = prose.iter().flat_map(|(number, line)| {
        let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let targets: Vec<String> = targets.map(str::to_owned).collect();
        targets.into_iter().map(move |target| (format!("{}:{number}", page.path), target))
    });
    lines.filter(|(_, target)| !target.contains("://")).collect()
}

/// The anchors of a page's headings, in GitHub's format.
fn anchors(text: &str) -> BTreeSet<String> {
    let page = Page { path: String::new(), text: text.to_owned() };
    let headings = page.prose().into_iter().filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then(|| anchor(heading.trim()))
    });
    headings.collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_' || *c == ' ');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_has_a_target() {
    let mut seen = 0;
    for page in pages() {
        let directory = root().join(&page.path).parent().unwrap().to_owned();
        for (place, target) in links(&page) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() { root().join(&page.path) } else { directory.join(path) };
            assert!(file.exists(), "{place}: {target} does not exist");
            if !anchor.is_empty() {
                let known = anchors(&fs::read_to_string(&file).unwrap());
                assert!(known.contains(anchor), "{place}: {target}: no such heading, known are {known:?}");
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} links were found");
}

#[test]
fn every_repository_path_exists() {
    let mut seen = 0;
    for page in pages() {
        for (number, line) in page.prose() {
            let spans = line.split('`').skip(1).step_by(2).filter_map(|span| span.split(' ').next());
            for path in spans.map(|path| path.trim_start_matches("./")) {
                if path.starts_with("crates/") || path.starts_with("scripts/") {
                    assert!(root().join(path).exists(), "{}:{number}: {path} does not exist", page.path);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} paths were found");
}

#[test]
fn every_module_named_in_the_architecture_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let modules = text.split_once("## Modules\n").unwrap().1.split("\n## ").next().unwrap();
    let mut seen = 0;
    for part in modules.split("\n**").filter(|part| part.contains("**")) {
        let (name, part) = part.split_once("**").unwrap();
        let source = root().join("crates").join(name).join("src");
        for module in part.split('`').skip(1).step_by(2).flat_map(|span| span.split(' ')) {
            let exists = source.join(module).is_dir() || source.join(format!("{module}.rs")).is_file();
            assert!(
                exists || module.starts_with(['.', '*']),
                "ARCHITECTURE.md: crate {name} has no module {module}"
            );
            seen += 1;
        }
    }
    assert!(seen > 80, "only {seen} modules were found");
}

#[test]
fn every_page_is_in_its_index() {
    for directory in ["docs/guide", "docs/reference", "docs/decisions"] {
        let index = fs::read_to_string(root().join(directory).join("README.md")).unwrap();
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let listed = index.contains(&format!("]({name})"));
            assert!(listed || name == "README.md", "{directory}/README.md does not list {name}");
        }
    }
}

#[test]
fn decisions_are_numbered_once() {
    let names = fs::read_dir(root().join("docs/decisions")).unwrap();
    let mut numbers = BTreeSet::new();
    for name in names.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        if Path::new(&name) != Path::new("README.md") {
            assert!(numbers.insert(name[..4].to_owned()), "{name}: its number has another decision");
        }
    }
}

#[test]
fn anchors_match_those_of_github() {
    let text = "# Plans, locks, undo\n\n## `allow`\n```sh\n# none\n```\n### A login of its own\n";
    let expected = ["a-login-of-its-own", "allow", "plans-locks-undo"].map(str::to_owned);
    assert_eq!(anchors(text), expected.into());
}
