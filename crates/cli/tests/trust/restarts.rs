//! A database server that restarts, or stays away, while an apply is at work: the lock is taken again, or what is done is
//! left to whoever has it now.

use crate::{
    common::{World, server::Server},
    picture::Picture,
};
use devarch_core::engine::EngineKind;

/// As [`crate::Scene`], with a server of its own.
fn with_server(kind: EngineKind, test: fn(&World, &mut Server)) {
    let Some(mut world) = World::on(kind) else { return };
    let Some(mut server) = Server::of(&mut world) else { return };
    test(&world, &mut server);
    // Cleaning up takes the store.
    drop(world);
}

macro_rules! with_a_server {
    ($($name:ident)*) => {
        mod docker_with_postgres {
            $(#[test] fn $name() { super::with_server(crate::EngineKind::Docker, super::$name); })*
        }
        mod podman_with_postgres {
            $(#[test] fn $name() { super::with_server(crate::EngineKind::Podman, super::$name); })*
        }
    };
}

with_a_server! {
    an_apply_takes_its_lock_again_after_a_restart_of_the_database
    an_apply_whose_lock_another_took_meanwhile_leaves_everything_to_it
    an_apply_whose_database_stays_away_puts_back_what_ran
}

fn an_apply_takes_its_lock_again_after_a_restart_of_the_database(world: &World, server: &mut Server) {
    world.up_gated();
    world.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = world.hold(&["apply", "STACK", "--yes"]);
    server.restart();
    world.open_gate();
    let ran = held.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(world.json(&["history", "STACK"])[0]["outcome"], "succeeded");
    assert_eq!(world.json(&["lock", "list"]), serde_json::json!([]));
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

/// The first one fails after the second has begun: it must neither go on nor put back what ran.
fn an_apply_whose_lock_another_took_meanwhile_leaves_everything_to_it(world: &World, server: &mut Server) {
    world.up_gated();
    let old = world.id("web");
    world.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let first = world.hold(&["apply", "STACK", "--yes"]);
    server.restart();
    let second = world.hold(&["apply", "STACK", "--yes", "--resume"]);
    let during = Picture::of(world);
    let lost = first.interrupt();
    assert_eq!(lost.code, 130, "{lost}");
    assert!(
        lost.stderr.contains("what was done so far was left to the command that took the stack"),
        "{lost}"
    );
    assert_eq!(Picture::of(world), during, "nothing was done after the lock was lost\n{lost}");
    world.open_gate();
    let ran = second.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_ne!(world.id("web"), old);
    assert_eq!(Picture::of(world).running().len(), 2);
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn an_apply_whose_database_stays_away_puts_back_what_ran(world: &World, server: &mut Server) {
    world.up_gated();
    let before = Picture::of(world);
    world.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = world.hold(&["apply", "STACK", "--yes", "--lock-timeout", "1"]);
    server.stop();
    let ran = held.interrupt();
    assert_eq!(Picture::of(world), before, "{ran}");
    assert_eq!(ran.code, 130, "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    server.start();
    // Its journal lacks the end; there is nothing left to undo.
    world.ok(&["set", "STACK/web", "environment.OPEN=yes"]);
    world.ok(&["apply", "STACK", "--yes"]);
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
}
