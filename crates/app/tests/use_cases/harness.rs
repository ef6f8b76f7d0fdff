//! DevArch over an engine in memory and a SQLite database in a temporary directory: all that lies between the command
//! line and the engine, in milliseconds.
//!
//! ```ignore
//! let mut world = World::new().await;
//! world.run("shop", Command::up(YML)).await.unwrap();          // as `devarch up --yes` does, see `Command`
//! assert_eq!(world.plan("shop").await, None);                  // nothing to do
//! world.engine.break_at(3, Effect::Refused(Kind::DiskFull));   // the third call that changes something fails
//! world.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull)); // or: that call, about that object
//! let end = world.killed_at((3, Moment::After), "shop", Command::up(OTHER)).await; // kill -9, then a new process
//! world.run("shop", Command::Resume).await.unwrap();           // or `Undo`, or `Down`
//! let objects = world.objects().await;                         // what the engine has, whoever made it
//! world.beside().await;                                        // another home on the same engine
//! world.reopen().await;                                        // another process on the same home
//! ```
//!
//! - What runs in a container is scripted: see [`devarch_testkit::memory::busybox`]. Images there are: `busybox:1.37`;
//!   `engine.add_image` makes more, `engine.write_volume` and `engine.volume_content` are the data.
//! - Time passes when somebody waits, at once: see [`FakeClock`]. `world.clock.advance` lets more of it pass.
//! - `world.host` is the machine: nothing listens there and nothing is routed, unless a test says so.
//! - `world.engine` is also an [`Engine`](devarch_engine::Engine): foreign objects are made with its own calls.
//!   `world.engine.changes()` lists the calls that changed something.

use devarch_app::{
    ApplyOptions, Context, Draft, LockRequest, Lookup, OperationError, PrepareOptions, Prepared, Recover,
    Settings, StackLocks, Surroundings, WrongState, acquire_locks, adopt_strays, apply, delete_stack,
    draft_import, draft_rollback, find_import, find_interrupted, find_stack, find_strays, plan_deletion,
    prepare, prepare_stack, rename_stack, save_draft, set_wanted, supply_images, undo_interrupted,
};
use devarch_core::{
    name::StackName,
    observed::{ObservedContainer, ObservedNetwork, RunState},
    plan::{TextOptions, plan_text},
    stack::{Stack, Wanted},
};
use devarch_engine::Engine as _;
use devarch_testkit::{
    memory::{Effect, MemoryEngine},
    proxy::Moment,
    surroundings::{CountedIds, FakeClock, FakeHost, MemoryEngines},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A home, and the engine its stacks run on.
pub(crate) struct World {
    pub(crate) engine: Arc<MemoryEngine>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) host: Arc<FakeHost>,
    pub(crate) app: Context,
    ids: Arc<CountedIds>,
    root: Arc<TempDir>,
    /// The home's and its project's place under the root.
    place: String,
}

/// What a user does to a stack. What the command line would ask is answered with yes.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// `up` in the project's directory, whose devarch.yml has this text from now on.
    Up(&'static str, PrepareOptions),
    /// `apply`, finishing what was interrupted.
    Apply(PrepareOptions),
    /// `apply --resume`: refused where nothing was interrupted.
    Resume,
    /// `apply --undo`.
    Undo,
    Down,
    Start,
    Stop,
    /// `rollback`: to what it was defined as before.
    Rollback,
    /// `stack rename`.
    Rename(&'static str),
    /// `stack delete`; volumes stay.
    Delete,
    /// `stack delete --volumes`.
    DeleteWithVolumes,
}

/// How a command ended that was to be killed.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself: it made fewer calls.
    Itself(Result<(), OperationError>),
    /// At this call.
    Killed(String),
}

/// What is on the engine, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) containers: BTreeMap<String, ObservedContainer>,
    pub(crate) networks: BTreeMap<String, ObservedNetwork>,
    /// With their labels and what is in them.
    pub(crate) volumes: BTreeMap<String, (BTreeMap<String, String>, String)>,
}

