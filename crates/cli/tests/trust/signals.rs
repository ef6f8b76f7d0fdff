//! A program that receives a signal rolls back and releases its lock, in every phase.

use crate::{common::Sandbox, on_both_engines, picture::Picture, work::GATED};
use rustix::process::Signal;
use serde_json::json;

on_both_engines! {
    a_closed_terminal_rolls_an_apply_back
    a_hangup_that_was_ignored_at_the_start_stays_ignored
    one_sigterm_ends_an_undo_that_waits_for_health
}

const APPLY: [&str; 3] = ["apply", "STACK", "--yes"];

/// The previous containers are running, and no command is.
fn is_as(sandbox: &Sandbox, before: &Picture) {
    assert_eq!(Picture::take(sandbox), *before);
    assert_eq!(sandbox.json(&["lock", "list"]), json!([]));
}

/// A closing terminal may send SIGHUP more than once, and SIGTERM as well.
fn a_closed_terminal_rolls_an_apply_back(sandbox: &Sandbox) {
    sandbox.up_gated();
    let before = Picture::take(sandbox);
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = sandbox.hold_with("--default-signal=HUP", &APPLY);
    for signal in [Signal::HUP, Signal::HUP, Signal::TERM] {
        held.signal(signal);
    }
    let ran = held.end();
    // Signals that arrive together may be handled in any order.
    assert!([129, 143].contains(&ran.code), "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    is_as(sandbox, &before);
    assert_eq!(sandbox.json(&["history", "STACK"])[0]["outcome"], "cancelled");
}

fn a_hangup_that_was_ignored_at_the_start_stays_ignored(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold_with("--ignore-signal=HUP", &APPLY);
    held.signal(Signal::HUP);
    sandbox.open_gate();
    let ran = held.end();
    assert_eq!(ran.code, 0, "{ran}");
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn one_sigterm_ends_an_undo_that_waits_for_health(sandbox: &Sandbox) {
    sandbox.up_gated();
    let before = Picture::take(sandbox);
    let old = sandbox.id("web");
    // The restarted container does not become healthy.
    sandbox.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    sandbox.sh("web", "rm /tmp/go; ln -s /nowhere/at/all /tmp/go");
    sandbox.hold(&APPLY).kill();
    let undo = sandbox.start(&["apply", "STACK", "--undo"], "");
    sandbox.until("what ran before is started", || {
        let web = sandbox.inspect("web");
        web["Id"] == old && web["State"]["Running"] == true
    });
    undo.signal(Signal::TERM);
    let ran = undo.end();
    assert_eq!(ran.code, 143, "{ran}");
    assert!(ran.stderr.contains("their health checks were not waited for"), "{ran}");
    is_as(sandbox, &before);
    assert_eq!(sandbox.json(&["history", "STACK"])[0]["outcome"], "undone");
}
