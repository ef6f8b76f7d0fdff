//! Ctrl-C in every phase: the program ends with 130 and says so, nothing runs twice, and the next apply ends in what is
//! wanted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, Sandbox,
    between::{Becomes, Between},
    signal,
};
use devarch_core::{engine::EngineKind, observed::RunState};
use rustix::process::Signal;

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    ctrl_c_while_an_image_is_pulled_leaves_nothing
    ctrl_c_while_an_image_is_built_leaves_nothing
    ctrl_c_while_what_ran_is_put_back_does_not_stop_that
    ctrl_c_while_the_engine_is_looked_at_changes_nothing
    ctrl_c_while_a_container_is_made_is_mended_by_the_next_apply
    ctrl_c_while_a_replacement_is_made_runs_nothing_twice
    ctrl_c_while_a_container_stops_is_mended_by_the_next_stop
    a_second_ctrl_c_ends_at_once
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

const WEB: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: busybox, ports: [80], volumes: [\"data:/data\"] }\n";

impl Sandbox {
    /// Runs the program until a request of that kind is held, presses Ctrl-C, lets the request go on, and waits for the
    /// end.
    fn interrupted(&self, held: common::between::Rule, args: &[&str]) -> Ran {
        let between = Between::new(&self.endpoint(), held);
        let child = self.command_at(&between.endpoint(), args).spawn().unwrap();
        between.await_held();
        signal(&child, Signal::INT);
        between.release();
        let ran = self.end(child);
        assert_eq!(ran.code, 130, "{ran}");
        assert!(ran.stderr.contains("cancelling: waiting for the current steps"), "{ran}");
        assert!(ran.stderr.contains("cancelled"), "{ran}");
        ran
    }

    /// The first `up`, cancelled while a request of that kind is held for good.
    fn nothing_is_left_of_an_up_that_was_cancelled_at(&self, held: common::between::Rule) {
        let between = Between::new(&self.endpoint(), held);
        let child = self.command_at(&between.endpoint(), &["up", "--yes"]).spawn().unwrap();
        between.await_held();
        signal(&child, Signal::INT);
        let ran = self.end(child);
        assert_eq!(ran.code, 130, "{ran}");
        assert!(ran.stderr.contains("cancelled"), "{ran}");
        assert_eq!(self.running(), 0);
        assert!(self.ok(&["stack", "list"]).stdout.contains("no stacks yet"), "nothing was saved");
    }

    fn running(&self) -> usize {
        let prefix = format!("devarch-{}-web", self.stack);
        let all = self.wait(self.engine().containers()).unwrap();
        let ours = all.iter().filter(|container| container.name.as_str().starts_with(&prefix));
        ours.filter(|container| container.state == RunState::Running).count()
    }

    fn converges(&self) {
        self.ok(&["apply", "--yes"]);
        self.ok(&["plan", "--detailed-exitcode"]);
        assert_eq!(self.running(), 1);
    }
}

fn pull(asked: &str) -> Becomes {
    let pulls =
        asked.starts_with("POST") && (asked.contains("/images/create") || asked.contains("/images/pull"));
    if pulls { Becomes::Held } else { Becomes::Passed }
}

fn look(asked: &str) -> Becomes {
    let looks = asked.starts_with("GET") && asked.contains("/containers/json");
    if looks { Becomes::Held } else { Becomes::Passed }
}

fn create(asked: &str) -> Becomes {
    let creates = asked.starts_with("POST") && asked.contains("/containers/create");
    if creates { Becomes::Held } else { Becomes::Passed }
}

fn stop(asked: &str) -> Becomes {
    let stops = asked.starts_with("POST") && asked.contains("/stop");
    if stops { Becomes::Held } else { Becomes::Passed }
}

fn ctrl_c_while_an_image_is_pulled_leaves_nothing(sandbox: &Sandbox) {
    // Nothing is ever pulled: the request is held until the program has ended.
    sandbox.write(&WEB.replace("busybox,", "busybox, image: \"localhost:1/devarch/never:1\","));
    sandbox.nothing_is_left_of_an_up_that_was_cancelled_at(pull);
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.converges();
}

fn build(asked: &str) -> Becomes {
    if asked.starts_with("POST") && asked.contains("/build") { Becomes::Held } else { Becomes::Passed }
}

/// What an apply that fails does first of all to put things back. Passers-by are removed by force.
fn remove(asked: &str) -> Becomes {
    let removes =
        asked.starts_with("DELETE") && asked.contains("/containers/") && !asked.contains("force=true");
    if removes { Becomes::Held } else { Becomes::Passed }
}

fn ctrl_c_while_an_image_is_built_leaves_nothing(sandbox: &Sandbox) {
    let directory = sandbox.project().join("web");
    std::fs::create_dir(&directory).unwrap();
    let dockerfile = format!("FROM busybox:1.37\nLABEL devarch.test={}\n", sandbox.stack);
    std::fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
    sandbox.write(&WEB.replace("busybox,", "busybox, build: ./web,"));
    sandbox.nothing_is_left_of_an_up_that_was_cancelled_at(build);
    sandbox.ok(&["up", "--yes"]);
    sandbox.converges();
}

fn ctrl_c_while_what_ran_is_put_back_does_not_stop_that(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["set", "/web", "command=[/no/such/program]"]);
    let between = Between::new(&sandbox.endpoint(), remove);
    let child = sandbox.command_at(&between.endpoint(), &["apply", "--yes"]).spawn().unwrap();
    between.await_held();
    signal(&child, Signal::INT);
    between.release();
    let ran = sandbox.end(child);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    assert_eq!(sandbox.running(), 1);
    sandbox.ok(&["unset", "/web", "command"]);
    sandbox.converges();
}

