//! `--snapshot` on real engines: a rollback also restores data that another image changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, Sandbox,
    gate::{Action, EngineGate},
    signal,
};
use devarch_core::{engine::EngineKind, id::ContainerId, name::PhysicalVolume, observed::RunState};
use devarch_testkit::{
    fixture::{RUNS, mounted},
    outside,
};
use rustix::process::Signal;

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    without_a_snapshot_data_is_not_restored
    data_is_restored_when_the_new_image_fails
    a_saved_plan_with_a_snapshot_restores_data_too
    a_snapshot_is_removed_once_the_new_image_is_ready
    an_undo_after_a_kill_restores_data
    resuming_a_killed_apply_leaves_no_snapshot
    a_snapshot_kept_for_an_undo_is_deleted_with_the_volumes
    an_image_that_cannot_copy_changes_nothing
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

/// A stack with one database instance.
fn shop(fields: &str) -> String {
    format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      db: {{template: busybox, volumes: [\"data:/data\"], \
         restart: \"no\", {fields}}}\n"
    )
}

const OLD: &str = "image: \"busybox:1.37\"";
const RUINS: &str = "image: \"node:22-slim\", command: [sh, -c, \"echo ruined >/data/file; exit 1\"]";
const MOVES_ON: &str = "image: \"node:22-slim\", command: [sh, -c, \"echo new >/data/file; sleep 1000\"]";
const NEVER_READY: &str = "image: \"node:22-slim\", command: [sh, -c, \"echo ruined >/data/file; sleep 1000\"], \
                           healthcheck: {test: [CMD, \"false\"], interval: 5s, retries: 100}";

impl Sandbox {
    /// Starts the old image on a volume with a file; returns the container's id.
    fn with_data(&self) -> String {
        self.write(&shop(OLD));
        self.ok(&["up", "--yes"]);
        self.ok(&["exec", "-T", "/db", "--", "sh", "-c", "echo kept >/data/file"]);
        self.running().unwrap()
    }

    /// The id of the stack's only running container.
    fn running(&self) -> Option<String> {
        let all = self.wait(self.engine().containers()).unwrap();
        let ours = all.into_iter().filter(|container| {
            container.name.as_str().starts_with(&format!("devarch-{}-", self.stack))
                && container.state == RunState::Running
        });
        let ours: Vec<String> = ours.map(|container| container.id.to_string()).collect();
        assert!(ours.len() <= 1, "{ours:?}");
        ours.into_iter().next()
    }

    /// The file in the volume, read by a separate container.
    fn file(&self) -> String {
        let volume = PhysicalVolume::from_stored(format!("devarch-{}-db-data", self.stack));
        let mut request = self.fixture().request("reader", &RUNS);
        request.spec.mounts.push(mounted(&volume, "/data"));
        self.wait(async {
            let reader = self.fixture().run(&request).await;
            let read = self.fixture().sh(&reader, "cat /data/file").await;
            self.fixture().stop(&reader).await;
            self.engine().remove_container(&reader).await.unwrap();
            read.stdout
        })
    }

    fn snapshots(&self) -> Vec<String> {
        let copy = format!("devarch-{}-db-data.snapshot", self.stack);
        let volumes = self.wait(self.engine().volumes()).unwrap();
        volumes.into_keys().filter(|name| name.starts_with(&copy)).collect()
    }

    /// The previous container is running again, with its data.
    fn assert_restored(&self, db: &str, failed: &Ran) {
        assert_eq!(self.running().as_deref(), Some(db), "{failed}");
        assert_eq!(self.file(), "kept\n", "{failed}");
        assert_eq!(self.snapshots(), Vec::<String>::new(), "{failed}");
    }
}

fn without_a_snapshot_data_is_not_restored(sandbox: &Sandbox) {
    let db = sandbox.with_data();
    sandbox.write(&shop(RUINS));
    let failed = sandbox.fails(1, &["up", "--yes"]);
    assert!(
        failed.stderr.contains("! may change data irreversibly: another image writes to volume"),
        "{failed}"
    );
    assert_eq!(sandbox.running(), Some(db), "{failed}");
    assert_eq!(sandbox.file(), "ruined\n", "{failed}");
}

fn data_is_restored_when_the_new_image_fails(sandbox: &Sandbox) {
    let db = sandbox.with_data();
    sandbox.write(&shop(RUINS));
    let failed = sandbox.fails(1, &["up", "--yes", "--snapshot"]);
    let expected = "! another image writes to volume devarch-STACK-db-data: the data is copied first";
    assert!(failed.stderr.contains(expected), "{failed}");
    assert!(!failed.stderr.contains("irreversibly"), "{failed}");
    sandbox.assert_restored(&db, &failed);
}

fn a_saved_plan_with_a_snapshot_restores_data_too(sandbox: &Sandbox) {
    let db = sandbox.with_data();
    sandbox.ok(&["set", "/db", "image=node:22-slim", "command=[sh, -c, 'echo ruined >/data/file; exit 1']"]);
    let plan = sandbox.json(&["plan", "--snapshot"]);
    let plan = plan["id"].as_str().unwrap();
    let refused = sandbox.run(&["apply", plan, "--snapshot", "--yes"]);
    assert!(refused.stderr.contains("`devarch plan --snapshot` makes a plan"), "{refused}");
    let failed = sandbox.fails(1, &["apply", plan, "--yes"]);
    sandbox.assert_restored(&db, &failed);
}

fn a_snapshot_is_removed_once_the_new_image_is_ready(sandbox: &Sandbox) {
    let db = sandbox.with_data();
    sandbox.write(&shop(MOVES_ON));
    let up = sandbox.ok(&["up", "--yes", "--snapshot"]);
    assert_ne!(sandbox.running(), Some(db), "{up}");
    assert_eq!(sandbox.file(), "new\n", "{up}");
    assert_eq!(sandbox.snapshots(), Vec::<String>::new(), "{up}");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

/// Holds readiness checks.
fn probe(request: &str) -> Action {
    let asks = request.starts_with("POST") && request.contains("/exec") || request.contains("/healthcheck");
    if asks { Action::Hold } else { Action::Pass }
}

impl Sandbox {
    /// Kills an `up --snapshot` after the new image has written to the volume.
    fn killed(&self) {
        let gate = EngineGate::new(&self.endpoint(), probe);
        let mut child = self.command_at(&gate.endpoint(), &["up", "--yes", "--snapshot"]).spawn().unwrap();
        gate.await_held();
        let successor = ContainerId::new(self.running().unwrap());
        let ruined = async || self.fixture().sh(&successor, "cat /data/file").await.stdout == "ruined\n";
        assert!(self.wait(outside::until(ruined)));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        assert_eq!(self.snapshots().len(), 1);
    }
}

fn resuming_a_killed_apply_leaves_no_snapshot(sandbox: &Sandbox) {
    sandbox.with_data();
    sandbox.write(&shop(NEVER_READY));
    sandbox.killed();
    sandbox.write(&shop(&NEVER_READY.replace("\"false\"", "\"true\"")));
    let up = sandbox.ok(&["up", "--yes", "--resume"]);
    assert!(up.stderr.contains("-   volume devarch-STACK-db-data.snapshot  will be removed"), "{up}");
    assert_eq!(sandbox.snapshots(), Vec::<String>::new(), "{up}");
    assert_eq!(sandbox.containers(), 1, "{up}");
    let plan = sandbox.ok(&["plan", "--detailed-exitcode"]);
    assert!(!plan.stdout.contains(".snapshot") && !plan.stderr.contains(".snapshot"), "{plan}");
}

fn a_snapshot_kept_for_an_undo_is_deleted_with_the_volumes(sandbox: &Sandbox) {
    sandbox.with_data();
    sandbox.write(&shop(NEVER_READY));
    sandbox.killed();
    let prefix = format!("devarch-{}-db", sandbox.stack);
    for name in [prefix.clone(), format!("{prefix}.old")] {
        let gone = format!("/containers/{name}?force=true");
        sandbox.wait(outside::call(&sandbox.endpoint(), "DELETE", &gone));
    }
    let network = sandbox.wait(sandbox.engine().networks()).unwrap();
    let network =
        network.into_iter().find(|network| network.name == format!("devarch-{}-net", sandbox.stack));
    sandbox.wait(sandbox.engine().remove_network(&network.unwrap().id)).unwrap();
    let deleted = sandbox.json(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    let all = ["devarch-STACK-db-data", "devarch-STACK-db-data.snapshot"];
    assert_eq!(deleted["deleted_volumes"], serde_json::json!(all), "{deleted}");
    assert_eq!(sandbox.snapshots(), Vec::<String>::new());
}

fn an_undo_after_a_kill_restores_data(sandbox: &Sandbox) {
    let db = sandbox.with_data();
    sandbox.write(&shop(NEVER_READY));
    sandbox.killed();
    let undone = sandbox.ok(&["apply", "--undo"]);
    sandbox.assert_restored(&db, &undone);
    sandbox.ok(&["apply", "--undo"]);
    sandbox.assert_restored(&db, &undone);
}

fn an_image_that_cannot_copy_changes_nothing(sandbox: &Sandbox) {
    let directory = sandbox.project().join("db");
    std::fs::create_dir(&directory).unwrap();
    let dockerfile = format!(
        "FROM busybox:1.37 AS tools\nFROM scratch\nLABEL devarch.test={}\nCOPY --from=tools /bin/busybox /busybox\n",
        sandbox.stack
    );
    std::fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
    sandbox.write(&shop("build: ./db, command: [/busybox, sleep, \"1000\"]"));
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "-T", "/db", "--", "/busybox", "dd", "if=/dev/zero", "of=/data/file", "count=1"]);
    let db = sandbox.running();
    sandbox.write(&shop(MOVES_ON));
    let failed = sandbox.fails(1, &["up", "--yes", "--snapshot"]);
    assert!(failed.stderr.contains("volume devarch-STACK-db-data cannot be copied"), "{failed}");
    assert!(failed.stderr.contains("has no `sh`"), "{failed}");
    assert!(failed.stderr.contains("the previous containers are running again"), "{failed}");
    assert_eq!(sandbox.running(), db, "{failed}");
    assert_eq!(sandbox.file(), "\0".repeat(512), "{failed}");
    assert_eq!(sandbox.snapshots(), Vec::<String>::new(), "{failed}");
}
