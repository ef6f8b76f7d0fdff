//! One command at a time works on a stack; the others are told who does.

use crate::{
    common::{Ran, World},
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

impl World {
    fn locks(&self) -> Value {
        self.json(&["lock", "list"])
    }

    /// Nothing is held any more, and nothing is to be done.
    fn rests(&self) {
        assert_eq!(self.locks(), json!([]));
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }
}

fn of_two_applies_one_waits_and_both_end_well(world: &World) {
    world.up_gated();
    for command in ["apply", "up"] {
        world.write(&GATED.replace("OPEN: \"no\"", &format!("OPEN: \"no\", BY: {command}")));
        world.ok(&["set", "STACK/web", "environment.OPEN=no", &format!("environment.BY={command}")]);
        let first = world.hold(&[command, "STACK", "--yes"]);
        let told = format!("`devarch {command}` by {} (pid {}) has it", author(), first.pid());
        let patient = [command, "STACK", "--yes", "--lock-timeout", "60"];
        let second = world.start(&patient, "waiting for the lock");
        world.open_gate();
        for ran in [first.end(), second.end()] {
            assert_eq!(ran.code, 0, "{ran}");
            assert!(!ran.stderr.contains("waiting") || ran.stderr.contains(&told), "{told}\n{ran}");
        }
        world.rests();
    }
}

/// What waits is planned when it is its turn.
fn a_down_waits_for_an_apply_and_takes_all_of_it_down(world: &World) {
    world.define(GATED);
    let apply = world.hold(&APPLY);
    let down = world.start(&["down", "STACK", "--yes", "--lock-timeout", "60"], "waiting for the lock");
    world.open_gate();
    for ran in [apply.end(), down.end()] {
        assert_eq!(ran.code, 0, "{ran}");
    }
    let now = Picture::of(world);
    assert!(now.containers.is_empty() && now.networks.is_empty(), "{now:#?}");
    world.rests();
}

/// Says operation, user, host, process and since when.
fn names_the_holder(ran: &Ran, pid: u32) {
    for words in ["stack 'STACK' is locked by `apply` of ", &author(), &pid.to_string(), " since 2", " UTC"] {
        assert!(ran.stderr.contains(words), "{words:?} is not told\n{ran}");
    }
}

fn who_does_not_wait_is_told_who_is_at_work(world: &World) {
    world.define(GATED);
    let held = world.hold(&APPLY);
    names_the_holder(&world.fails(5, &IMPATIENT), held.pid());
    names_the_holder(&world.fails(5, &["stop", "STACK", "--lock-timeout", "0"]), held.pid());
    world.open_gate();
    assert_eq!(held.end().code, 0);
    world.rests();
}

fn who_is_tired_of_waiting_leaves_everything_as_it_is(world: &World) {
    world.define(GATED);
    let held = world.hold(&APPLY);
    let waits = world.start(&["stop", "STACK", "--lock-timeout", "60"], "waiting for the lock");
    let gave_up = waits.interrupt();
    assert_eq!(gave_up.code, 130, "{gave_up}");
    assert!(gave_up.stderr.contains("cancelled while waiting; nothing was changed"), "{gave_up}");
    assert_eq!(world.locks()[0]["pid"], held.pid(), "it is still at work");
    world.open_gate();
    assert_eq!(held.end().code, 0);
    world.rests();
}

fn reading_and_planning_wait_for_nobody(world: &World) {
    world.define(GATED);
    let held = world.hold(&APPLY);
    let pid = held.pid();
    let locks = world.locks();
    assert_eq!((&locks[0]["pid"], &locks[0]["operation"]), (&json!(pid), &json!("apply")), "{locks}");
    assert_eq!((&locks[0]["alive"], &locks[0]["stack"]), (&json!(true), &json!("STACK")), "{locks}");
    let status = world.json(&["status", "STACK"]);
    assert_eq!(status["stacks"][0]["lock"]["pid"], pid, "{status}");
    for reads in [&["plan"][..], &["history"], &["config"], &["lock", "list"], &["stack", "list"]] {
        world.ok(reads);
    }
    assert_eq!(world.locks()[0]["pid"], pid, "it is still at work");
    world.open_gate();
    assert_eq!(held.end().code, 0);
    world.rests();
}

fn a_killed_holder_holds_nothing(world: &World) {
    world.define(GATED);
    world.hold(&APPLY).kill();
    assert_eq!(world.locks(), json!([]));
    world.open_gate();
    world.ok(&IMPATIENT);
    world.rests();
}

fn a_lock_taken_away_stops_its_holder_before_its_next_step(world: &World) {
    world.define(GATED);
    let held = world.hold(&APPLY);
    let refused = world.fails(5, &["lock", "release", "STACK"]);
    names_the_holder(&refused, held.pid());
    let released = world.ok(&["lock", "release", "STACK", "--force", "--yes"]);
    assert!(
        released.stderr.contains("released the lock of stack 'STACK' that `devarch apply`"),
        "{released}"
    );
    assert_eq!(world.locks(), json!([]));
    world.open_gate();
    let stopped = held.end();
    assert_eq!(stopped.code, 5, "{stopped}");
    assert!(stopped.stderr.contains("the lock of stack 'STACK' is lost: "), "{stopped}");
    assert!(stopped.stderr.contains("released it by force"), "{stopped}");
    assert_eq!(world.inspect("web")["State"]["Running"], true, "what was done is not undone");
    assert_ne!(world.inspect("late")["State"]["Running"], true, "no further step was made");
    world.ok(&APPLY);
    assert_eq!(world.inspect("late")["State"]["Running"], true);
    world.rests();
}

fn a_lock_kept_for_a_plan_lets_only_that_plan_in(world: &World) {
    world.up_gated();
    world.ok(&["set", "STACK/web", "environment.A=1"]);
    let plan = world.json(&["plan", "STACK", "--lock"]);
    let plan = plan["id"].as_str().unwrap();
    let locks = world.locks();
    assert_eq!((&locks[0]["plan"], &locks[0]["alive"]), (&json!(plan), &json!(false)), "{locks}");
    let before = world.id("web");
    let refused = world.fails(5, &IMPATIENT);
    assert!(refused.stderr.contains(&format!("reserved for plan {plan} until 2")), "{refused}");
    assert_eq!(world.id("web"), before);
    let status = world.ok(&["status", "STACK"]);
    assert!(status.stdout.contains(&format!("kept for {plan}")), "{status}");
    world.ok(&["apply", plan, "--lock-timeout", "0"]);
    assert_ne!(world.id("web"), before);
    world.rests();
}

fn two_homes_on_one_database_keep_each_other_out(world: &World) {
    world.define(GATED);
    let elsewhere = |args: &[&str]| {
        let mut command = world.command(args);
        command.env("DEVARCH_HOME", world.home().with_file_name("other-home"));
        world.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    std::fs::write(world.project().join("phrase"), "of both homes").unwrap();
    world.ok(&["secret", "key", "export", "key", "--passphrase-file", "phrase"]);
    let taken_in = elsewhere(&["secret", "key", "import", "key", "--passphrase-file", "phrase"]);
    assert_eq!(taken_in.code, 0, "{taken_in}");
    let held = world.hold(&APPLY);
    let refused = elsewhere(&IMPATIENT);
    assert_eq!(refused.code, 5, "{refused}");
    names_the_holder(&refused, held.pid());
    let status = elsewhere(&["status", "STACK"]);
    assert_eq!(status.code, 0, "{status}");
    world.open_gate();
    assert_eq!(held.end().code, 0);
    let after = elsewhere(&IMPATIENT);
    assert_eq!(after.code, 0, "{after}");
    world.rests();
}
