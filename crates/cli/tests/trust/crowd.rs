//! Many at one store and one engine: edits, plans, applies, looks and removals of the same stacks at the same time.

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
    a_crowd_loses_no_edit_and_leaves_what_was_applied
}

on_postgres! {
    a_crowd_loses_no_edit_and_leaves_what_was_applied
}

/// How many are at it at once, with a process for each command.
const PEOPLE: usize = 8;
/// Commands each of them gives, unless time is up first.
const COMMANDS: usize = 16;
const TIME: Duration = Duration::from_mins(2);
/// Longer than all others together hold one lock; a command that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(4);
/// The stacks everybody works on.
const SHARED: [&str; 2] = ["STACK-a", "STACK-b"];

/// One of the crowd.
struct Person<'a> {
    sandbox: &'a Sandbox,
    number: usize,
    /// What it wrote last into each shared stack, and was told that it is saved.
    saved: BTreeMap<&'static str, usize>,
}

impl Person<'_> {
    /// The variable nobody else writes.
    fn variable(&self) -> String {
        format!("BY_{}", self.number)
    }

    /// Everyone begins elsewhere in the same round of commands.
    fn live(mut self, until: Instant) -> Self {
        for turn in 0..COMMANDS {
            if Instant::now() > until {
                break;
            }
            let stack = SHARED[(turn + self.number) % SHARED.len()];
            match (turn + self.number) % 8 {
                0 | 3 | 6 => self.edit(stack, turn),
                1 | 5 => self.told(&[0, 5], &["apply", stack, "--yes", "--lock-timeout", "200"]),
                2 => self.told(&[0, 2], &["plan", stack, "--detailed-exitcode"]),
                4 => self.told(&[0], &["status", stack]),
                _ if self.number.is_multiple_of(3) => {
                    self.told(&[0, 5], &["down", stack, "--yes", "--lock-timeout", "200"]);
                }
                _ => self.come_and_go(),
            }
        }
        self
    }

    fn edit(&mut self, stack: &'static str, turn: usize) {
        let assignment = format!("environment.{}={turn}", self.variable());
        self.told(&[0], &["set", &format!("{stack}/web"), &assignment]);
        self.saved.insert(stack, turn);
    }

    /// A stack of its own, from its first day to its last.
    fn come_and_go(&self) {
        let own = format!("STACK-own{}", self.number);
        self.told(&[0], &["stack", "create", &own]);
        self.told(&[0], &["instance", "add", &format!("{own}/web"), "busybox"]);
        self.told(&[0], &["apply", &own, "--yes"]);
        self.told(&[0], &["down", &own, "--yes"]);
        self.told(&[0], &["stack", "delete", &own, "--yes"]);
    }

    /// Runs a command that may end with one of these codes; 5 only because the stack was changed by somebody else
    /// between its plan and its apply.
    fn told(&self, codes: &[i32], args: &[&str]) {
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

fn a_crowd_loses_no_edit_and_leaves_what_was_applied(sandbox: &Sandbox) {
    for stack in SHARED.into_iter().chain(["STACK-still"]) {
        sandbox.ok(&["stack", "create", stack]);
        sandbox.ok(&["instance", "add", &format!("{stack}/web"), "busybox"]);
        sandbox.ok(&["instance", "add", &format!("{stack}/db"), "busybox"]);
    }
    sandbox.ok(&["apply", "STACK-still", "--yes"]);
    let still = of_stack(sandbox, "still");

    let until = Instant::now() + TIME;
    let crowd: Vec<Person<'_>> = thread::scope(|scope| {
        let person = |number| Person { sandbox, number, saved: BTreeMap::new() };
        let people: Vec<_> =
            (0..PEOPLE).map(|number| scope.spawn(move || person(number).live(until))).collect();
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });

    assert_eq!(still, of_stack(sandbox, "still"), "nobody touched it");
    assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]));
    for stack in SHARED {
        sandbox.ok(&["up", stack, "--yes"]);
        sandbox.ok(&["plan", stack, "--detailed-exitcode"]);
        assert_eq!(of_stack(sandbox, &stack["STACK-".len()..]).running().len(), 2);
        let variables = environment(sandbox, stack);
        for person in &crowd {
            let Some(saved) = person.saved.get(stack) else { continue };
            let found = variables.get(&person.variable());
            assert_eq!(found, Some(&saved.to_string()), "the last edit of {} in {stack}", person.number);
        }
    }
    let all = Picture::of(sandbox);
    assert_eq!(
        (all.containers.len(), all.networks.len()),
        (6, 3),
        "nothing is left of those that went: {all:#?}"
    );
}

/// What there is of one of the stacks.
fn of_stack(sandbox: &Sandbox, last: &str) -> Picture {
    let prefix = format!("devarch-{}-{last}-", sandbox.stack);
    let mut picture = Picture::of(sandbox);
    picture.containers.retain(|name, _| name.starts_with(&prefix));
    picture.networks.retain(|name, _| name.starts_with(&prefix));
    picture.volumes.retain(|name| name.starts_with(&prefix));
    picture
}

/// The variables the web container of a stack runs with, by the engine's own word.
fn environment(sandbox: &Sandbox, stack: &str) -> BTreeMap<String, String> {
    let name = format!("devarch-{}-web", stack.replace("STACK", &sandbox.stack));
    let path = format!("/containers/{name}/json");
    let seen = sandbox.wait(devarch_testkit::outside::get(&sandbox.endpoint(), &path));
    let variables = seen["Config"]["Env"].as_array().into_iter().flatten().filter_map(|entry| entry.as_str());
    let pair = |entry: &str| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    variables.filter_map(pair).collect()
}