/// The engine never answers: nobody waits for it.
fn ctrl_c_while_the_engine_is_looked_at_changes_nothing(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    let commands =
        [&["plan"][..], &["apply", "--yes"], &["up", "--yes"], &["down", "--yes"], &["restart"], &["stop"]];
    for args in commands {
        sandbox.ok(&["set", "/web", "environment.A=1"]);
        let between = Between::new(&sandbox.endpoint(), look);
        let child = sandbox.command_at(&between.endpoint(), args).spawn().unwrap();
        between.await_held();
        signal(&child, Signal::INT);
        let ran = sandbox.end(child);
        assert_eq!(ran.code, 130, "{args:?}: {ran}");
        let told = if args == ["stop"] {
            "the desired state is saved\nhelp: `devarch apply STACK` applies it"
        } else {
            "nothing was changed"
        };
        assert!(ran.stderr.contains(told), "{args:?}: {ran}");
        assert_eq!(sandbox.running(), 1, "{args:?}");
    }
    assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]));
    sandbox.ok(&["start", "--yes"]);
    sandbox.converges();
}

fn ctrl_c_while_a_container_is_made_is_mended_by_the_next_apply(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.interrupted(create, &["up", "--yes"]);
    assert_eq!(sandbox.running(), 0, "no step began after it");
    assert_eq!(sandbox.json(&["history"])[0]["outcome"], "cancelled");
    sandbox.converges();
}

fn ctrl_c_while_a_replacement_is_made_runs_nothing_twice(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "/web", "--", "sh", "-c", "echo kept >/data/x"]);
    for held in [create as common::between::Rule, stop] {
        sandbox.ok(&["set", "/web", "environment.A=1"]);
        sandbox.interrupted(held, &["apply", "--yes"]);
        assert!(sandbox.running() <= 1, "two containers on one volume");
        sandbox.converges();
        sandbox.ok(&["unset", "/web", "environment.A"]);
        sandbox.converges();
    }
    assert_eq!(sandbox.ok(&["exec", "/web", "--", "cat", "/data/x"]).stdout, "kept\n");
}

fn ctrl_c_while_a_container_stops_is_mended_by_the_next_stop(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    // The stop under way is the last step, so that it may have been made after all.
    let between = Between::new(&sandbox.endpoint(), stop);
    let child = sandbox.command_at(&between.endpoint(), &["stop"]).spawn().unwrap();
    between.await_held();
    signal(&child, Signal::INT);
    between.release();
    let ran = sandbox.end(child);
    assert!([0, 130].contains(&ran.code), "{ran}");
    sandbox.ok(&["stop"]);
    assert_eq!(sandbox.running(), 0);
    sandbox.ok(&["start"]);
    sandbox.converges();
}

fn a_second_ctrl_c_ends_at_once(sandbox: &Sandbox) {
    sandbox.write(WEB);
    let between = Between::new(&sandbox.endpoint(), create);
    let mut child = sandbox.command_at(&between.endpoint(), &["up", "--yes"]).spawn().unwrap();
    between.await_held();
    signal(&child, Signal::INT);
    let mut said = [0; 11];
    // What it says comes after its plan, and before it listens for the second.
    let mut stderr = child.stderr.take().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("press Ctrl-C again to stop at once") {
        let read = std::io::Read::read(&mut stderr, &mut said).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&said[..read]);
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, Signal::INT);
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(between);
    sandbox.converges();
}
