//! Promises about several programs, and about one that is killed: this binary runs itself again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a promise that fails panics; programs tell each other by what they print"
)]

#[macro_use]
mod world;

use devarch_core::{
    name::{InstanceName, StackName},
    stack::{Pinned, Stack},
};
use std::{
    collections::BTreeSet,
    process::{Child, Command, Output, Stdio},
};
use world::{
    World,
    samples::{add, engine, get, named, rename, stack, stack_name, template},
    statements,
};

promises!(
    killed_in_the_middle_of_an_edit_nothing_of_it_is_seen,
    eight_programs_can_open_a_new_database_at_once,
);

const PART: &str = "DEVARCH_TEST_PART";
const WORLD: &str = "DEVARCH_TEST_WORLD";

/// Runs another program that plays a part in this world.
fn play(part: &str, world: &World) -> Child {
    #[expect(clippy::disallowed_methods, reason = "tests are several processes")]
    Command::new(std::env::current_exe().unwrap())
        .args(["other_program", "--exact", "--ignored", "--nocapture"])
        .env(PART, part)
        .env(WORLD, &world.text)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the other program; run by the promises"]
fn other_program() {
    let world = World::at(std::env::var(WORLD).unwrap());
    let part = std::env::var(PART).unwrap();
    world::runtime().block_on(async {
        match part.strip_prefix("edit-and-die-after-") {
            Some(statements) => edit_and_die_after(&world, statements.parse().unwrap()).await,
            None => say_identity(&world).await,
        }
    });
}

async fn say_identity(world: &World) {
    let identity = world.open().await.identity().await.unwrap();
    println!("identity {} {:?}", identity.id, identity.hash_key);
}

/// An edit that touches every table.
fn edited(before: &Stack) -> Stack {
    let mut after = before.clone();
    after.name = named("renamed");
    after.enabled = false;
    rename(&mut after, "db", "cache");
    add(&mut after, "new", Some(6000));
    get(&mut after, "web").template = Pinned::new(template("nginx"));
    get(&mut after, "web").ports.clear();
    get(&mut after, "cache").slot = 30;
    after.instances.remove(&named::<InstanceName>("gone"));
    after
}

async fn edit_and_die_after(world: &World, statements: usize) {
    let store = world.open().await;
    let before = store.stack(&stack_name("shop")).await.unwrap().unwrap();
    let after = edited(&before);
    statements::die_after(statements);
    store.save_stack(&before, &after).await.unwrap();
}

async fn killed_in_the_middle_of_an_edit_nothing_of_it_is_seen(world: World) {
    let store = world.open().await;
    let mut before = stack("shop", &["db", "web", "gone"]);
    before.engine = Some(engine("e"));
    store.create_stack(&before).await.unwrap();
    for deaths in 1.. {
        let part = format!("edit-and-die-after-{deaths}");
        let ended = play(&part, &world).wait_with_output().unwrap();
        let all = store.stacks().await.unwrap();
        if ended.status.success() {
            assert!(deaths > 12, "it died {deaths} times");
            assert_eq!(all[0].name, named::<StackName>("renamed"));
            assert_eq!(all[0].revision, 2);
            return;
        }
        assert!(ended.status.code().is_none(), "{}", said(&ended));
        assert_eq!(all, [before.clone()], "after {deaths} statements");
        assert_eq!(store.kept_volumes().await.unwrap(), []);
    }
}

async fn eight_programs_can_open_a_new_database_at_once(world: World) {
    let programs: Vec<Child> = (0..8).map(|_| play("say-identity", &world)).collect();
    let mut identities = BTreeSet::new();
    for program in programs {
        let ended = program.wait_with_output().unwrap();
        let said = said(&ended);
        assert!(ended.status.success(), "{said}");
        let identity = said.lines().find(|line| line.contains("identity "));
        identities.insert(identity.unwrap().to_owned());
    }
    assert_eq!(identities.len(), 1, "{identities:?}");
}

fn said(program: &Output) -> String {
    let (out, err) = (&program.stdout, &program.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}
