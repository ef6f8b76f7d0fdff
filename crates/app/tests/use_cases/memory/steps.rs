//! Each call of each kind of plan fails, is interrupted, or is the moment of a kill or a cancel. The result is the old
//! state, the new one, or a journal from which the next command succeeds; and only the stack's own objects are
//! touched.
//!
//! A new kind of plan is one entry of [`kinds`]. By default each call meets one trouble, a different one from call to
//! call; with `DEVARCH_TEST_LONG=1` each meets all.

use crate::{
    harness::{Command, End, Objects, Sandbox, Saved},
    stacks::{BUILT, CHANGED, LINKED, NEWER, SHOP, UPGRADED, WITHOUT_WEB},
    strangers::Strangers,
};
use devarch_app::{ApplyError, Ending, OperationError, PrepareOptions};
use devarch_core::name::ContainerName;
use devarch_engine::{Engine as _, EngineErrorKind};
use devarch_testkit::{
    memory::{Effect, plain_image},
    proxy::Moment,
};
use futures_util::future::LocalBoxFuture;
use std::{collections::BTreeSet, time::Duration};

/// A kind of plan.
struct Kind {
    /// Creates the initial state.
    prepare: for<'a> fn(&'a mut Sandbox) -> LocalBoxFuture<'a, ()>,
    /// The stack and the command whose calls are disturbed.
    does: (&'static str, Command),
    /// Reaches the same state, whatever the command's result.
    again: Command,
    /// Whether it is an apply with a journal, which can be undone.
    journal: bool,
    /// The minimum number of calls it makes.
    least: usize,
}

/// A disturbance of a call.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Fails(&'static Effect),
    /// Cancelled by the user during the call.
    Cancelled,
    Killed(Moment, Next),
}

/// What follows a kill.
#[derive(Debug, Clone, Copy)]
enum Next {
    Resume,
    Undo,
    Down,
}

const TROUBLES: [Trouble; 10] = [
    Trouble::Fails(&Effect::Refused(EngineErrorKind::Other)),
    Trouble::Killed(Moment::After, Next::Undo),
    Trouble::Fails(&Effect::CutAfter),
    Trouble::Killed(Moment::Before, Next::Resume),
    Trouble::Killed(Moment::After, Next::Down),
    Trouble::Cancelled,
    Trouble::Fails(&Effect::CutBefore),
    Trouble::Killed(Moment::Before, Next::Undo),
    Trouble::Killed(Moment::After, Next::Resume),
    Trouble::Killed(Moment::Before, Next::Down),
];

const DB: &str = "devarch-shop-db";
const DATA: &str = "devarch-shop-db-data";

/// Longer than any call of a killed process continues.
const CALLS_HAVE_ENDED: Duration = Duration::from_secs(31);

async fn ran(sandbox: &Sandbox, commands: Vec<Command>) {
    for command in commands {
        sandbox.run("shop", command).await.unwrap();
    }
}

async fn running(sandbox: &Sandbox) {
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
}

async fn running_and(sandbox: &Sandbox, commands: Vec<Command>) {
    running(sandbox).await;
    ran(sandbox, commands).await;
}

/// Restores an older copy of the store, with two objects it has not recorded: a matching network, and a container that
/// does not match.
async fn restore_old_store(sandbox: &mut Sandbox) {
    running(sandbox).await;
    let old = sandbox.home_files();
    ran(sandbox, vec![Command::up(CHANGED), Command::Stop]).await;
    sandbox.restore_home(&old).await;
}

async fn stuck(sandbox: &Sandbox) {
    running(sandbox).await;
    sandbox.engine.stick(DB);
}

async fn renamed_by_hand(sandbox: &Sandbox) {
    running(sandbox).await;
    let id = sandbox.objects().await.containers[DB].id.clone();
    sandbox.engine.rename(&id, &ContainerName::from_stored("elsewhere")).await.unwrap();
}

async fn newer_image(sandbox: &Sandbox) {
    running(sandbox).await;
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
}

async fn newer_in_registry(sandbox: &Sandbox) {
    running(sandbox).await;
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
}

async fn provider(sandbox: &Sandbox) {
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
}

async fn linked(sandbox: &Sandbox) {
    provider(sandbox).await;
    sandbox.run("shop", Command::up(LINKED)).await.unwrap();
}

