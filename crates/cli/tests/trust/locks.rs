//! One command at a time works on a stack; the others report who holds the lock.

use crate::{
    common::{Ran, Sandbox},
    on_both_engines, on_postgres,
    picture::Picture,
    work::{GATED, author},
};
use serde_json::{Value, json};
use std::process::Stdio;

on_both_engines! {
    two_applies_run_one_after_the_other_and_both_succeed
    a_down_waits_for_an_apply_and_removes_all_of_it
    a_command_that_does_not_wait_names_the_holder
    cancelling_the_wait_changes_nothing
    reading_and_planning_do_not_wait_for_the_lock
    a_killed_holder_releases_its_lock
    a_lock_released_by_force_stops_its_holder_before_its_next_step
    a_lock_kept_for_a_plan_admits_only_that_plan
}

on_postgres! {
    two_applies_run_one_after_the_other_and_both_succeed
    a_down_waits_for_an_apply_and_removes_all_of_it
    a_command_that_does_not_wait_names_the_holder
    cancelling_the_wait_changes_nothing
    reading_and_planning_do_not_wait_for_the_lock
    a_killed_holder_releases_its_lock
    a_lock_released_by_force_stops_its_holder_before_its_next_step
    a_lock_kept_for_a_plan_admits_only_that_plan
    two_homes_on_one_database_exclude_each_other
}

const APPLY: [&str; 3] = ["apply", "STACK", "--yes"];
const IMPATIENT: [&str; 5] = ["apply", "STACK", "--yes", "--lock-timeout", "0"];

impl Sandbox {
    fn locks(&self) -> Value {
        self.json(&["lock", "list"])
    }

    /// No lock is held, and the plan is empty.
    fn assert_idle(&self) {
        assert_eq!(self.locks(), json!([]));
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }
}

fn two_applies_run_one_after_the_other_and_both_succeed(sandbox: &Sandbox) {
    sandbox.up_gated();
    for command in ["apply", "up"] {
        sandbox.write(&GATED.replace("OPEN: \"no\"", &format!("OPEN: \"no\", BY: {command}")));
        sandbox.ok(&["set", "STACK/web", "environment.OPEN=no", &format!("environment.BY={command}")]);
        let first = sandbox.hold(&[command, "STACK", "--yes"]);
        let holder = format!("`devarch {command}` by {} (pid {}) has it", author(), first.pid());
        let patient = [command, "STACK", "--yes", "--lock-timeout", "60"];
        let second = sandbox.start(&patient, "waiting for the lock");
        sandbox.open_gate();
        for ran in [first.end(), second.end()] {
            assert_eq!(ran.code, 0, "{ran}");
            assert!(!ran.stderr.contains("waiting") || ran.stderr.contains(&holder), "{holder}\n{ran}");
        }
        sandbox.assert_idle();
    }
}

/// A waiting command is planned after it has the lock.
fn a_down_waits_for_an_apply_and_removes_all_of_it(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let apply = sandbox.hold(&APPLY);
    let down = sandbox.start(&["down", "STACK", "--yes", "--lock-timeout", "60"], "waiting for the lock");
    sandbox.open_gate();
    for ran in [apply.end(), down.end()] {
        assert_eq!(ran.code, 0, "{ran}");
    }
    let now = Picture::take(sandbox);
    assert!(now.containers.is_empty() && now.networks.is_empty(), "{now:#?}");
    sandbox.assert_idle();
}

/// The message has operation, user, host, process and time.
fn names_the_holder(ran: &Ran, pid: u32) {
    for words in ["stack 'STACK' is locked by `apply` of ", &author(), &pid.to_string(), " since 2", " UTC"] {
        assert!(ran.stderr.contains(words), "{words:?} is not reported\n{ran}");
    }
}

fn a_command_that_does_not_wait_names_the_holder(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    names_the_holder(&sandbox.fails(5, &IMPATIENT), held.pid());
    names_the_holder(&sandbox.fails(5, &["stop", "STACK", "--lock-timeout", "0"]), held.pid());
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    sandbox.assert_idle();
}

fn cancelling_the_wait_changes_nothing(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    let waits = sandbox.start(&["stop", "STACK", "--lock-timeout", "60"], "waiting for the lock");
    let gave_up = waits.interrupt();
    assert_eq!(gave_up.code, 130, "{gave_up}");
    assert!(gave_up.stderr.contains("cancelled while waiting; nothing was changed"), "{gave_up}");
    assert_eq!(sandbox.locks()[0]["pid"], held.pid(), "it is still at work");
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    sandbox.assert_idle();
}

