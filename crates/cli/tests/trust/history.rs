//! Applies are recorded and can be rolled back to.

use crate::{common::Sandbox, on_both_engines, on_postgres, work::author};
use serde_json::Value;

on_both_engines! {
    every_apply_is_listed
    the_steps_of_the_critical_chain_are_marked
    a_rollback_returns_to_an_earlier_definition
    a_rollback_to_an_unknown_apply_is_refused
}

on_postgres! {
    every_apply_is_listed
    a_rollback_returns_to_an_earlier_definition
}

const SHOP: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
    web: {template: busybox, environment: {A: first}}\n      db: {template: busybox}\n";

impl Sandbox {
    fn applied(&self) {
        self.define(SHOP);
        self.ok(&["apply", "STACK", "--yes"]);
    }

    fn entries(&self) -> Vec<Value> {
        self.json(&["history", "STACK"]).as_array().cloned().unwrap()
    }

    /// The value of a variable in an instance's container.
    fn variable(&self, instance: &str, name: &str) -> Option<String> {
        let found = self.inspect(instance);
        let all: Vec<String> = serde_json::from_value(found["Config"]["Env"].clone()).unwrap();
        all.iter().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned))
    }

    fn image(&self, instance: &str) -> String {
        let image = self.inspect(instance)["Image"].as_str().unwrap_or_default().to_owned();
        image.trim_start_matches("sha256:").to_owned()
    }
}

fn every_apply_is_listed(sandbox: &Sandbox) {
    sandbox.applied();
    sandbox.ok(&["set", "STACK/web", "environment.A=second"]);
    let plan = sandbox.plan();
    sandbox.ok(&["apply", &plan]);
    sandbox.ok(&["set", "STACK/web", "command=[sh, -c, \"echo no; exit 3\"]", "restart=no"]);
    sandbox.fails(1, &["apply", "STACK", "--yes"]);
    let entries = sandbox.entries();
    let outcomes: Vec<_> = entries.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["rolled_back", "succeeded", "succeeded"], "the newest first");
    assert_eq!(entries[1]["plan"], plan.as_str());
    for entry in &entries {
        assert_eq!(entry["author"], author(), "{entry}");
        assert_eq!(entry["command"], "apply");
        assert!(entry["took"].as_i64().is_some_and(|took| took > 0), "{entry}");
        assert!(entry["started_at"].as_i64().is_some(), "{entry}");
    }
    assert!(entries[0]["error"].as_str().unwrap().contains("exited with code 3"), "{}", entries[0]);
    let text = sandbox.ok(&["history", "STACK"]);
    for word in [author().as_str(), "failed, rolled back", "succeeded", "TOOK", "+", "-/+1"] {
        assert!(text.stdout.contains(word), "{word:?} is not shown\n{text}");
    }
    let shown = sandbox.ok(&["history", "show", "STACK", entries[1]["apply"].as_str().unwrap()]);
    assert!(shown.stdout.contains(&format!("plan {plan}")), "{shown}");
    assert!(shown.stdout.contains("-/+ web  (its config changed)"), "{shown}");
}

/// The consumer waits for the provider's health check, so both are critical; the third instance is not.
fn the_steps_of_the_critical_chain_are_marked(sandbox: &Sandbox) {
    sandbox.define(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         slow: {template: busybox, command: [sh, -c, \"sleep 2; touch /tmp/go; sleep 1000\"], \
         healthcheck: {test: \"test -f /tmp/go\", interval: 1s, start_period: 60s}}\n      \
         last: {template: busybox, depends_on: [slow]}\n      beside: {template: busybox}\n",
    );
    sandbox.ok(&["apply", "STACK", "--yes"]);
    let shown = sandbox.json(&["history", "show", "STACK"]);
    let steps = shown["steps"].as_array().unwrap();
    let critical = |instance: &str, what: &str| {
        let mut of = steps.iter().filter(|step| step["instance"] == instance);
        of.any(|step| step["what"] == what && step["critical"] == true)
    };
    assert!(critical("slow", "start") && critical("slow", "wait until it is healthy"), "{shown:#}");
    assert!(critical("last", "start"), "{shown:#}");
    assert!(!critical("beside", "start"), "{shown:#}");
    let text = sandbox.ok(&["history", "show", "STACK"]).stdout;
    let waits = text.lines().find(|line| line.contains("wait until it is healthy")).unwrap();
    assert!(waits.starts_with('*') && text.contains("critical chain"), "{text}");
}

fn a_rollback_returns_to_an_earlier_definition(sandbox: &Sandbox) {
    sandbox.applied();
    let first = sandbox.entries()[0]["apply"].as_str().unwrap().to_owned();
    let (image, db) = (sandbox.image("web"), sandbox.id("db"));
    sandbox.ok(&["set", "STACK/web", "environment.A=second", "image=python:3.13-slim", "exports=[]"]);
    sandbox.ok(&["instance", "add", "STACK", "cache", "busybox"]);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    assert_eq!(sandbox.variable("web", "A").as_deref(), Some("second"));
    assert_ne!(sandbox.image("web"), image);
    assert_ne!(sandbox.id("cache"), "");
    sandbox.ok(&["rollback", "STACK", &first, "--yes"]);
    assert_eq!(sandbox.variable("web", "A").as_deref(), Some("first"));
    assert_eq!(sandbox.image("web"), image);
    assert_eq!((sandbox.id("cache").as_str(), sandbox.id("db").as_str()), ("", db.as_str()));
    assert_eq!(sandbox.inspect("web")["State"]["Running"], true);
    let entries = sandbox.entries();
    assert_eq!((&entries[0]["command"], &entries[0]["outcome"]), (&"rollback".into(), &"succeeded".into()));
    assert_eq!(entries.len(), 3);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    sandbox.ok(&["rollback", "STACK", "--yes"]);
    assert_eq!(sandbox.variable("web", "A").as_deref(), Some("second"), "a rollback can be rolled back");
}

fn a_rollback_to_an_unknown_apply_is_refused(sandbox: &Sandbox) {
    sandbox.applied();
    let before = sandbox.id("web");
    let refused = sandbox.fails(4, &["rollback", "STACK", "0000", "--yes"]);
    assert!(
        refused.stderr.contains("stack 'STACK' has no apply 0000\nhelp: `devarch history STACK` lists all"),
        "{refused}"
    );
    sandbox.fails(4, &["history", "show", "STACK", "0000"]);
    assert_eq!((sandbox.id("web"), sandbox.entries().len()), (before, 1));
}