impl Command {
    pub(crate) fn up(yml: &'static str) -> Self {
        Self::Up(yml, PrepareOptions::default())
    }

    pub(crate) fn apply() -> Self {
        Self::Apply(PrepareOptions::default())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let (engine, clock) = (Arc::new(MemoryEngine::new()), Arc::new(FakeClock::default()));
        let (host, ids) = (Arc::new(FakeHost::default()), Arc::new(CountedIds::default()));
        let (root, place) = (Arc::new(tempfile::tempdir().unwrap()), "1".to_owned());
        let app = open(root.path().join(&place), surroundings(&engine, &clock, &ids, &host)).await;
        Self { engine, clock, host, app, ids, root, place }
    }

    /// Another home on the same engine and machine.
    pub(crate) async fn beside(&self) -> Self {
        let (engine, clock) = (Arc::clone(&self.engine), Arc::clone(&self.clock));
        let (host, ids) = (Arc::clone(&self.host), Arc::clone(&self.ids));
        let (root, place) = (Arc::clone(&self.root), format!("{}1", self.place));
        let app = open(root.path().join(&place), surroundings(&engine, &clock, &ids, &host)).await;
        Self { engine, clock, host, app, ids, root, place }
    }

    /// Another process goes on with the same home.
    pub(crate) async fn reopen(&mut self) {
        self.host.start_another_process();
        let around = surroundings(&self.engine, &self.clock, &self.ids, &self.host);
        self.app = open(self.directory(), around).await;
    }

    /// Does what `adopt STACK` does for a stack of this home.
    pub(crate) async fn adopt(&self, stack: &str) -> Result<(), OperationError> {
        let user = User { app: &self.app, project: self.directory().join("project") };
        let strays = find_strays(&self.app, &name(stack)).await?.unwrap();
        let locks = user.lock(&strays.stack, "adopt").await?;
        let adopted = adopt_strays(&self.app, locks.own(), &strays).await;
        locks.release().await;
        adopted
    }

    /// The database as it is now.
    pub(crate) fn copy_of_the_store(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.directory().join("home/.devarch"))
            .or_else(|_| std::fs::read_dir(self.directory().join("home")));
        let files = files.unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file() && path.to_string_lossy().contains("devarch.db"));
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// Puts an earlier copy of the database in the place of the one there is.
    pub(crate) async fn restore(&mut self, copy: &[(PathBuf, Vec<u8>)]) {
        for (path, _) in self.copy_of_the_store() {
            std::fs::remove_file(path).unwrap();
        }
        for (path, content) in copy {
            std::fs::write(path, content).unwrap();
        }
        self.reopen().await;
    }

    /// Where home (`home`, with the database) and project (`project`) are.
    pub(crate) fn directory(&self) -> PathBuf {
        self.root.path().join(&self.place)
    }

    /// Carries a command out, as its user would.
    pub(crate) async fn run(&self, stack: &str, command: Command) -> Result<(), OperationError> {
        let user = User { app: &self.app, project: self.directory().join("project") };
        Box::pin(user.does(&name(stack), command)).await
    }

    /// Does it and is killed at the `nth` call that changes something, before or after the engine has heard of it. Then
    /// another process goes on with the home.
    pub(crate) async fn killed_at(
        &mut self,
        (nth, moment): (usize, Moment),
        stack: &str,
        command: Command,
    ) -> End {
        let dead = self.engine.break_at(nth, Effect::Hangs(moment));
        let end = tokio::select! {
            biased;
            () = dead.notified() => End::Killed(self.engine.changes().pop().unwrap()),
            ended = self.run(stack, command) => End::Itself(ended),
        };
        self.engine.mend();
        self.reopen().await;
        end
    }

    /// What an apply would do; `None`: nothing.
    pub(crate) async fn plan(&self, stack: &str) -> Option<String> {
        let prepared = Box::pin(prepare(&self.app, &name(stack), &PrepareOptions::default())).await.unwrap();
        let plan = &prepared.plan;
        (!plan.is_empty()).then(|| plan_text(plan, TextOptions::default()))
    }

    /// What is on the engine.
    pub(crate) async fn objects(&self) -> Objects {
        let named = |container: ObservedContainer| (container.name.to_string(), container);
        let content = |(name, labels): (String, BTreeMap<String, String>)| {
            let content = self.engine.volume_content(&name);
            (name, (labels, content))
        };
        let networks = self.engine.networks().await.unwrap();
        Objects {
            containers: self.engine.containers().await.unwrap().into_iter().map(named).collect(),
            networks: networks.into_iter().map(|network| (network.name.clone(), network)).collect(),
            volumes: self.engine.volumes().await.unwrap().into_iter().map(content).collect(),
        }
    }
}