fn reading_and_planning_do_not_wait_for_the_lock(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    let pid = held.pid();
    let locks = sandbox.locks();
    assert_eq!((&locks[0]["pid"], &locks[0]["operation"]), (&json!(pid), &json!("apply")), "{locks}");
    assert_eq!((&locks[0]["alive"], &locks[0]["stack"]), (&json!(true), &json!("STACK")), "{locks}");
    let status = sandbox.json(&["status", "STACK"]);
    assert_eq!(status["stacks"][0]["lock"]["pid"], pid, "{status}");
    for reads in [&["plan"][..], &["history"], &["config"], &["lock", "list"], &["stack", "list"]] {
        sandbox.ok(reads);
    }
    assert_eq!(sandbox.locks()[0]["pid"], pid, "it is still at work");
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    sandbox.assert_idle();
}

fn a_killed_holder_releases_its_lock(sandbox: &Sandbox) {
    sandbox.define(GATED);
    sandbox.hold(&APPLY).kill();
    assert_eq!(sandbox.locks(), json!([]));
    sandbox.open_gate();
    sandbox.ok(&IMPATIENT);
    sandbox.assert_idle();
}

fn a_lock_released_by_force_stops_its_holder_before_its_next_step(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    let refused = sandbox.fails(5, &["lock", "release", "STACK"]);
    names_the_holder(&refused, held.pid());
    let released = sandbox.ok(&["lock", "release", "STACK", "--force", "--yes"]);
    assert!(
        released.stderr.contains("released the lock of stack 'STACK' that `devarch apply`"),
        "{released}"
    );
    assert_eq!(sandbox.locks(), json!([]));
    sandbox.open_gate();
    let stopped = held.end();
    assert_eq!(stopped.code, 5, "{stopped}");
    assert!(stopped.stderr.contains("the lock of stack 'STACK' is lost: "), "{stopped}");
    assert!(stopped.stderr.contains("released it by force"), "{stopped}");
    assert_eq!(sandbox.inspect("web")["State"]["Running"], true, "what was done is not undone");
    assert_ne!(sandbox.inspect("late")["State"]["Running"], true, "no further step was made");
    sandbox.ok(&APPLY);
    assert_eq!(sandbox.inspect("late")["State"]["Running"], true);
    sandbox.assert_idle();
}

fn a_lock_kept_for_a_plan_admits_only_that_plan(sandbox: &Sandbox) {
    sandbox.up_gated();
    sandbox.ok(&["set", "STACK/web", "environment.A=1"]);
    let plan = sandbox.json(&["plan", "STACK", "--lock"]);
    let plan = plan["id"].as_str().unwrap();
    let locks = sandbox.locks();
    assert_eq!((&locks[0]["plan"], &locks[0]["alive"]), (&json!(plan), &json!(false)), "{locks}");
    let before = sandbox.id("web");
    let refused = sandbox.fails(5, &IMPATIENT);
    assert!(refused.stderr.contains(&format!("reserved for plan {plan} until 2")), "{refused}");
    assert_eq!(sandbox.id("web"), before);
    let status = sandbox.ok(&["status", "STACK"]);
    assert!(status.stdout.contains(&format!("kept for {plan}")), "{status}");
    sandbox.ok(&["apply", plan, "--lock-timeout", "0"]);
    assert_ne!(sandbox.id("web"), before);
    sandbox.assert_idle();
}

fn two_homes_on_one_database_exclude_each_other(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let in_other_home = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("DEVARCH_HOME", sandbox.home().with_file_name("other-home"));
        sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    std::fs::write(sandbox.project().join("phrase"), "of both homes").unwrap();
    sandbox.ok(&["secret", "key", "export", "key", "--passphrase-file", "phrase"]);
    let imported = in_other_home(&["secret", "key", "import", "key", "--passphrase-file", "phrase"]);
    assert_eq!(imported.code, 0, "{imported}");
    let held = sandbox.hold(&APPLY);
    let refused = in_other_home(&IMPATIENT);
    assert_eq!(refused.code, 5, "{refused}");
    names_the_holder(&refused, held.pid());
    let status = in_other_home(&["status", "STACK"]);
    assert_eq!(status.code, 0, "{status}");
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    let after = in_other_home(&IMPATIENT);
    assert_eq!(after.code, 0, "{after}");
    sandbox.assert_idle();
}
