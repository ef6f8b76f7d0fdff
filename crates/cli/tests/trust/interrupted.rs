//! An apply that was killed: every command reports it, and both ways to recover work.

use crate::{common::Sandbox, on_both_engines, on_postgres, picture::Picture};
use std::collections::BTreeSet;

on_both_engines! {
    an_interrupted_apply_waits_for_a_decision
    an_undone_apply_leaves_the_very_same_containers
    a_resumed_apply_reaches_the_desired_state
    an_interrupted_first_apply_can_be_undone_to_nothing
    an_apply_that_was_not_interrupted_is_not_resumed
}

on_postgres! {
    an_undone_apply_leaves_the_very_same_containers
    a_resumed_apply_reaches_the_desired_state
}

impl Sandbox {
    /// Kills an apply while it waits for a replacement; returns the objects from before.
    fn interrupted(&self) -> Picture {
        self.up_gated();
        let before = Picture::take(self);
        self.ok(&["set", "STACK/web", "environment.OPEN=no"]);
        self.hold(&["apply", "STACK", "--yes"]).kill();
        before
    }

    /// Checks that the stack has exactly its two containers and its network.
    fn is_clean(&self) {
        let now = Picture::take(self);
        let names: BTreeSet<_> = now.containers.keys().cloned().collect();
        assert_eq!(names, [self.container("web"), self.container("late")].into(), "{now:#?}");
        assert_eq!(now.running().len(), 2, "{now:#?}");
        assert_eq!(now.networks.len(), 1, "{now:#?}");
        assert_eq!(self.json(&["lock", "list"]), serde_json::json!([]));
        let status = self.json(&["status", "STACK"]);
        assert!(status["stacks"][0]["last_apply"].is_null(), "{status}");
    }
}

const WAYS: [&str; 2] = ["`devarch apply STACK --resume` finish", "--undo` rolls it back"];

fn an_interrupted_apply_waits_for_a_decision(sandbox: &Sandbox) {
    sandbox.interrupted();
    let left = Picture::take(sandbox);
    let status = sandbox.ok(&["status", "STACK"]);
    let refused = sandbox.fails(5, &["apply", "STACK"]);
    for words in WAYS {
        assert!(
            status.stdout.contains("interrupted: ") && status.stdout.contains(words),
            "{words}\n{status}"
        );
        assert!(
            refused.stderr.contains("was interrupted") && refused.stderr.contains(words),
            "{words}\n{refused}"
        );
    }
    assert!(refused.stderr.contains("web: wait until it is healthy"), "{refused}");
    let last = &sandbox.json(&["status", "STACK"])["stacks"][0]["last_apply"];
    assert_eq!(last["state"], "interrupted", "{last}");
    assert_eq!(sandbox.json(&["history", "STACK"])[0]["outcome"], "not_yet");
    assert_eq!(left, Picture::take(sandbox), "asking changes nothing");
}

fn an_undone_apply_leaves_the_very_same_containers(sandbox: &Sandbox) {
    let before = sandbox.interrupted();
    sandbox.ok(&["apply", "STACK", "--undo"]);
    assert_eq!(before, Picture::take(sandbox));
    assert_eq!(before.running().len(), 2);
    sandbox.is_clean();
    assert_eq!(sandbox.json(&["history", "STACK"])[0]["outcome"], "undone");
    let again = sandbox.ok(&["apply", "STACK", "--undo"]);
    assert!(again.stderr.contains("no apply of stack 'STACK' was interrupted"), "{again}");
    assert_eq!(before, Picture::take(sandbox));
}

fn a_resumed_apply_reaches_the_desired_state(sandbox: &Sandbox) {
    let before = sandbox.interrupted();
    sandbox.open_gate();
    sandbox.ok(&["apply", "STACK", "--resume", "--yes"]);
    let web = &before.containers[&sandbox.container("web")];
    assert_ne!(sandbox.id("web"), web.id);
    sandbox.is_clean();
    assert_eq!(sandbox.json(&["history", "STACK"])[1]["outcome"], "resumed");
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn an_interrupted_first_apply_can_be_undone_to_nothing(sandbox: &Sandbox) {
    sandbox.define(crate::work::GATED);
    sandbox.hold(&["apply", "STACK", "--yes"]).kill();
    sandbox.ok(&["apply", "STACK", "--undo"]);
    let now = Picture::take(sandbox);
    assert!(now.containers.is_empty() && now.networks.is_empty(), "{now:#?}");
    let plan = sandbox.ok(&["plan", "STACK"]);
    assert!(!plan.stdout.contains("by hand"), "nothing was removed by hand\n{plan}");
}

fn an_apply_that_was_not_interrupted_is_not_resumed(sandbox: &Sandbox) {
    sandbox.up_gated();
    sandbox.ok(&["set", "STACK/web", "environment.EDITED=since"]);
    let before = Picture::take(sandbox);
    for args in [&["apply", "STACK", "--resume", "--yes"][..], &["up", "STACK", "--resume", "--yes"]] {
        let refused = sandbox.fails(5, args);
        assert!(
            refused.stderr.contains("no apply of stack 'STACK' was interrupted")
                && refused.stderr.contains("`devarch apply STACK` applies the stored definition"),
            "{refused}"
        );
    }
    assert_eq!(before, Picture::take(sandbox), "nothing was changed");
}
