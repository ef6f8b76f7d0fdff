//! Planning changes nothing except the saved plan.

use crate::{common::Sandbox, on_both_engines, on_postgres, picture::Picture, rows};
use devarch_core::engine::EngineKind;
use devarch_testkit::outside;
use std::{
    collections::BTreeMap,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

on_both_engines! {
    an_unsaved_plan_leaves_no_trace
    planning_writes_only_the_saved_plan
}

on_postgres! {
    an_unsaved_plan_writes_no_row
    planning_writes_only_the_saved_plan
}

const SHOP: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
    web: {template: busybox, volumes: [\"data:/data\"]}\n      db: {template: busybox}\n";

impl Sandbox {
    /// An applied stack with pending edits of every kind: a replacement, a removal, an addition.
    fn changed(&self) {
        self.define(SHOP);
        self.ok(&["apply", "STACK", "--yes"]);
        self.ok(&["set", "STACK/web", "environment.A=1"]);
        self.ok(&["instance", "remove", "STACK/db", "--yes"]);
        self.ok(&["instance", "add", "STACK", "cache", "busybox"]);
    }

    /// The content of the home's database, including its write-ahead log.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let files = ["devarch.db", "devarch.db-wal"].map(|name| (name, self.home().join(name)));
        files.map(|(name, path)| (name.to_owned(), fs::read(path).unwrap_or_default())).into()
    }

    /// The engine's events for the stack's objects during `act`. Throw-away containers that another store connects to
    /// the stack's network, to keep networks isolated, are ignored: their label names that store.
    fn events(&self, act: impl FnOnce()) -> Vec<String> {
        let stores = rows::texts(self, "SELECT store_id FROM identity");
        let (since, ()) = (now(), act());
        // Podman ends the stream with `stream=false` and finds nothing with `until`; Docker only supports `until`.
        let until = match self.engine().info().kind {
            EngineKind::Docker => format!("until={}", now()),
            EngineKind::Podman => "stream=false".to_owned(),
        };
        let path = format!("/events?since={since}&{until}");
        let text = self.wait(outside::text(&self.endpoint(), "GET", &path, ""));
        let of_another_store = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let store = event["Actor"]["Attributes"]["devarch.passer_by"].as_str();
            store.is_some_and(|store| stores != [store])
        };
        let of_stack = text.lines().filter(|line| line.contains(&self.stack));
        of_stack.filter(|line| !of_another_store(line)).map(str::to_owned).collect()
    }
}

/// The current time in the engines' format: seconds with a fraction.
fn now() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{:09}", time.as_secs(), time.subsec_nanos())
}

fn an_unsaved_plan_leaves_no_trace(sandbox: &Sandbox) {
    sandbox.changed();
    // Reading also checkpoints the write-ahead log.
    rows::all(sandbox);
    let (bytes, before) = (sandbox.bytes(), Picture::take(sandbox));
    let events = sandbox.events(|| {
        let plan = sandbox.fails(2, &["plan", "STACK", "--no-save", "--detailed-exitcode"]);
        assert!(plan.stdout.contains("web  will be replaced"), "{plan}");
    });
    assert_eq!(events, Vec::<String>::new());
    assert!(bytes == sandbox.bytes(), "the database was written to");
    assert_eq!(before, Picture::take(sandbox));
    let events = sandbox.events(|| drop(sandbox.ok(&["apply", "STACK", "--yes"])));
    assert!(!events.is_empty(), "the engine reports changes");
}

fn an_unsaved_plan_writes_no_row(sandbox: &Sandbox) {
    sandbox.changed();
    let before = rows::all(sandbox);
    sandbox.ok(&["plan", "STACK", "--no-save"]);
    assert_eq!(before, rows::all(sandbox));
}

fn planning_writes_only_the_saved_plan(sandbox: &Sandbox) {
    sandbox.changed();
    let (mut before, picture) = (rows::all(sandbox), Picture::take(sandbox));
    let events = sandbox.events(|| drop(sandbox.ok(&["plan", "STACK"])));
    assert_eq!(events, Vec::<String>::new());
    let mut after = rows::all(sandbox);
    let (old, new) = (before.remove("plans").unwrap(), after.remove("plans").unwrap());
    assert_eq!(new.len(), old.len() + 1);
    assert_eq!(before, after);
    assert_eq!(picture, Picture::take(sandbox));
}
