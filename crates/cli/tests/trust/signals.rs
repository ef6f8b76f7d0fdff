//! A program that is asked to end rolls back what it has begun, in every phase, and frees its lock.

use crate::{common::World, on_both_engines, picture::Picture, work::GATED};
use rustix::process::Signal;
use serde_json::json;

on_both_engines! {
    a_closed_terminal_rolls_an_apply_back
    a_hangup_that_was_ignored_at_the_start_stays_ignored
    one_sigterm_ends_an_undo_that_waits_for_health
}

const APPLY: [&str; 3] = ["apply", "STACK", "--yes"];

/// What ran before runs, and nobody is at work.
fn is_as(world: &World, before: &Picture) {
    assert_eq!(Picture::of(world), *before);
    assert_eq!(world.json(&["lock", "list"]), json!([]));
}

/// One that goes away may hang up more than once, and have SIGTERM sent besides.
fn a_closed_terminal_rolls_an_apply_back(world: &World) {
    world.up_gated();
    let before = Picture::of(world);
    world.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    let held = world.hold_with("--default-signal=HUP", &APPLY);
    for signal in [Signal::HUP, Signal::HUP, Signal::TERM] {
        held.signal(signal);
    }
    let ran = held.end();
    // Of signals that come at once any may be heard first.
    assert!([129, 143].contains(&ran.code), "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    is_as(world, &before);
    assert_eq!(world.json(&["history", "STACK"])[0]["outcome"], "cancelled");
}

fn a_hangup_that_was_ignored_at_the_start_stays_ignored(world: &World) {
    world.define(GATED);
    let held = world.hold_with("--ignore-signal=HUP", &APPLY);
    held.signal(Signal::HUP);
    world.open_gate();
    let ran = held.end();
    assert_eq!(ran.code, 0, "{ran}");
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn one_sigterm_ends_an_undo_that_waits_for_health(world: &World) {
    world.up_gated();
    let before = Picture::of(world);
    let old = world.id("web");
    // It is not healthy again when it is started again.
    world.ok(&["set", "STACK/web", "environment.OPEN=no"]);
    world.sh("web", "rm /tmp/go; ln -s /nowhere/at/all /tmp/go");
    world.hold(&APPLY).kill();
    let undo = world.start(&["apply", "STACK", "--undo"], "");
    world.until("what ran before is started", || {
        let web = world.inspect("web");
        web["Id"] == old && web["State"]["Running"] == true
    });
    undo.signal(Signal::TERM);
    let ran = undo.end();
    assert_eq!(ran.code, 143, "{ran}");
    assert!(ran.stderr.contains("their health checks were not waited for"), "{ran}");
    is_as(world, &before);
    assert_eq!(world.json(&["history", "STACK"])[0]["outcome"], "undone");
}
