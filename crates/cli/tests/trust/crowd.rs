//! Concurrent edits, plans, applies, queries and removals of the same stacks, with one store and one engine.

use crate::{
    common::{Ran, Sandbox},
    on_both_engines, on_postgres,
    picture::Picture,
};
use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

on_both_engines! {
    concurrent_users_lose_no_edit_and_leave_applied_stacks
}

on_postgres! {
    concurrent_users_lose_no_edit_and_leave_applied_stacks
}

/// Number of concurrent users, with one process per command.
const USERS: usize = 8;
/// Commands per user, within the time limit.
const COMMANDS: usize = 16;
const TIME: Duration = Duration::from_mins(2);
/// Longer than all other commands together hold a lock; a slower command counts as hanging.
const PATIENCE: Duration = Duration::from_mins(4);
/// The stacks that all users work on.
const SHARED: [&str; 2] = ["STACK-a", "STACK-b"];

struct User<'a> {
    sandbox: &'a Sandbox,
    number: usize,
    /// The last value written into each shared stack, if the command reported success.
    saved: BTreeMap<&'static str, usize>,
}

impl User<'_> {
    /// A variable that only this user sets.
    fn variable(&self) -> String {
        format!("BY_{}", self.number)
    }

    /// Runs a rotation of commands that starts at another position for each user.
    fn work(mut self, until: Instant) -> Self {
        for turn in 0..COMMANDS {
            if Instant::now() > until {
                break;
            }
            let stack = SHARED[(turn + self.number) % SHARED.len()];
            match (turn + self.number) % 8 {
                0 | 3 | 6 => self.edit(stack, turn),
                1 | 5 => self.run(&[0, 5], &["apply", stack, "--yes", "--lock-timeout", "200"]),
                2 => self.run(&[0, 2], &["plan", stack, "--detailed-exitcode"]),
                4 => self.run(&[0], &["status", stack]),
                _ if self.number.is_multiple_of(3) => {
                    self.run(&[0, 5], &["down", stack, "--yes", "--lock-timeout", "200"]);
                }
                _ => self.create_and_delete(),
            }
        }
        self
    }

    fn edit(&mut self, stack: &'static str, turn: usize) {
        let assignment = format!("environment.{}={turn}", self.variable());
        self.run(&[0], &["set", &format!("{stack}/web"), &assignment]);
        self.saved.insert(stack, turn);
    }

    /// Creates, applies and deletes a stack of its own.
    fn create_and_delete(&self) {
        let own = format!("STACK-own{}", self.number);
        self.run(&[0], &["stack", "create", &own]);
        self.run(&[0], &["instance", "add", &format!("{own}/web"), "busybox"]);
        self.run(&[0], &["apply", &own, "--yes"]);
        self.run(&[0], &["down", &own, "--yes"]);
        self.run(&[0], &["stack", "delete", &own, "--yes"]);
    }

    /// Runs a command that may exit with one of these codes; 5 is accepted only if another user changed the stack
    /// between plan and apply.
    fn run(&self, codes: &[i32], args: &[&str]) {
        let mut command = self.sandbox.command(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ran = self.in_time(child, args);
        assert!(codes.contains(&ran.code), "{args:?} of {}\n{ran}", self.number);
        assert!(!ran.stderr.contains("database is locked") && !ran.stderr.contains("panicked"), "{ran}");
        assert!(ran.code != 5 || ran.stderr.contains("stale, and nothing was done"), "{args:?}\n{ran}");
    }

    fn in_time(&self, mut child: Child, args: &[&str]) -> Ran {
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().unwrap();
                let ran = self.sandbox.end(child);
                panic!("{args:?} of {} hangs\n{ran}", self.number);
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.sandbox.end(child)
    }
}

fn concurrent_users_lose_no_edit_and_leave_applied_stacks(sandbox: &Sandbox) {
    for stack in SHARED.into_iter().chain(["STACK-still"]) {
        sandbox.ok(&["stack", "create", stack]);
        sandbox.ok(&["instance", "add", &format!("{stack}/web"), "busybox"]);
        sandbox.ok(&["instance", "add", &format!("{stack}/db"), "busybox"]);
    }
    sandbox.ok(&["apply", "STACK-still", "--yes"]);
    let still = of_stack(sandbox, "still");

    let until = Instant::now() + TIME;
    let crowd: Vec<User<'_>> = thread::scope(|scope| {
        let user = |number| User { sandbox, number, saved: BTreeMap::new() };
        let users: Vec<_> = (0..USERS).map(|number| scope.spawn(move || user(number).work(until))).collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    });

    assert_eq!(still, of_stack(sandbox, "still"), "it was not touched");
    assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]));
    for stack in SHARED {
        sandbox.ok(&["up", stack, "--yes"]);
        sandbox.ok(&["plan", stack, "--detailed-exitcode"]);
        assert_eq!(of_stack(sandbox, &stack["STACK-".len()..]).running().len(), 2);
        let variables = environment(sandbox, stack);
        for user in &crowd {
            let Some(saved) = user.saved.get(stack) else { continue };
            let found = variables.get(&user.variable());
            assert_eq!(found, Some(&saved.to_string()), "the last edit of {} in {stack}", user.number);
        }
    }
    let all = Picture::take(sandbox);
    assert_eq!(
        (all.containers.len(), all.networks.len()),
        (6, 3),
        "nothing is left of those that went: {all:#?}"
    );
}

/// The objects of one stack.
fn of_stack(sandbox: &Sandbox, last: &str) -> Picture {
    let prefix = format!("devarch-{}-{last}-", sandbox.stack);
    let mut picture = Picture::take(sandbox);
    picture.containers.retain(|name, _| name.starts_with(&prefix));
    picture.networks.retain(|name, _| name.starts_with(&prefix));
    picture.volumes.retain(|name| name.starts_with(&prefix));
    picture
}

/// The environment of a stack's `web` container, as reported by the engine.
fn environment(sandbox: &Sandbox, stack: &str) -> BTreeMap<String, String> {
    let name = format!("devarch-{}-web", stack.replace("STACK", &sandbox.stack));
    let path = format!("/containers/{name}/json");
    let seen = sandbox.wait(devarch_testkit::outside::get(&sandbox.endpoint(), &path));
    let variables = seen["Config"]["Env"].as_array().into_iter().flatten().filter_map(|entry| entry.as_str());
    let pair = |entry: &str| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    variables.filter_map(pair).collect()
}
