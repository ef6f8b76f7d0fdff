//! Random sequences of operations, with faults and kills in between, on the real planner and executor: success leaves
//! nothing to do, failure or undo leaves the previous state, data is kept, and unmanaged objects are not touched.

use crate::{
    harness::{Command, End, Objects, Sandbox},
    stacks::{CHANGED, NEWER, SHOP, UPGRADED, WITH_MAIL, WITHOUT_WEB},
    strangers::Strangers,
};
use devarch_app::{ApplyError, Ending, OperationError, PrepareOptions};
use devarch_core::name::PhysicalVolume;
use devarch_engine::EngineErrorKind;
use devarch_testkit::{
    memory::{Effect, plain_image},
    proxy::Moment,
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use std::{collections::BTreeMap, time::Duration};

/// A user's operation.
#[derive(Debug, Clone, Copy)]
enum Act {
    Up(Version),
    Set(u8),
    Apply,
    Stop,
    Start,
    Restart,
    Down,
    Rollback,
    Rename,
    Delete,
    /// Restores an older copy of the store, and adopts what it has not recorded.
    Forget,
}

#[derive(Debug, Clone, Copy)]
enum Version {
    Shop,
    Changed,
    WithoutWeb,
    WithMail,
    Upgraded,
}

/// A disturbance of an operation.
#[derive(Debug, Clone)]
enum Trouble {
    None,
    Fails(usize, Effect),
    Killed(usize, Moment, Next),
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Resume,
    Undo,
    Down,
}

impl Version {
    fn text(self) -> &'static str {
        match self {
            Self::Shop => SHOP,
            Self::Changed => CHANGED,
            Self::WithoutWeb => WITHOUT_WEB,
            Self::WithMail => WITH_MAIL,
            Self::Upgraded => UPGRADED,
        }
    }
}

fn acts() -> impl Strategy<Value = Act> {
    let versions = prop_oneof![
        Just(Version::Shop),
        Just(Version::Changed),
        Just(Version::WithoutWeb),
        Just(Version::WithMail),
        Just(Version::Upgraded),
    ];
    prop_oneof![
        6 => versions.prop_map(Act::Up),
        2 => (0..3_u8).prop_map(Act::Set),
        2 => Just(Act::Apply),
        1 => Just(Act::Stop),
        1 => Just(Act::Start),
        1 => Just(Act::Restart),
        2 => Just(Act::Down),
        2 => Just(Act::Rollback),
        1 => Just(Act::Rename),
        1 => Just(Act::Delete),
        1 => Just(Act::Forget),
    ]
}

fn troubles() -> impl Strategy<Value = Trouble> {
    let effects = prop_oneof![
        Just(Effect::Refused(EngineErrorKind::Other)),
        Just(Effect::CutBefore),
        Just(Effect::CutAfter),
    ];
    let moments = prop_oneof![Just(Moment::Before), Just(Moment::After)];
    let nexts = prop_oneof![Just(Next::Resume), Just(Next::Undo), Just(Next::Down)];
    prop_oneof![
        3 => Just(Trouble::None),
        2 => (1..14_usize, effects).prop_map(|(nth, effect)| Trouble::Fails(nth, effect)),
        2 => (1..14_usize, moments, nexts).prop_map(|(nth, moment, next)| Trouble::Killed(nth, moment, next)),
    ]
}

/// The seed of sequences, unless `DEVARCH_TEST_SEED` sets another.
const SEED: u64 = 1;

