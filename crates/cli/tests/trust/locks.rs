//! One command at a time works on a stack; the others are told who does.

use crate::{
    common::{Ran, Sandbox},
    on_both_engines, on_postgres,
    picture::Picture,
    work::{GATED, author},
};
use serde_json::{Value, json};
use std::process::Stdio;

on_both_engines! {
    of_two_applies_one_waits_and_both_end_well
    a_down_waits_for_an_apply_and_takes_all_of_it_down
    who_does_not_wait_is_told_who_is_at_work
    who_is_tired_of_waiting_leaves_everything_as_it_is
    reading_and_planning_wait_for_nobody
    a_killed_holder_holds_nothing
    a_lock_taken_away_stops_its_holder_before_its_next_step
    a_lock_kept_for_a_plan_lets_only_that_plan_in
}

on_postgres! {
    of_two_applies_one_waits_and_both_end_well
    a_down_waits_for_an_apply_and_takes_all_of_it_down
    who_does_not_wait_is_told_who_is_at_work
    who_is_tired_of_waiting_leaves_everything_as_it_is
    reading_and_planning_wait_for_nobody
    a_killed_holder_holds_nothing
    a_lock_taken_away_stops_its_holder_before_its_next_step
    a_lock_kept_for_a_plan_lets_only_that_plan_in
    two_homes_on_one_database_keep_each_other_out
}

const APPLY: [&str; 3] = ["apply", "STACK", "--yes"];
const IMPATIENT: [&str; 5] = ["apply", "STACK", "--yes", "--lock-timeout", "0"];

impl Sandbox {
    fn locks(&self) -> Value {
        self.json(&["lock", "list"])
    }

    /// Nothing is held any more, and nothing is to be done.
    fn rests(&self) {
        assert_eq!(self.locks(), json!([]));
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }
}

fn of_two_applies_one_waits_and_both_end_well(sandbox: &Sandbox) {
    sandbox.up_gated();
    for command in ["apply", "up"] {
        sandbox.write(&GATED.replace("OPEN: \"no\"", &format!("OPEN: \"no\", BY: {command}")));
        sandbox.ok(&["set", "STACK/web", "environment.OPEN=no", &format!("environment.BY={command}")]);
        let first = sandbox.hold(&[command, "STACK", "--yes"]);
        let told = format!("`devarch {command}` by {} (pid {}) has it", author(), first.pid());
        let patient = [command, "STACK", "--yes", "--lock-timeout", "60"];
        let second = sandbox.start(&patient, "waiting for the lock");
        sandbox.open_gate();
        for ran in [first.end(), second.end()] {
            assert_eq!(ran.code, 0, "{ran}");
            assert!(!ran.stderr.contains("waiting") || ran.stderr.contains(&told), "{told}\n{ran}");
        }
        sandbox.rests();
    }
}

/// What waits is planned when it is its turn.
fn a_down_waits_for_an_apply_and_takes_all_of_it_down(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let apply = sandbox.hold(&APPLY);
    let down = sandbox.start(&["down", "STACK", "--yes", "--lock-timeout", "60"], "waiting for the lock");
    sandbox.open_gate();
    for ran in [apply.end(), down.end()] {
        assert_eq!(ran.code, 0, "{ran}");
    }
    let now = Picture::of(sandbox);
    assert!(now.containers.is_empty() && now.networks.is_empty(), "{now:#?}");
    sandbox.rests();
}

/// Says operation, user, host, process and since when.
fn names_the_holder(ran: &Ran, pid: u32) {
    for words in ["stack 'STACK' is locked by `apply` of ", &author(), &pid.to_string(), " since 2", " UTC"] {
        assert!(ran.stderr.contains(words), "{words:?} is not told\n{ran}");
    }
}

fn who_does_not_wait_is_told_who_is_at_work(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    names_the_holder(&sandbox.fails(5, &IMPATIENT), held.pid());
    names_the_holder(&sandbox.fails(5, &["stop", "STACK", "--lock-timeout", "0"]), held.pid());
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    sandbox.rests();
}

fn who_is_tired_of_waiting_leaves_everything_as_it_is(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let held = sandbox.hold(&APPLY);
    let waits = sandbox.start(&["stop", "STACK", "--lock-timeout", "60"], "waiting for the lock");
    let gave_up = waits.interrupt();
    assert_eq!(gave_up.code, 130, "{gave_up}");
    assert!(gave_up.stderr.contains("cancelled while waiting; nothing was changed"), "{gave_up}");
    assert_eq!(sandbox.locks()[0]["pid"], held.pid(), "it is still at work");
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    sandbox.rests();
}

fn reading_and_planning_wait_for_nobody(sandbox: &Sandbox) {
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
    sandbox.rests();
}

fn a_killed_holder_holds_nothing(sandbox: &Sandbox) {
    sandbox.define(GATED);
    sandbox.hold(&APPLY).kill();
    assert_eq!(sandbox.locks(), json!([]));
    sandbox.open_gate();
    sandbox.ok(&IMPATIENT);
    sandbox.rests();
}

fn a_lock_taken_away_stops_its_holder_before_its_next_step(sandbox: &Sandbox) {
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
    sandbox.rests();
}

fn a_lock_kept_for_a_plan_lets_only_that_plan_in(sandbox: &Sandbox) {
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
    sandbox.rests();
}

fn two_homes_on_one_database_keep_each_other_out(sandbox: &Sandbox) {
    sandbox.define(GATED);
    let elsewhere = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("DEVARCH_HOME", sandbox.home().with_file_name("other-home"));
        sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    std::fs::write(sandbox.project().join("phrase"), "of both homes").unwrap();
    sandbox.ok(&["secret", "key", "export", "key", "--passphrase-file", "phrase"]);
    let taken_in = elsewhere(&["secret", "key", "import", "key", "--passphrase-file", "phrase"]);
    assert_eq!(taken_in.code, 0, "{taken_in}");
    let held = sandbox.hold(&APPLY);
    let refused = elsewhere(&IMPATIENT);
    assert_eq!(refused.code, 5, "{refused}");
    names_the_holder(&refused, held.pid());
    let status = elsewhere(&["status", "STACK"]);
    assert_eq!(status.code, 0, "{status}");
    sandbox.open_gate();
    assert_eq!(held.end().code, 0);
    let after = elsewhere(&IMPATIENT);
    assert_eq!(after.code, 0, "{after}");
    sandbox.rests();
}