async fn taken_down(sandbox: &Sandbox) {
    running_and(sandbox, vec![Command::Down]).await;
}

impl Kind {
    fn new(prepare: for<'a> fn(&'a mut Sandbox) -> LocalBoxFuture<'a, ()>, does: Command) -> Self {
        Self { prepare, does: ("shop", does), again: Command::apply(), journal: true, least: 1 }
    }

    fn least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// Sets a command that is simply repeated.
    fn repeated(self) -> Self {
        Self { again: self.does.1.clone(), ..self }
    }

    /// Marks a command that is not an apply: nothing is recorded, and nothing can be undone.
    fn without_journal(self) -> Self {
        Self { journal: false, ..self.repeated() }
    }

    fn on(self, stack: &'static str) -> Self {
        Self { does: (stack, self.does.1), ..self }
    }
}

fn create() -> Kind {
    Kind::new(|_| Box::pin(async {}), Command::up(SHOP)).repeated().least(8)
}

fn replace() -> Kind {
    Kind::new(|sandbox| Box::pin(running(sandbox)), Command::up(CHANGED)).least(6)
}

/// A replacement of a container that can neither run nor be started: Docker leaves one when it was killed itself.
fn replace_what_cannot_start() -> Kind {
    Kind::new(|sandbox| Box::pin(stuck(sandbox)), Command::up(SHOP)).least(5)
}

/// A change that keeps the container.
fn change_in_place() -> Kind {
    Kind::new(|sandbox| Box::pin(renamed_by_hand(sandbox)), Command::apply())
}

fn remove_an_instance() -> Kind {
    Kind::new(|sandbox| Box::pin(running(sandbox)), Command::up(WITHOUT_WEB)).least(2)
}

fn down() -> Kind {
    Kind::new(|sandbox| Box::pin(running(sandbox)), Command::Down).least(5)
}

fn stop() -> Kind {
    Kind::new(|sandbox| Box::pin(running(sandbox)), Command::Stop).least(2)
}

fn start() -> Kind {
    Kind::new(|sandbox| Box::pin(running_and(sandbox, vec![Command::Stop])), Command::Start).least(2)
}

fn restart() -> Kind {
    Kind::new(|sandbox| Box::pin(running(sandbox)), Command::Restart).least(4)
}

fn rename() -> Kind {
    Kind::new(|sandbox| Box::pin(running_and(sandbox, vec![Command::Rename("store")])), Command::apply())
        .on("store")
        .least(9)
}

fn roll_back() -> Kind {
    Kind::new(|sandbox| Box::pin(running_and(sandbox, vec![Command::up(CHANGED)])), Command::Rollback)
        .least(6)
}

/// A change of the image that uses the data, which is copied first.
fn snapshot() -> Kind {
    let options = PrepareOptions { snapshot: true, ..PrepareOptions::default() };
    Kind::new(|sandbox| Box::pin(newer_image(sandbox)), Command::Up(UPGRADED, options)).least(9)
}

fn pull() -> Kind {
    Kind::new(|sandbox| Box::pin(newer_in_registry(sandbox)), Command::up(UPGRADED)).repeated().least(7)
}

fn build() -> Kind {
    Kind::new(|_| Box::pin(async {}), Command::up(BUILT)).repeated().least(6)
}

fn link() -> Kind {
    Kind::new(|sandbox| Box::pin(provider(sandbox)), Command::up(LINKED)).repeated().least(6)
}

fn unlink() -> Kind {
    Kind::new(|sandbox| Box::pin(linked(sandbox)), Command::Down).least(5)
}

fn adopt() -> Kind {
    Kind::new(|sandbox| Box::pin(restore_old_store(sandbox)), Command::Adopt).without_journal()
}

fn delete() -> Kind {
    let deletes = Kind::new(|sandbox| Box::pin(taken_down(sandbox)), Command::Delete);
    Kind { least: 0, ..deletes.without_journal() }
}

fn delete_with_volumes() -> Kind {
    Kind::new(|sandbox| Box::pin(taken_down(sandbox)), Command::DeleteWithVolumes).without_journal()
}

macro_rules! survives {
    ($($name:ident: $kind:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            survives(&$kind(), stringify!($kind)).await;
        })*
    };
}

