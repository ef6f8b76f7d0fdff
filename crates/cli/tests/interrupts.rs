//! Ctrl-C in every phase: the program exits with 130 and reports it, nothing runs twice, and the next apply reaches
//! the desired state.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, Sandbox,
    gate::{Action, EngineGate},
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
    ctrl_c_during_a_pull_leaves_nothing_behind
    ctrl_c_during_a_build_leaves_nothing_behind
    ctrl_c_during_a_rollback_does_not_stop_it
    ctrl_c_while_the_engine_is_inspected_changes_nothing
    ctrl_c_while_a_container_is_created_is_fixed_by_the_next_apply
    ctrl_c_during_a_replacement_runs_nothing_twice
    ctrl_c_while_a_container_stops_is_fixed_by_the_next_stop
    a_second_ctrl_c_exits_at_once
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

const WEB: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: busybox, ports: [80], volumes: [\"data:/data\"] }\n";

impl Sandbox {
    /// Runs the program until the rule holds a request, presses Ctrl-C, releases the request and waits for the exit.
    fn interrupted(&self, held: common::gate::Rule, args: &[&str]) -> Ran {
        let gate = EngineGate::new(&self.endpoint(), held);
        let child = self.command_at(&gate.endpoint(), args).spawn().unwrap();
        gate.await_held();
        signal(&child, Signal::INT);
        gate.release();
        let ran = self.end(child);
        assert_eq!(ran.code, 130, "{ran}");
        assert!(ran.stderr.contains("cancelling: waiting for the current steps"), "{ran}");
        assert!(ran.stderr.contains("cancelled"), "{ran}");
        ran
    }

    /// Cancels a first `up` while a request is held forever.
    fn an_up_cancelled_at_leaves_nothing(&self, held: common::gate::Rule) {
        let gate = EngineGate::new(&self.endpoint(), held);
        let child = self.command_at(&gate.endpoint(), &["up", "--yes"]).spawn().unwrap();
        gate.await_held();
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

fn pull(request: &str) -> Action {
    let pulls = request.starts_with("POST")
        && (request.contains("/images/create") || request.contains("/images/pull"));
    if pulls { Action::Hold } else { Action::Pass }
}

fn list_containers(request: &str) -> Action {
    let looks = request.starts_with("GET") && request.contains("/containers/json");
    if looks { Action::Hold } else { Action::Pass }
}

fn create(request: &str) -> Action {
    let creates = request.starts_with("POST") && request.contains("/containers/create");
    if creates { Action::Hold } else { Action::Pass }
}

fn stop(request: &str) -> Action {
    let stops = request.starts_with("POST") && request.contains("/stop");
    if stops { Action::Hold } else { Action::Pass }
}

fn ctrl_c_during_a_pull_leaves_nothing_behind(sandbox: &Sandbox) {
    // The pull request is never released, so nothing is pulled.
    sandbox.write(&WEB.replace("busybox,", "busybox, image: \"localhost:1/devarch/never:1\","));
    sandbox.an_up_cancelled_at_leaves_nothing(pull);
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.converges();
}

fn build(request: &str) -> Action {
    if request.starts_with("POST") && request.contains("/build") { Action::Hold } else { Action::Pass }
}

/// The first call of a rollback. Throw-away containers are removed by force, so they are not held.
fn remove(request: &str) -> Action {
    let removes =
        request.starts_with("DELETE") && request.contains("/containers/") && !request.contains("force=true");
    if removes { Action::Hold } else { Action::Pass }
}

fn ctrl_c_during_a_build_leaves_nothing_behind(sandbox: &Sandbox) {
    let directory = sandbox.project().join("web");
    std::fs::create_dir(&directory).unwrap();
    let dockerfile = format!("FROM busybox:1.37\nLABEL devarch.test={}\n", sandbox.stack);
    std::fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
    sandbox.write(&WEB.replace("busybox,", "busybox, build: ./web,"));
    sandbox.an_up_cancelled_at_leaves_nothing(build);
    sandbox.ok(&["up", "--yes"]);
    sandbox.converges();
}

fn ctrl_c_during_a_rollback_does_not_stop_it(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["set", "/web", "command=[/no/such/program]"]);
    let gate = EngineGate::new(&sandbox.endpoint(), remove);
    let child = sandbox.command_at(&gate.endpoint(), &["apply", "--yes"]).spawn().unwrap();
    gate.await_held();
    signal(&child, Signal::INT);
    gate.release();
    let ran = sandbox.end(child);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("the previous containers are running again"), "{ran}");
    assert_eq!(sandbox.running(), 1);
    sandbox.ok(&["unset", "/web", "command"]);
    sandbox.converges();
}

/// The engine never answers; Ctrl-C does not wait for it.
fn ctrl_c_while_the_engine_is_inspected_changes_nothing(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    let commands =
        [&["plan"][..], &["apply", "--yes"], &["up", "--yes"], &["down", "--yes"], &["restart"], &["stop"]];
    for args in commands {
        sandbox.ok(&["set", "/web", "environment.A=1"]);
        let gate = EngineGate::new(&sandbox.endpoint(), list_containers);
        let child = sandbox.command_at(&gate.endpoint(), args).spawn().unwrap();
        gate.await_held();
        signal(&child, Signal::INT);
        let ran = sandbox.end(child);
        assert_eq!(ran.code, 130, "{args:?}: {ran}");
        let message = if args == ["stop"] {
            "the desired state is saved\nhelp: `devarch apply STACK` applies it"
        } else {
            "nothing was changed"
        };
        assert!(ran.stderr.contains(message), "{args:?}: {ran}");
        assert_eq!(sandbox.running(), 1, "{args:?}");
    }
    assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]));
    sandbox.ok(&["start", "--yes"]);
    sandbox.converges();
}

