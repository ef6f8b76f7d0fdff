//! The contract with several processes, and with one that is killed: this binary runs itself again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed test panics; processes communicate by their output"
)]

#[macro_use]
mod sandbox;

use devarch_core::{
    id::ApplyId,
    name::{InstanceName, StackName},
    stack::Stack,
};
use devarch_store::{ApplyOutcome, LetGo, LockError, StoreError};
use sandbox::{
    Sandbox,
    samples::{add, apply, engine, get, lock, named, owner, pinned, rename, rich, stack, stack_name},
    statements,
};
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

contract_tests!(
    an_edit_that_is_killed_midway_leaves_no_trace,
    eight_programs_can_open_a_new_database_at_once,
    a_lock_keeps_other_programs_out_and_is_free_when_its_holder_is_killed,
    the_journal_keeps_what_was_written_before_its_writer_was_killed,
    a_rotation_that_is_killed_anywhere_leaves_everything_readable_and_one_key,
);

const PART: &str = "DEVARCH_TEST_PART";
const SANDBOX: &str = "DEVARCH_TEST_WORLD";
const KEY: &str = "DEVARCH_TEST_KEY";

/// Runs this binary again in the given role, in this sandbox.
fn play(part: &str, sandbox: &Sandbox) -> Child {
    #[expect(clippy::disallowed_methods, reason = "tests are several processes")]
    Command::new(std::env::current_exe().unwrap())
        .args(["other_program", "--exact", "--ignored", "--nocapture"])
        .env(PART, part)
        .env(SANDBOX, &sandbox.text)
        .env(KEY, &sandbox.key)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "another process, started by the tests"]
fn other_program() {
    let sandbox = Sandbox::at(std::env::var(SANDBOX).unwrap(), std::env::var(KEY).unwrap());
    let part = std::env::var(PART).unwrap();
    sandbox::runtime().block_on(async {
        match part.split_once(' ') {
            Some(("edit-and-die-after", statements)) => {
                edit_and_die_after(&sandbox, statements.parse().unwrap()).await;
            }
            Some(("journal-and-die-after", statements)) => {
                journal_and_die_after(&sandbox, statements.parse().unwrap()).await;
            }
            Some(("rotate-and-die-after", statements)) => {
                let store = sandbox.open().await;
                store.identity().await.unwrap();
                statements::die_after(statements.parse().unwrap());
                store.rotate_key().await.unwrap();
            }
            _ if part == "lock-and-stay" => lock_and_stay(&sandbox).await,
            _ => print_identity(&sandbox).await,
        }
    });
}

async fn print_identity(sandbox: &Sandbox) {
    let identity = sandbox.open().await.identity().await.unwrap();
    println!("identity {} {:?}", identity.id, identity.hash_key.unwrap());
}

/// An edit that touches every table.
fn edited(before: &Stack) -> Stack {
    let mut after = before.clone();
    after.name = named("renamed");
    after.enabled = false;
    rename(&mut after, "db", "cache");
    add(&mut after, "new", Some(6000));
    get(&mut after, "web").template = pinned("nginx");
    get(&mut after, "web").ports.clear();
    get(&mut after, "cache").slot = 30;
    after.instances.remove(&named::<InstanceName>("gone"));
    after
}

async fn edit_and_die_after(sandbox: &Sandbox, statements: usize) {
    let store = sandbox.open().await;
    let before = store.stack(&stack_name("shop")).await.unwrap().unwrap();
    let after = edited(&before);
    statements::die_after(statements);
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
}

async fn an_edit_that_is_killed_midway_leaves_no_trace(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let mut before = stack("shop", &["db", "web", "gone"]);
    before.engine = Some(engine("e"));
    store.create_stack(&before).await.unwrap();
    for deaths in 1.. {
        let part = format!("edit-and-die-after {deaths}");
        let ended = play(&part, &sandbox).wait_with_output().unwrap();
        let all = store.stacks().await.unwrap();
        if ended.status.success() {
            assert!(deaths > 12, "it died {deaths} times");
            assert_eq!(all[0].name, named::<StackName>("renamed"));
            assert_eq!(all[0].revision, 2);
            return;
        }
        assert!(ended.status.code().is_none(), "{}", output(&ended));
        assert_eq!(all, [before.clone()], "after {deaths} statements");
        assert_eq!(store.kept_volumes().await.unwrap(), []);
    }
}