survives! {
    a_creation_survives_trouble_at_any_call: create
    a_replacement_survives_trouble_at_any_call: replace
    a_replacement_of_an_unstartable_container_survives_trouble_at_any_call: replace_what_cannot_start
    a_change_in_place_survives_trouble_at_any_call: change_in_place
    a_removal_survives_trouble_at_any_call: remove_an_instance
    a_down_survives_trouble_at_any_call: down
    a_stop_survives_trouble_at_any_call: stop
    a_start_survives_trouble_at_any_call: start
    a_restart_survives_trouble_at_any_call: restart
    a_rename_survives_trouble_at_any_call: rename
    a_rollback_survives_trouble_at_any_call: roll_back
    a_snapshot_survives_trouble_at_any_call: snapshot
    a_pull_survives_trouble_at_any_call: pull
    a_build_survives_trouble_at_any_call: build
    a_link_survives_trouble_at_any_call: link
    the_removal_of_a_link_survives_trouble_at_any_call: unlink
    an_adoption_survives_trouble_at_any_call: adopt
    a_deletion_survives_trouble_at_any_call: delete
    a_deletion_with_volumes_survives_trouble_at_any_call: delete_with_volumes
}

/// The states before and after an undisturbed command.
struct Undisturbed<'a> {
    kind: &'a Kind,
    strangers: Strangers,
    start: Saved,
    before: Objects,
    after: BTreeSet<String>,
}