fn ctrl_c_while_a_container_is_created_is_fixed_by_the_next_apply(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.interrupted(create, &["up", "--yes"]);
    assert_eq!(sandbox.running(), 0, "no step began after it");
    assert_eq!(sandbox.json(&["history"])[0]["outcome"], "cancelled");
    sandbox.converges();
}

fn ctrl_c_during_a_replacement_runs_nothing_twice(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "/web", "--", "sh", "-c", "echo kept >/data/x"]);
    for held in [create as common::gate::Rule, stop] {
        sandbox.ok(&["set", "/web", "environment.A=1"]);
        sandbox.interrupted(held, &["apply", "--yes"]);
        assert!(sandbox.running() <= 1, "two containers on one volume");
        sandbox.converges();
        sandbox.ok(&["unset", "/web", "environment.A"]);
        sandbox.converges();
    }
    assert_eq!(sandbox.ok(&["exec", "/web", "--", "cat", "/data/x"]).stdout, "kept\n");
}

fn ctrl_c_while_a_container_stops_is_fixed_by_the_next_stop(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    // The stop is the last step, so the command may have succeeded.
    let gate = EngineGate::new(&sandbox.endpoint(), stop);
    let child = sandbox.command_at(&gate.endpoint(), &["stop"]).spawn().unwrap();
    gate.await_held();
    signal(&child, Signal::INT);
    gate.release();
    let ran = sandbox.end(child);
    assert!([0, 130].contains(&ran.code), "{ran}");
    sandbox.ok(&["stop"]);
    assert_eq!(sandbox.running(), 0);
    sandbox.ok(&["start"]);
    sandbox.converges();
}

fn a_second_ctrl_c_exits_at_once(sandbox: &Sandbox) {
    sandbox.write(WEB);
    let gate = EngineGate::new(&sandbox.endpoint(), create);
    let mut child = sandbox.command_at(&gate.endpoint(), &["up", "--yes"]).spawn().unwrap();
    gate.await_held();
    signal(&child, Signal::INT);
    let mut buffer = [0; 11];
    // The first Ctrl-C is acknowledged before the program listens for the second.
    let mut stderr = child.stderr.take().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("press Ctrl-C again to stop at once") {
        let read = std::io::Read::read(&mut stderr, &mut buffer).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..read]);
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, Signal::INT);
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(gate);
    sandbox.converges();
}
