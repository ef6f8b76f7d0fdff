//! A database server that restarts, or stays away, while an apply is at work: the lock is taken again, or what is done is
//! left to whoever has it now.

use crate::{
    common::{Sandbox, server::Server},
    picture::Picture,
};
use devarch_core::engine::EngineKind;

/// As [`crate::Scene`], with a server of its own.
fn with_server(kind: EngineKind, test: fn(&Sandbox, &mut Server)) {
    let Some(mut sandbox) = Sandbox::on(kind) else { return };
    let Some(mut server) = Server::of(&mut sandbox) else { return };
    test(&sandbox, &mut server);
    // Cleaning up takes the store.
    drop(sandbox);
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

fn an_apply_takes_its_lock_again_after_a_restart_of_the_database(sandbox: &Sandbox, server: &mut Server) {
    sandbox.up_gated();
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = sandbox.hold(&["apply", "STACK", "--yes"]);
    server.restart();
    sandbox.open_gate();
    let ran = held.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(sandbox.json(&["history", "STACK"])[0]["outcome"], "succeeded");
    assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]));
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

/// The first one fails after the second has begun: it must neither go on nor put back what ran.
fn an_apply_whose_lock_another_took_meanwhile_leaves_everything_to_it(
    sandbox: &Sandbox,
    server: &mut Server,
) {
    sandbox.up_gated();
    let old = sandbox.id("web");
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let first = sandbox.hold(&["apply", "STACK", "--yes"]);
    server.restart();
    let second = sandbox.hold(&["apply", "STACK", "--yes", "--resume"]);
    let during = Picture::of(sandbox);
    let lost = first.interrupt();
    assert_eq!(lost.code, 130, "{lost}");
    assert!(
        lost.stderr.contains("what was done so far was left to the command that took the stack"),
        "{lost}"
    );
    assert_eq!(Picture::of(sandbox), during, "nothing was done after the lock was lost\n{lost}");
    sandbox.open_gate();
    let ran = second.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_ne!(sandbox.id("web"), old);
    assert_eq!(Picture::of(sandbox).running().len(), 2);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn an_apply_whose_database_stays_away_puts_back_what_ran(sandbox: &Sandbox, server: &mut Server) {
    sandbox.up_gated();
    let before = Picture::of(sandbox);
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = sandbox.hold(&["apply", "STACK", "--yes", "--lock-timeout", "1"]);
    server.stop();
    let ran = held.interrupt();
    assert_eq!(Picture::of(sandbox), before, "{ran}");
    assert_eq!(ran.code, 130, "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    server.start();
    // Its journal lacks the end; there is nothing left to undo.
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=yes"]);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}