async fn survives(kind: &Kind, name: &str) {
    let mut sandbox = Sandbox::new().await;
    (kind.prepare)(&mut sandbox).await;
    let strangers = Strangers::beside(&sandbox).await;
    let (start, before) = (sandbox.save(), sandbox.objects().await);
    let made = sandbox.engine.changes().len();
    sandbox.run(kind.does.0, kind.does.1.clone()).await.unwrap();
    let after = sandbox.objects().await.shape();
    let calls = sandbox.engine.changes().len() - made;
    assert!(calls >= kind.least, "{name} makes only {calls} calls");
    let undisturbed = Undisturbed { kind, strangers, start, before, after };
    for nth in 1..=calls {
        for trouble in troubles(name, nth) {
            let at = format!("{name}, call {nth}: {trouble:?}");
            undisturbed.meets(trouble, (&mut sandbox, nth), &at).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how much is tried is not a matter of DevArch")]
fn troubles(name: &str, nth: usize) -> Vec<Trouble> {
    if std::env::var_os("DEVARCH_TEST_LONG").is_some_and(|long| long == "1") {
        return TROUBLES.to_vec();
    }
    vec![TROUBLES[(name.len() + nth) % TROUBLES.len()]]
}

impl Undisturbed<'_> {
    async fn meets(&self, trouble: Trouble, (sandbox, nth): (&mut Sandbox, usize), at: &str) {
        let (stack, command) = &self.kind.does;
        sandbox.restore(&self.start).await;
        match trouble {
            Trouble::Fails(effect) => {
                sandbox.engine.break_at(nth, effect.clone());
                let ran = sandbox.run(stack, command.clone()).await;
                sandbox.engine.mend();
                self.assert_failed(sandbox, ran, at).await;
            }
            Trouble::Cancelled => {
                let ran = sandbox.cancelled_at(nth, stack, command.clone()).await;
                self.assert_failed(sandbox, ran, at).await;
            }
            Trouble::Killed(moment, next) => {
                let end = sandbox.killed_at((nth, moment), stack, command.clone()).await;
                sandbox.clock.advance(CALLS_HAVE_ENDED);
                let at = match &end {
                    End::Itself(_) => at.to_owned(),
                    End::Killed(call) => format!("{at}, {call}"),
                };
                if let End::Itself(ended) = end {
                    ended.unwrap_or_else(|error| panic!("{at}: {error}"));
                } else if self.kind.journal && sandbox.knows(stack).await {
                    self.goes_on(sandbox, next, &at).await;
                }
                if matches!(next, Next::Down) && self.kind.journal && sandbox.knows(stack).await {
                    return self.assert_goes_down(sandbox, &at).await;
                }
            }
        }
        self.assert_succeeds(sandbox, at).await;
    }

    /// Asserts the old state down to the last id, or everything new with some old objects.
    async fn assert_failed(&self, sandbox: &Sandbox, ran: Result<(), OperationError>, at: &str) {
        self.strangers.are_untouched(sandbox, at).await;
        match ran {
            Ok(()) => assert_eq!(sandbox.objects().await.shape(), self.after, "{at}"),
            Err(OperationError::Apply(ApplyError::Failed(failure))) => match &failure.ending {
                Ending::Untouched | Ending::PutBack { .. } => self.assert_as_before(sandbox, at).await,
                Ending::Committed { .. } => {}
                other => panic!("{at}: {other:?}"),
            },
            Err(OperationError::Engine(_)) if !self.kind.journal => {
                self.assert_part_of_before(sandbox, at).await;
            }
            // A stack is bound to its engine before the apply.
            Err(OperationError::Engine(_)) => self.assert_as_before(sandbox, at).await,
            Err(other) => panic!("{at}: {other:?}"),
        }
    }

    /// Asserts the previous state. Created volumes are kept; none is lost, nor its content.
    async fn assert_as_before(&self, sandbox: &Sandbox, at: &str) {
        let now = sandbox.objects().await;
        assert_eq!(now.containers, self.before.containers, "{at}");
        assert_eq!(now.networks, self.before.networks, "{at}");
        for (name, volume) in &self.before.volumes {
            assert_eq!(now.volumes.get(name), Some(volume), "{at}: {name}");
        }
    }

    /// Asserts that a command that only removes has removed at most some of it.
    async fn assert_part_of_before(&self, sandbox: &Sandbox, at: &str) {
        let now = sandbox.objects().await;
        let containers = now.containers.iter().all(|(name, it)| self.before.containers.get(name) == Some(it));
        let volumes = now.volumes.iter().all(|(name, it)| self.before.volumes.get(name) == Some(it));
        assert!(containers && volumes && now.networks == self.before.networks, "{at}: {now:?}");
    }

    async fn goes_on(&self, sandbox: &Sandbox, next: Next, at: &str) {
        let stack = self.kind.does.0;
        match next {
            Next::Resume if sandbox.is_interrupted(stack).await => {
                let resumed = sandbox.run(stack, Command::Resume).await;
                resumed.unwrap_or_else(|error| panic!("{at}: {error}"));
            }
            Next::Undo => match sandbox.run(stack, Command::Undo).await {
                Ok(()) => self.assert_as_before(sandbox, at).await,
                Err(refused) => {
                    assert!(refused.to_string().contains("it cannot be undone"), "{at}: {refused}");
                }
            },
            Next::Resume | Next::Down => {}
        }
    }

    /// Takes the stack down from its current state, and asserts that only data remains.
    async fn assert_goes_down(&self, sandbox: &Sandbox, at: &str) {
        let stack = self.kind.does.0;
        let down = sandbox.run(stack, Command::Down).await;
        down.unwrap_or_else(|error| panic!("{at}: {error}"));
        let now = sandbox.objects().await;
        let own = |name: &String| !Strangers::own(name) && !name.contains("infra");
        let left: Vec<_> =
            now.containers.keys().chain(now.networks.keys()).filter(|name| own(name)).collect();
        assert!(left.is_empty(), "{at}: {left:?}");
        for (name, (_, content)) in &self.before.volumes {
            assert_eq!(now.volumes.get(name).map(|(_, content)| content), Some(content), "{at}: {name}");
        }
        self.assert_finished(sandbox, at).await;
    }

    /// Asserts that the command, or an apply, reaches the new state.
    async fn assert_succeeds(&self, sandbox: &Sandbox, at: &str) {
        let stack = self.kind.does.0;
        if self.kind.journal || sandbox.knows(stack).await {
            let again = sandbox.run(stack, self.kind.again.clone()).await;
            if self.kind.journal {
                again.unwrap_or_else(|error| panic!("{at}: {error}"));
            }
        }
        let now = sandbox.objects().await.shape();
        assert_eq!(now, self.after, "{at}");
        self.assert_finished(sandbox, at).await;
    }

    async fn assert_finished(&self, sandbox: &Sandbox, at: &str) {
        let stack = self.kind.does.0;
        if self.kind.journal {
            assert_eq!(sandbox.plan(stack).await, None, "{at}");
            assert!(!sandbox.is_interrupted(stack).await, "{at}");
        }
        assert!(sandbox.locks().await.is_empty(), "{at}");
        self.strangers.are_untouched(sandbox, at).await;
    }
}
