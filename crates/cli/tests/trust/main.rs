//! Guarantees of an apply: planning only reads, a stale plan is refused, one command at a time works on a stack,
//! everything is recorded, and interrupted or failed applies can be recovered.
//!
//! Results are observed from outside: with the engine's inspect and events, rows of the database, and the output of
//! other commands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../faults/database.rs"]
#[expect(dead_code, reason = "nothing breaks the database here")]
mod database;
#[path = "../faults/picture.rs"]
#[expect(dead_code, reason = "only what there is counts here, not what it serves")]
mod picture;

mod crowd;
mod failures;
mod history;
mod interrupted;
mod locks;
mod planning;
mod restarts;
mod rows;
mod signals;
mod stale;
mod work;

use common::Sandbox;
use database::Database;
use devarch_core::engine::EngineKind;

/// A sandbox and its database. The sandbox is dropped first, because it cleans up with data from the store.
struct Scene {
    sandbox: Sandbox,
    _database: Database,
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

fn with_postgres(kind: EngineKind, test: fn(&Sandbox)) {
    let Some(mut sandbox) = Sandbox::on(kind) else { return };
    let Some(database) = Database::postgres(&mut sandbox) else { return };
    let scene = Scene { sandbox, _database: database };
    test(&scene.sandbox);
}

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { crate::with(crate::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { crate::with(crate::EngineKind::Podman, super::$name); })* }
    };
}
use on_both_engines;

macro_rules! on_postgres {
    ($($name:ident)*) => {
        mod postgres { $(#[test] fn $name() { crate::with_postgres(crate::EngineKind::Docker, super::$name); })* }
    };
}
use on_postgres;
