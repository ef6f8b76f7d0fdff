//! Every `yaml` example is accepted by the program, and every devarch.yml is fully resolved.

use crate::{
    common::Sandbox,
    page::{Block, pages},
};
use devarch_core::read::parse_yaml;
use serde_json::Value;
use std::fs;

/// What a `yaml` block contains.
enum Example {
    Project,
    Template,
    Compose,
}

fn kind(example: &Value) -> Option<Example> {
    let has = |key: &str| example.get(key).is_some();
    match (has("version"), has("name"), has("services")) {
        (true, false, false) => Some(Example::Project),
        (false, true, false) => Some(Example::Template),
        (false, _, true) => Some(Example::Compose),
        _ => None,
    }
}

#[test]
fn every_example_is_read_and_resolved() {
    let mut seen = 0;
    for (place, block) in pages().iter().flat_map(|page| page.blocks_of("yaml")) {
        let example = parse_yaml(&block.text).unwrap_or_else(|error| panic!("{place}: {error:?}")).to_json();
        match kind(&example) {
            Some(Example::Project) => resolves(&place, &block, &example),
            Some(Example::Template) => is_a_template(&place, &block, &example),
            Some(Example::Compose) => is_imported(&place, &block),
            None => panic!("{place}: neither a devarch.yml, a template nor a Compose file"),
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} examples were found");
}

/// Sets the secrets that the user has to provide, loads the stack as `up` does and exports it as a Compose file,
/// which merges, wires and checks everything.
fn resolves(place: &str, block: &Block, example: &Value) {
    let sandbox = Sandbox::without_engine();
    let runs = |code: i32, args: &[&str]| {
        let ran = sandbox.run(args);
        assert_eq!(ran.code, code, "{place}: devarch {args:?}\n{ran}");
    };
    make_files(&sandbox, example);
    sandbox.write(&block.text);
    let stacks = example["stacks"].as_object().unwrap();
    assert_eq!(stacks.len(), 1, "{place}: an example has one stack");
    for (name, stack) in stacks {
        for (secret, declared) in stack["secrets"].as_object().into_iter().flatten() {
            if declared.get("generate").is_none() {
                runs(0, &["secret", "set", name, secret, "--generate"]);
            }
        }
        // Only the engine is missing.
        runs(6, &["up", "--yes"]);
        sandbox.define(&block.text);
        runs(0, &["config", name]);
        runs(0, &["compose", name]);
        let findings = &sandbox.json(&["config", name])["findings"];
        assert!(findings.as_array().is_none_or(Vec::is_empty), "{place}: {findings}");
    }
}

/// Creates the files and directories that an example refers to.
fn make_files(sandbox: &Sandbox, example: &Value) {
    match example {
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("file", Value::String(path)) => fs::write(sandbox.project().join(path), "x\n").unwrap(),
                    ("build" | "context", Value::String(path)) => {
                        fs::create_dir_all(sandbox.project().join(path)).unwrap();
                    }
                    _ => make_files(sandbox, value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| make_files(sandbox, item)),
        _ => {}
    }
}

fn is_a_template(place: &str, block: &Block, example: &Value) {
    let sandbox = Sandbox::without_engine();
    fs::write(sandbox.project().join("template.yaml"), &block.text).unwrap();
    let added = sandbox.run(&["catalog", "add", "template.yaml"]);
    assert_eq!(added.code, 0, "{place}\n{added}");
    sandbox.ok(&["catalog", "show", example["name"].as_str().unwrap()]);
}

fn is_imported(place: &str, block: &Block) {
    let sandbox = Sandbox::without_engine();
    fs::write(sandbox.project().join("compose.yml"), &block.text).unwrap();
    let ran = sandbox.run(&["init", "--from", "compose.yml", "--stack", "shop"]);
    assert_eq!(ran.code, 0, "{place}\n{ran}");
}

#[test]
fn the_example_project_resolves() {
    let sandbox = Sandbox::without_engine();
    let shop = crate::page::root().join("examples/shop");
    sandbox.define_in(&shop, None);
    sandbox.ok(&["compose", "shop"]);
}