/// The ids of the keys in the key file.
fn keys(sandbox: &Sandbox) -> Vec<String> {
    let text = std::fs::read_to_string(&sandbox.key).unwrap();
    let lines = text.lines().skip(1).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

async fn a_rotation_that_is_killed_anywhere_leaves_everything_readable_and_one_key(sandbox: Sandbox) {
    let all = rich();
    let first = sandbox.open().await;
    first.create_stack(&all).await.unwrap();
    let identity = first.identity().await.unwrap();
    let mut seen = BTreeSet::new();
    for deaths in 1.. {
        let part = format!("rotate-and-die-after {deaths}");
        let ended = play(&part, &sandbox).wait_with_output().unwrap();
        seen.insert(keys(&sandbox).len());
        // One that has used the old key all the time, and a new one.
        for store in [&first, &sandbox.open().await] {
            assert!(store.stacks().await.unwrap() == [all.clone()], "after {deaths} statements");
            assert!(store.identity().await.unwrap() == identity);
        }
        assert_eq!(keys(&sandbox).len(), 1, "what was left is removed");
        if ended.status.success() {
            assert!(deaths > 10, "it died {deaths} times");
            assert!(seen.contains(&2), "it was killed with both keys in the file");
            return;
        }
        assert!(ended.status.code().is_none(), "{}", output(&ended));
    }
}

async fn lock_and_stay(sandbox: &Sandbox) {
    let store = sandbox.open().await;
    let shop = store.stack(&stack_name("shop")).await.unwrap().unwrap();
    let _lock = lock(&store, &shop.id).await;
    println!("locked");
    std::future::pending::<()>().await;
}

/// A started process; killed when the test ends, however it does.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn a_lock_keeps_other_programs_out_and_is_free_when_its_holder_is_killed(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    let mut other = Started(play("lock-and-stay", &sandbox));
    let output = BufReader::new(other.0.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains("locked")), "the other program takes the lock");

    let refused = store.lock(&shop.id, &owner("bob"), Duration::ZERO, None, &|_| {}).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Lock(LockError::Held { holder, .. }) if holder.alive),
        "{refused}"
    );
    assert_eq!(store.locks().await.unwrap().len(), 1);
    drop(other);
    lock(&store, &shop.id).await.release().await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
}

/// How many steps the other program journals.
const STEPS: u32 = 5;

async fn journal_and_die_after(sandbox: &Sandbox, statements: usize) {
    let store = sandbox.open().await;
    let shop = store.stack(&stack_name("shop")).await.unwrap().unwrap();
    let lock = lock(&store, &shop.id).await;
    statements::die_after(statements);
    let apply = apply(&format!("after-{statements}"), &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    println!("begun");
    for at in 0..STEPS {
        store.step_begun(&lock, &apply.id, at, 1).await.unwrap();
        println!("step");
        store.step_ended(&lock, &apply.id, at, 2, None).await.unwrap();
        println!("ended");
    }
    store.end_apply(&lock, &apply.id, ApplyOutcome::Succeeded, 3, None).await.unwrap();
}

async fn the_journal_keeps_what_was_written_before_its_writer_was_killed(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    for deaths in 1.. {
        let ended = play(&format!("journal-and-die-after {deaths}"), &sandbox).wait_with_output().unwrap();
        let output = output(&ended);
        let count = |word: &str| output.lines().filter(|line| line.ends_with(word)).count();
        let id = ApplyId::new(format!("after-{deaths}"));
        let kept = store.apply(&id).await.unwrap();
        let steps = store.apply_steps(&id).await.unwrap();
        let ends = steps.iter().filter(|step| step.ended_at.is_some()).count();
        if ended.status.success() {
            assert!(deaths > 20, "it died {deaths} times");
            assert_eq!(kept.unwrap().outcome, ApplyOutcome::Succeeded);
            assert_eq!(ends, STEPS as usize);
            return;
        }
        assert!(ended.status.code().is_none(), "{output}");
        // The last write may have become visible without its writer being notified.
        assert!(kept.is_some() || count("begun") == 0, "{output}");
        assert!((0..=1).contains(&(steps.len() - count("step"))), "{output}");
        assert!((0..=1).contains(&(ends - count("ended"))), "{output}");
        let unfinished = store.unfinished_applies(&shop.id).await.unwrap();
        let is_unfinished = unfinished.iter().any(|apply| apply.id == id);
        assert!(is_unfinished == kept.is_some_and(|kept| kept.ended_at.is_none()), "{output}");
    }
}

async fn eight_programs_can_open_a_new_database_at_once(sandbox: Sandbox) {
    let programs: Vec<Child> = (0..8).map(|_| play("say-identity", &sandbox)).collect();
    let mut identities = BTreeSet::new();
    for program in programs {
        let ended = program.wait_with_output().unwrap();
        let output = output(&ended);
        assert!(ended.status.success(), "{output}");
        let identity = output.lines().find(|line| line.contains("identity "));
        identities.insert(identity.unwrap().to_owned());
    }
    assert_eq!(identities.len(), 1, "{identities:?}");
}

fn output(program: &Output) -> String {
    let (out, err) = (&program.stdout, &program.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}