#[expect(clippy::disallowed_methods, reason = "how much is tried is not a matter of DevArch")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn holds_for_any_sequence(lane: u64) {
    let seed = variable("DEVARCH_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let long = variable("DEVARCH_TEST_LONG").is_some_and(|long| long == "1");
    let config = Config {
        cases: if long { 400 } else { 3 },
        rng_seed: RngSeed::Fixed(seed.wrapping_mul(1_000).wrapping_add(lane)),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let sequences = prop::collection::vec((acts(), troubles()), 1..9);
    let checked = TestRunner::new(config).run(&sequences, |sequence| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(holds(&sequence));
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("DEVARCH_TEST_SEED={seed}: {failure}");
    }
}

macro_rules! lanes {
    ($($name:ident: $lane:literal)*) => {
        $(#[test]
        fn $name() {
            holds_for_any_sequence($lane);
        })*
    };
}

lanes! {
    any_sequence_of_operations_keeps_the_promises: 0
    any_sequence_of_operations_keeps_the_promises_from_another_seed: 1
}

/// A stack under its current name, and what is known of its data.
struct Story {
    sandbox: Sandbox,
    strangers: Strangers,
    stack: &'static str,
    data: BTreeMap<String, String>,
}

async fn holds(sequence: &[(Act, Trouble)]) {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let strangers = Strangers::beside(&sandbox).await;
    let mut story = Story { sandbox, strangers, stack: "shop", data: BTreeMap::new() };
    story.write_new_volumes();
    for (at, (act, trouble)) in sequence.iter().enumerate() {
        let at = format!("{at}: {act:?}, {trouble:?}");
        story.execute(*act, trouble, &at).await;
        story.assert_promises(&at).await;
        story.write_new_volumes();
    }
    story.finish().await;
}

fn up(text: &'static str) -> Command {
    Command::Up(text, reusing())
}

fn reusing() -> PrepareOptions {
    PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() }
}

impl Story {
    fn command(&self, act: Act) -> Command {
        match act {
            Act::Up(version) => up(version.text()),
            Act::Set(mark) => Command::Set("db", "environment.MARK", ["7", "8", "9"][usize::from(mark)]),
            Act::Apply | Act::Forget => Command::Apply(reusing()),
            Act::Stop => Command::Stop,
            Act::Start => Command::Start,
            Act::Restart => Command::Restart,
            Act::Down => Command::Down,
            Act::Rollback => Command::Rollback,
            Act::Rename => Command::Rename(if self.stack == "shop" { "store" } else { "shop" }),
            Act::Delete => Command::Delete,
        }
    }

    async fn execute(&mut self, act: Act, trouble: &Trouble, at: &str) {
        let before = self.sandbox.objects().await;
        let command = self.command(act);
        match trouble {
            Trouble::None if matches!(act, Act::Forget) => self.restore_old_store(at).await,
            Trouble::None => {
                let ran = self.sandbox.run(self.stack, command.clone()).await;
                self.check_result(act, ran, &before, at).await;
            }
            Trouble::Fails(nth, effect) => {
                self.sandbox.engine.break_at(*nth, effect.clone());
                let ran = self.sandbox.run(self.stack, command.clone()).await;
                self.sandbox.engine.mend();
                self.check_result(act, ran, &before, at).await;
            }
            Trouble::Killed(nth, moment, next) => {
                let end = self.sandbox.killed_at((*nth, *moment), self.stack, command.clone()).await;
                self.sandbox.clock.advance(Duration::from_secs(31));
                match end {
                    End::Itself(ran) => self.check_result(act, ran, &before, at).await,
                    End::Killed(_) => self.recovers(*next, &before, at).await,
                }
            }
        }
        // A deleted stack is created again under the name it is declared with.
        self.stack = if self.sandbox.knows("store").await { "store" } else { "shop" };
    }

    /// Checks an operation that ended by itself, successfully or not.
    async fn check_result(&self, act: Act, ran: Result<(), OperationError>, before: &Objects, at: &str) {
        match ran {
            Ok(()) => {
                let applies = !matches!(act, Act::Set(_) | Act::Rename | Act::Delete);
                if applies && self.sandbox.knows(self.stack).await {
                    assert_eq!(self.sandbox.plan(self.stack).await, None, "{at}");
                }
                if matches!(act, Act::Down | Act::Delete) {
                    self.assert_nothing_runs(at).await;
                }
            }
            Err(OperationError::Apply(ApplyError::Failed(failure))) => match &failure.ending {
                Ending::Untouched | Ending::PutBack { .. } => self.assert_as_before(before, at).await,
                Ending::Committed { .. } => {}
                other => panic!("{at}: {other:?}"),
            },
            Err(_) => self.assert_as_before(before, at).await,
        }
    }