impl Objects {
    /// The names of all, those of containers with their state.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let containers = self.containers.iter().map(|(name, container)| {
            let state = if container.state == RunState::Running { "runs" } else { "is there" };
            format!("container {name} {state}")
        });
        let networks = self.networks.keys().map(|name| format!("network {name}"));
        let volumes = self.volumes.keys().map(|name| format!("volume {name}"));
        containers.chain(networks).chain(volumes).collect()
    }
}

fn name(stack: &str) -> StackName {
    stack.parse().unwrap()
}

fn surroundings(
    engine: &Arc<MemoryEngine>,
    clock: &Arc<FakeClock>,
    ids: &Arc<CountedIds>,
    host: &Arc<FakeHost>,
) -> Surroundings {
    Surroundings {
        engines: Arc::new(MemoryEngines::new([Arc::clone(engine)])),
        clock: Arc::<FakeClock>::clone(clock),
        ids: Arc::<CountedIds>::clone(ids),
        host: Arc::<FakeHost>::clone(host),
    }
}

/// Room for eight stacks.
const ADDRESS_POOL: &str = "10.212.0.0/23";

async fn open(directory: PathBuf, around: Surroundings) -> Context {
    let home: OsString = directory.join("home").into();
    std::fs::create_dir_all(directory.join("project")).unwrap();
    let variable = |name: &str| match name {
        "HOME" | "DEVARCH_HOME" => Some(home.clone()),
        "DEVARCH_ADDRESS_POOL" => Some(ADDRESS_POOL.into()),
        _ => None,
    };
    Context::open(Settings::read(None, variable).unwrap(), around).await.unwrap()
}

/// Somebody at the command line; each does what the command of that name does.
struct User<'a> {
    app: &'a Context,
    project: PathBuf,
}

