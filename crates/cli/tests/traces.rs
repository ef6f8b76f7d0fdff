//! What `-v` and `DEVARCH_LOG` print.

mod common;

use common::{Ran, Sandbox};
use devarch_core::engine::EngineKind;

const ONE: &str = "version: \"1\"\nstacks: { STACK: { instances: { web: { template: busybox } } } }\n";

/// The trace lines of standard error: those that begin with a timestamp.
fn traces(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("20") && line.contains('Z')).collect()
}

fn has(ran: &Ran, words: &str) -> bool {
    traces(ran).iter().any(|line| line.contains(words))
}

#[test]
fn each_v_shows_more_use_cases_and_steps_then_calls_and_queries_on_docker() {
    let Some(sandbox) = Sandbox::on(EngineKind::Docker) else { return };
    sandbox.write(ONE);
    let once = sandbox.ok(&["up", "--yes", "-v"]);
    assert!(has(&once, "apply{stack=STACK") && has(&once, ":step{number="), "{once}");
    assert!(!has(&once, "create_container") && !has(&once, "sqlx"), "{once}");
    sandbox.ok(&["down", "--yes"]);
    let twice = sandbox.ok(&["up", "--yes", "-vv"]);
    assert!(has(&twice, "create_container") && has(&twice, "sqlx::query"), "{twice}");
    assert!(traces(&sandbox.ok(&["status"])).is_empty());
}

#[test]
fn the_environment_sets_the_filter_and_json_prints_one_object_per_line() {
    let sandbox = Sandbox::without_engine();
    let mut command = sandbox.command(&["stack", "list"]);
    command.env("DEVARCH_LOG", "devarch_store=off,sqlx::query=debug").env("DEVARCH_LOG_FORMAT", "json");
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> = errors
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().any(|line| line["target"] == "sqlx::query"), "{errors}");
}

#[test]
fn invalid_filters_and_formats_are_refused() {
    let sandbox = Sandbox::without_engine();
    for (variable, value) in [("DEVARCH_LOG", "devarch=loud"), ("DEVARCH_LOG_FORMAT", "xml")] {
        let output = sandbox.command(&["stack", "list"]).env(variable, value).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{errors}");
        assert!(errors.contains(&format!("error: {variable}: \"{value}\"")), "{errors}");
    }
}
