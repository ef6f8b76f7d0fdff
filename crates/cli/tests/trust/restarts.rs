//! The database server restarts or becomes unreachable during an apply: the lock is reacquired, or the stack is left
//! to its new holder.

use crate::{
    common::{Sandbox, server::Server},
    picture::Picture,
};
use devarch_core::engine::EngineKind;

/// Like [`crate::with_postgres`], with a separate server.
fn with_server(kind: EngineKind, test: fn(&Sandbox, &mut Server)) {
    let Some(mut sandbox) = Sandbox::on(kind) else { return };
    let Some(mut server) = Server::create(&mut sandbox) else { return };
    test(&sandbox, &mut server);
    // The cleanup needs the server.
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
    an_apply_reacquires_its_lock_after_a_database_restart
    an_apply_that_lost_its_lock_leaves_everything_to_the_new_holder
    an_apply_whose_database_stays_unreachable_is_rolled_back
}

fn an_apply_reacquires_its_lock_after_a_database_restart(sandbox: &Sandbox, server: &mut Server) {
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

/// The first apply fails after the second has started; it must neither continue nor roll back.
fn an_apply_that_lost_its_lock_leaves_everything_to_the_new_holder(sandbox: &Sandbox, server: &mut Server) {
    sandbox.up_gated();
    let old = sandbox.id("web");
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let first = sandbox.hold(&["apply", "STACK", "--yes"]);
    server.restart();
    let second = sandbox.hold(&["apply", "STACK", "--yes", "--resume"]);
    let during = Picture::take(sandbox);
    let lost = first.interrupt();
    assert_eq!(lost.code, 130, "{lost}");
    assert!(
        lost.stderr.contains("what was done so far was left to the command that took the stack"),
        "{lost}"
    );
    assert_eq!(Picture::take(sandbox), during, "nothing was done after the lock was lost\n{lost}");
    sandbox.open_gate();
    let ran = second.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_ne!(sandbox.id("web"), old);
    assert_eq!(Picture::take(sandbox).running().len(), 2);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn an_apply_whose_database_stays_unreachable_is_rolled_back(sandbox: &Sandbox, server: &mut Server) {
    sandbox.up_gated();
    let before = Picture::take(sandbox);
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = sandbox.hold(&["apply", "STACK", "--yes", "--lock-timeout", "1"]);
    server.stop();
    let ran = held.interrupt();
    assert_eq!(Picture::take(sandbox), before, "{ran}");
    assert_eq!(ran.code, 130, "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    server.start();
    // The end of the apply is not in its journal; there is nothing left to undo.
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=yes"]);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}