impl User<'_> {
    async fn does(&self, stack: &StackName, command: Command) -> Result<(), OperationError> {
        match command {
            Command::Up(yml, asked) => Box::pin(self.up(stack, yml, asked)).await,
            Command::Apply(asked) => Box::pin(self.apply(stack, asked)).await,
            Command::Resume
                if find_interrupted(self.app, &find_stack(self.app, stack).await?).await?.is_none() =>
            {
                Err(WrongState::NotInterrupted(stack.clone()).into())
            }
            Command::Resume => Box::pin(self.apply(stack, PrepareOptions::default())).await,
            Command::Undo => self.undo(stack).await,
            Command::Down => Box::pin(self.want(stack, Wanted::Absent)).await,
            Command::Stop => Box::pin(self.want(stack, Wanted::Stopped)).await,
            Command::Start => Box::pin(self.want(stack, Wanted::Running)).await,
            Command::Rollback => Box::pin(self.rollback(stack)).await,
            Command::Rename(to) => rename_stack(self.app, stack, &name(to)).await.map(drop),
            Command::Delete => self.delete(stack, false).await,
            Command::DeleteWithVolumes => self.delete(stack, true).await,
        }
    }

    async fn up(&self, stack: &StackName, yml: &str, asked: PrepareOptions) -> Result<(), OperationError> {
        std::fs::write(self.project.join("devarch.yml"), yml).unwrap();
        let source = find_import(self.app, &self.project, Some(stack), None).await?.unwrap();
        let draft = draft_import(self.app, &source).await?;
        Box::pin(self.bring_about(draft, asked, "up")).await
    }

    async fn rollback(&self, stack: &StackName) -> Result<(), OperationError> {
        let draft = draft_rollback(self.app, stack, None).await?;
        Box::pin(self.bring_about(draft, PrepareOptions::default(), "rollback")).await
    }

    /// Plans a draft, saves it and applies the plan.
    async fn bring_about(
        &self,
        draft: Draft,
        asked: PrepareOptions,
        command: &str,
    ) -> Result<(), OperationError> {
        let prepared = Box::pin(self.ready(&draft.stack, asked)).await?;
        let stack = save_draft(self.app, &draft).await?;
        let locks = self.lock(&stack, command).await?;
        self.carry_out(locks, &prepared.saved_as(stack), command).await
    }

    async fn apply(&self, stack: &StackName, asked: PrepareOptions) -> Result<(), OperationError> {
        let stack = find_stack(self.app, stack).await?;
        let locks = self.lock(&stack, "apply").await?;
        let prepared = Box::pin(self.ready(&stack, asked)).await?;
        self.carry_out(locks, &prepared, "apply").await
    }

    async fn undo(&self, stack: &StackName) -> Result<(), OperationError> {
        let locks = self.lock(&find_stack(self.app, stack).await?, "apply").await?;
        let undone =
            undo_interrupted(self.app, locks.own(), stack, (&|_| {}, &CancellationToken::new())).await;
        locks.release().await;
        undone.map(drop)
    }

    async fn want(&self, stack: &StackName, wanted: Wanted) -> Result<(), OperationError> {
        let needed = Some(BTreeSet::new()).filter(|_| wanted != Wanted::Running);
        let locks = self.lock(&find_stack(self.app, stack).await?, "down").await?;
        set_wanted(self.app, stack, None, wanted).await?;
        let prepared =
            prepare(self.app, stack, &PrepareOptions { needed, ..PrepareOptions::default() }).await?;
        self.carry_out(locks, &prepared, "down").await
    }

    async fn delete(&self, stack: &StackName, volumes: bool) -> Result<(), OperationError> {
        let shown = plan_deletion(self.app, stack).await?;
        let locks = self.lock(&shown.stack, "stack delete").await?;
        let deleted = delete_stack(self.app, locks.own(), &shown, volumes).await;
        locks.release().await;
        deleted.map(drop)
    }

    /// Plans, pulls and builds what is missing, and plans again.
    async fn ready(&self, stack: &Stack, asked: PrepareOptions) -> Result<Prepared, OperationError> {
        let options = PrepareOptions { prove: true, ..asked };
        let prepared = prepare_stack(self.app, stack.clone(), &options).await?;
        if !prepared.needs_images(Lookup::Tags) {
            return Ok(prepared.with_images());
        }
        let cancel = CancellationToken::new();
        let supplied = supply_images(self.app, &prepared, Lookup::Tags, &|_| {}, &cancel).await?;
        let options = PrepareOptions { supplied: Some(supplied), ..options };
        prepare_stack(self.app, stack.clone(), &options).await
    }

    async fn lock(&self, stack: &Stack, operation: &str) -> Result<StackLocks, OperationError> {
        let (operation, timeout) = (operation.to_owned(), Duration::from_secs(10));
        acquire_locks(self.app, stack, &LockRequest { operation, timeout, plan: None }, &|_| {}).await
    }

    async fn carry_out(
        &self,
        locks: StackLocks,
        prepared: &Prepared,
        command: &str,
    ) -> Result<(), OperationError> {
        let cancel = CancellationToken::new();
        let recover = Some(Recover::Resume);
        let options = ApplyOptions { command, recover, events: &|_| {}, cancel: &cancel };
        let applied = apply(self.app, locks.own(), &prepared.approved(), options).await;
        locks.release().await;
        applied.map(drop)
    }
}
