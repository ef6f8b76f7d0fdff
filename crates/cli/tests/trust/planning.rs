//! Planning changes nothing but the record of the plan.

use crate::{common::Sandbox, on_both_engines, on_postgres, picture::Picture, rows};
use devarch_core::engine::EngineKind;
use devarch_testkit::outside;
use std::{
    collections::BTreeMap,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

on_both_engines! {
    a_plan_that_is_not_saved_leaves_no_trace
    a_saved_plan_is_all_that_planning_writes
}

on_postgres! {
    a_plan_that_is_not_saved_writes_no_row
    a_saved_plan_is_all_that_planning_writes
}

const SHOP: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
    web: {template: busybox, volumes: [\"data:/data\"]}\n      db: {template: busybox}\n";

impl Sandbox {
    /// Applied, and since then changed in every way: a replacement, a removal, something new.
    fn changed(&self) {
        self.define(SHOP);
        self.ok(&["apply", "STACK", "--yes"]);
        self.ok(&["set", "STACK/web", "environment.A=1"]);
        self.ok(&["instance", "remove", "STACK/db", "--yes"]);
        self.ok(&["instance", "add", "STACK", "cache", "busybox"]);
    }

    /// The bytes of the home's database, with what is written ahead of it.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let files = ["devarch.db", "devarch.db-wal"].map(|name| (name, self.home().join(name)));
        files.map(|(name, path)| (name.to_owned(), fs::read(path).unwrap_or_default())).into()
    }

    /// What the engine told of objects of the stack meanwhile. Another store may have sent a passer-by through the stack's
    /// network, to keep all networks apart as one of its own ended: it names the store it goes for.
    fn events(&self, act: impl FnOnce()) -> Vec<String> {
        let stores = rows::texts(self, "SELECT store_id FROM identity");
        let (since, ()) = (now(), act());
        // Podman ends at `stream=false`, and finds nothing where an end is given as a time; Docker knows only that.
        let until = match self.engine().info().kind {
            EngineKind::Docker => format!("until={}", now()),
            EngineKind::Podman => "stream=false".to_owned(),
        };
        let path = format!("/events?since={since}&{until}");
        let text = self.wait(outside::text(&self.endpoint(), "GET", &path, ""));
        let passes_for_another = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let whose = event["Actor"]["Attributes"]["devarch.passer_by"].as_str();
            whose.is_some_and(|whose| stores != [whose])
        };
        let of_stack = text.lines().filter(|line| line.contains(&self.stack));
        of_stack.filter(|line| !passes_for_another(line)).map(str::to_owned).collect()
    }
}

/// As engines count time: seconds and their fraction.
fn now() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{:09}", time.as_secs(), time.subsec_nanos())
}

fn a_plan_that_is_not_saved_leaves_no_trace(sandbox: &Sandbox) {
    sandbox.changed();
    // Reading all of it also puts into the file what was only written ahead.
    rows::all(sandbox);
    let (bytes, before) = (sandbox.bytes(), Picture::of(sandbox));
    let events = sandbox.events(|| {
        let plan = sandbox.fails(2, &["plan", "STACK", "--no-save", "--detailed-exitcode"]);
        assert!(plan.stdout.contains("web  will be replaced"), "{plan}");
    });
    assert_eq!(events, Vec::<String>::new());
    assert!(bytes == sandbox.bytes(), "the database was written to");
    assert_eq!(before, Picture::of(sandbox));
    let events = sandbox.events(|| drop(sandbox.ok(&["apply", "STACK", "--yes"])));
    assert!(!events.is_empty(), "the engine tells of what is changed");
}

fn a_plan_that_is_not_saved_writes_no_row(sandbox: &Sandbox) {
    sandbox.changed();
    let before = rows::all(sandbox);
    sandbox.ok(&["plan", "STACK", "--no-save"]);
    assert_eq!(before, rows::all(sandbox));
}

fn a_saved_plan_is_all_that_planning_writes(sandbox: &Sandbox) {
    sandbox.changed();
    let (mut before, picture) = (rows::all(sandbox), Picture::of(sandbox));
    let events = sandbox.events(|| drop(sandbox.ok(&["plan", "STACK"])));
    assert_eq!(events, Vec::<String>::new());
    let mut after = rows::all(sandbox);
    let (old, new) = (before.remove("plans").unwrap(), after.remove("plans").unwrap());
    assert_eq!(new.len(), old.len() + 1);
    assert_eq!(before, after);
    assert_eq!(picture, Picture::of(sandbox));
}
