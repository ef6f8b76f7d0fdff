//! Homes of earlier releases: the current program opens them, and nothing is lost, changed or recreated.
//!
//! `README.md` describes how they were made and how to add one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod home;
mod objects;
mod sealed;

use devarch_core::engine::EngineKind;
use home::{Database, Home};
use serde_json::Value;
use std::collections::BTreeSet;

/// Tests of each fixture, on each engine with each database.
macro_rules! homes {
    ($($release:ident)*) => {
        $(mod $release {
            use super::{Database::{Postgres, Sqlite}, EngineKind::{Docker, Podman}};
            #[test]
            fn a_home_is_upgraded_unchanged_on_docker_with_sqlite() {
                super::a_home_is_upgraded_unchanged(stringify!($release), Docker, Sqlite);
            }
            #[test]
            fn a_home_is_upgraded_unchanged_on_docker_with_postgres() {
                super::a_home_is_upgraded_unchanged(stringify!($release), Docker, Postgres);
            }
            #[test]
            fn a_home_is_upgraded_unchanged_on_podman_with_sqlite() {
                super::a_home_is_upgraded_unchanged(stringify!($release), Podman, Sqlite);
            }
            #[test]
            fn a_home_is_upgraded_unchanged_on_podman_with_postgres() {
                super::a_home_is_upgraded_unchanged(stringify!($release), Podman, Postgres);
            }
        })*
    };
}

homes! { a93aaab schema3 schema4 }

/// Stacks without pending changes.
const IDLE: [&str; 2] = ["upg-infra", "upg-shop"];

fn a_home_is_upgraded_unchanged(release: &str, kind: EngineKind, database: Database) {
    let Some(home) = Home::open(release, kind, database) else { return };
    plans_are_unchanged(&home);
    secrets_and_history_can_be_read(&home);
    the_interrupted_apply_is_reported(&home);
    assert_eq!(home.now(), home.initial, "looking changes nothing");
    applied_stacks_are_not_recreated(&home);
    a_saved_plan_is_applied(&home);
    the_interrupted_apply_is_finished(&home, database);
    a_kept_volume_can_be_reused(&home);
}

fn plans_are_unchanged(home: &Home) {
    for (stack, before) in home.seen["plans"].as_object().unwrap() {
        let now = home.sandbox.json(&["plan", stack, "--no-save"]);
        assert_eq!(changes(&now), changes(before), "{stack}: {now:#}");
    }
    for stack in IDLE {
        assert_eq!(changes(&home.seen["plans"][stack]), BTreeSet::new(), "{stack}");
        home.sandbox.ok(&["plan", stack, "--no-save", "--detailed-exitcode"]);
    }
    assert!(!changes(&home.seen["plans"]["upg-edit"]).is_empty());
}

/// The kind and subject of each change of a plan.
fn changes(plan: &Value) -> BTreeSet<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes.map(|change| format!("{} {}", change["kind"], change["subject"])).collect()
}

fn secrets_and_history_can_be_read(home: &Home) {
    let sandbox = &home.sandbox;
    secrets_are_unchanged(home, &home.seen["secrets"]);
    assert_eq!(sandbox.json(&["wire", "env", "upg-shop/api", "--reveal"]), home.seen["logins"]);
    for (stack, before) in home.seen["history"].as_object().unwrap() {
        let now = sandbox.json(&["history", stack]);
        assert_eq!(outcomes(&now), outcomes(before), "{stack}");
    }
}

fn secrets_are_unchanged(home: &Home, secrets: &Value) {
    for (instance, variables) in secrets.as_object().unwrap() {
        for (name, value) in variables.as_object().unwrap() {
            let read = home.sandbox.ok(&["run", instance, "--", "/usr/bin/printenv", name]).stdout;
            assert_eq!(read.trim_end_matches('\n'), value.as_str().unwrap(), "{instance} {name}");
        }
    }
}

/// The id, command and outcome of each apply.
fn outcomes(history: &Value) -> Vec<String> {
    let applies = history.as_array().unwrap().iter();
    applies.map(|apply| format!("{} {} {}", apply["apply"], apply["command"], apply["outcome"])).collect()
}

fn the_interrupted_apply_is_reported(home: &Home) {
    let status = home.sandbox.json(&["status", "upg-half"]);
    assert_eq!(status["stacks"][0]["last_apply"]["state"], "interrupted", "{status:#}");
    let refused = home.sandbox.fails(5, &["apply", "upg-half"]).stderr;
    assert!(refused.contains("--resume") && refused.contains("--undo"), "{refused}");
}

fn applied_stacks_are_not_recreated(home: &Home) {
    for stack in IDLE {
        for command in ["up", "apply"] {
            home.sandbox.ok(&[command, stack, "--yes"]);
        }
        home.sandbox.ok(&["plan", stack, "--no-save", "--detailed-exitcode"]);
    }
    assert_eq!(home.now(), home.initial, "nothing was recreated, stopped or removed");
    for stack in IDLE {
        home.sandbox.ok(&["restart", stack]);
    }
    assert_eq!(home.now(), home.initial, "its containers are known for its own");
}

/// The edited instance is replaced and keeps its volume; the removed one is gone, and its volume is kept.
fn a_saved_plan_is_applied(home: &Home) {
    home.write_into("devarch-upg-edit-web", "/data/kept");
    home.sandbox.ok(&["apply", home.seen["saved_plan"].as_str().unwrap(), "--yes"]);
    let (before, now) = (&home.initial, home.now());
    assert_ne!(now.containers["devarch-upg-edit-web"], before.containers["devarch-upg-edit-web"]);
    assert!(!now.containers.contains_key("devarch-upg-edit-left"), "{now:#?}");
    assert_eq!(now.volumes, before.volumes);
    home.has("devarch-upg-edit-web", "/data/kept");
    home.sandbox.ok(&["plan", "upg-edit", "--no-save", "--detailed-exitcode"]);
    assert_eq!(home.count("devarch-upg-shop"), home.initial.count("devarch-upg-shop"));
}

/// Undone with SQLite, resumed with PostgreSQL.
fn the_interrupted_apply_is_finished(home: &Home, database: Database) {
    let (web, old, late) = ("devarch-upg-half-web", "devarch-upg-half-web.old", "devarch-upg-half-late");
    let before = &home.initial.containers;
    let survivor = match database {
        Database::Sqlite => {
            home.sandbox.ok(&["apply", "upg-half", "--undo"]);
            old
        }
        Database::Postgres => {
            home.write_into(web, "/tmp/go");
            home.sandbox.ok(&["apply", "upg-half", "--resume", "--yes"]);
            web
        }
    };
    let now = home.now();
    assert_eq!(now.containers[web].id, before[survivor].id);
    assert!(now.containers[web].running && now.containers[late] == before[late], "{now:#?}");
    assert!(!now.containers.contains_key(old), "{now:#?}");
    let outcome = &home.sandbox.json(&["history", "upg-half"]);
    assert!(!outcome.to_string().contains("not_yet"), "{outcome:#}");
}

/// The volume is reused only on request, together with its secrets if the release kept them.
fn a_kept_volume_can_be_reused(home: &Home) {
    let refused = home.sandbox.run(&["up", "upg-gone", "--yes"]);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(refused.stderr.contains("devarch-upg-gone-db-data"), "{refused}");
    home.sandbox.ok(&["up", "upg-gone", "--yes", "--reuse-volumes"]);
    home.has("devarch-upg-gone-db", "/data/old");
    if let Some(kept) = home.seen.get("kept") {
        secrets_are_unchanged(home, kept);
    }
    home.sandbox.ok(&["down", "upg-gone", "--yes"]);
}