    async fn recovers(&self, next: Next, before: &Objects, at: &str) {
        if !self.sandbox.knows(self.stack).await {
            return;
        }
        match next {
            Next::Resume => {
                let resumed = self.sandbox.run(self.stack, Command::Apply(reusing())).await;
                resumed.unwrap_or_else(|error| panic!("{at}: {error}"));
                assert_eq!(self.sandbox.plan(self.stack).await, None, "{at}");
            }
            Next::Undo => match self.sandbox.run(self.stack, Command::Undo).await {
                Ok(()) => self.assert_as_before(before, at).await,
                Err(refused) => {
                    assert!(refused.to_string().contains("it cannot be undone"), "{at}: {refused}");
                }
            },
            Next::Down => {
                self.sandbox
                    .run(self.stack, Command::Down)
                    .await
                    .unwrap_or_else(|error| panic!("{at}: {error}"));
                self.assert_nothing_runs(at).await;
            }
        }
    }

    /// Restores an older copy of the store without the containers created since: those that match its records are
    /// adopted.
    async fn restore_old_store(&mut self, at: &str) {
        let running = Command::Apply(reusing());
        if self.sandbox.run(self.stack, running.clone()).await.is_err() || self.containers().await.is_empty()
        {
            return;
        }
        self.sandbox.run(self.stack, Command::Down).await.unwrap();
        let old = self.sandbox.home_files();
        self.sandbox.run(self.stack, Command::Start).await.unwrap();
        let before = self.sandbox.objects().await;
        self.sandbox.restore_home(&old).await;
        self.sandbox.run(self.stack, Command::Adopt).await.unwrap_or_else(|error| panic!("{at}: {error}"));
        self.sandbox.run(self.stack, Command::Start).await.unwrap_or_else(|error| panic!("{at}: {error}"));
        self.assert_as_before(&before, at).await;
        assert_eq!(self.sandbox.plan(self.stack).await, None, "{at}");
    }

    async fn containers(&self) -> Vec<String> {
        let names = self.sandbox.objects().await.containers.into_keys();
        names.filter(|name| !Strangers::own(name)).collect()
    }

    async fn assert_nothing_runs(&self, at: &str) {
        let objects = self.sandbox.objects().await;
        let all = objects.containers.keys().chain(objects.networks.keys());
        let left: Vec<_> = all.filter(|name| !Strangers::own(name)).collect();
        assert!(left.is_empty(), "{at}: {left:?}");
    }

    async fn assert_as_before(&self, before: &Objects, at: &str) {
        let now = self.sandbox.objects().await;
        assert_eq!(now.containers, before.containers, "{at}");
        assert_eq!(now.networks, before.networks, "{at}");
        for (name, (_, content)) in &before.volumes {
            assert_eq!(now.volumes.get(name).map(|(_, content)| content), Some(content), "{at}: {name}");
        }
    }

    async fn assert_promises(&self, at: &str) {
        self.strangers.are_untouched(&self.sandbox, at).await;
        assert!(self.sandbox.locks().await.is_empty(), "{at}");
        let now = self.sandbox.objects().await.volumes;
        for (name, content) in &self.data {
            assert_eq!(now.get(name).map(|(_, content)| content), Some(content), "{at}: {name}");
        }
    }

    /// Writes something into the new volumes, as programs would.
    fn write_new_volumes(&mut self) {
        for call in self.sandbox.engine.changes() {
            let Some(name) = call.strip_prefix("CreateVolume ") else { continue };
            let own = PhysicalVolume::from_stored(name);
            let known = Strangers::own(name) || name == "devarch-engine" || own.is_copy();
            if known || self.data.contains_key(name) || !self.sandbox.engine.has_volume(name) {
                continue;
            }
            let content = format!("rows of {name}");
            self.sandbox.engine.write_volume(name, &content);
            self.data.insert(name.to_owned(), content);
        }
    }

    /// Checks that, after any sequence, one more `up` succeeds, and that only data remains after `down` and `delete`.
    async fn finish(self) {
        let at = "in the end";
        self.sandbox.run(self.stack, up(SHOP)).await.unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(self.sandbox.plan(self.stack).await, None, "{at}");
        self.sandbox.run(self.stack, Command::Down).await.unwrap();
        self.sandbox.run(self.stack, Command::Delete).await.unwrap();
        self.assert_nothing_runs(at).await;
        self.assert_promises(at).await;
    }
}
