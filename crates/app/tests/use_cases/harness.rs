//! DevArch on an in-memory engine and a SQLite database in a temporary directory: everything between the command line
//! and the engine, in milliseconds.
//!
//! ```ignore
//! let mut sandbox = Sandbox::new().await;
//! sandbox.run("shop", Command::up(YML)).await.unwrap();          // as `devarch up --yes` does, see `Command`
//! assert_eq!(sandbox.plan("shop").await, None);                  // nothing to do
//! sandbox.engine.break_at(3, Effect::Refused(Kind::DiskFull));   // the third call that changes something fails
//! sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull)); // or: that call, about that object
//! let end = sandbox.killed_at((3, Moment::After), "shop", Command::up(OTHER)).await; // kill -9, then a new process
//! sandbox.run("shop", Command::Resume).await.unwrap();           // or `Undo`, or `Down`
//! let objects = sandbox.objects().await;                         // all objects on the engine, whoever created them
//! sandbox.beside().await;                                        // another home on the same engine
//! sandbox.reopen().await;                                        // another process on the same home
//! let saved = sandbox.save();                                    // snapshot of engine and home, for `restore`
//! ```
//!
//! Operations of several use-cases are a [`Command`] or one of [`Sandbox`]'s methods; single use-cases are called with
//! [`Sandbox::ctx`].
//!
//! - What runs in a container is scripted: see [`devarch_testkit::memory::busybox`]. The only image is `busybox:1.37`;
//!   `engine.add_image` adds more, `engine.write_volume` and `engine.volume_content` access the data.
//! - Waiting takes no real time: see [`FakeClock`]. `sandbox.clock.advance` lets more time pass.
//! - `sandbox.host` is the machine: nothing listens and nothing is routed, unless a test sets it up.
//! - `sandbox.engine` is also an [`Engine`](devarch_engine::Engine): unmanaged objects are created with its own calls.
//!   `sandbox.engine.changes()` lists the calls that changed something.

use devarch_app::{
    ApplyOptions, Context, Draft, Environment, HeldLock, HistoryDetail, HistoryEntry, Leftover, LockRequest,
    Lookup, Loss, OperationError, PrepareOptions, Prepared, Recover, Settings, StackLocks, StackStatus,
    StatusOptions, Strays, Target, WrongState, acquire_locks, adopt_strays, connect_engine, create_stack,
    delete_stack, draft_import, draft_rollback, enable_stack, find_history_entry, find_import,
    find_interrupted, find_leftovers, find_stack, find_strays, lease_plan, list_history, list_locks,
    load_saved_plan, plan_deletion, prepare, prepare_stack, release_lock, remove_instance, remove_leftovers,
    rename_stack, renew_identity, save_draft, set_fields, set_wanted, stack_status, supply_images,
    undo_interrupted, unset_fields,
};
use devarch_core::{
    content::ContentDigest,
    engine::{EngineBinding, EngineKind},
    id::{EngineId, PlanId},
    name::StackName,
    observed::{ObservedContainer, ObservedNetwork, RunState},
    plan::{TextOptions, plan_text},
    secret::{Secret, SecretValue},
    stack::{DesiredRun, Stack},
    unit::Millis,
};
use devarch_engine::Engine as _;
use devarch_testkit::{
    environment::{CountedIds, FakeClock, FakeHost, MemoryEngines},
    memory::{Effect, MemoryEngine, Snapshot},
    proxy::Moment,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::Debug,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A home, and the engine its stacks run on.
pub(crate) struct Sandbox {
    pub(crate) engine: Arc<MemoryEngine>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) host: Arc<FakeHost>,
    app: Context,
    ids: Arc<CountedIds>,
    directories: Arc<Directories>,
    /// The directory of homes and project below the temporary ones.
    place: String,
    /// How often an earlier home was restored: each time into another directory.
    restored: u32,
}

/// The directories of homes, in memory if the machine has such a file system, and of projects. A project there would
/// be a device to DevArch.
struct Directories {
    homes: TempDir,
    projects: TempDir,
}

impl Directories {
    fn new() -> Self {
        let homes = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { homes, projects: tempfile::tempdir().unwrap() }
    }
}

/// A home's files by name: its database and its keys.
pub(crate) type HomeFiles = Vec<(OsString, Vec<u8>)>;

/// A snapshot of a home and its engine.
pub(crate) struct Saved {
    engine: Snapshot,
    home: HomeFiles,
}

/// A user's operation on a stack. Prompts of the command line are answered with yes.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// `up` in the project's directory, after its devarch.yml is set to this text.
    Up(&'static str, PrepareOptions),
    /// `apply`, which finishes an interrupted one.
    Apply(PrepareOptions),
    /// `apply --resume`: fails if nothing was interrupted.
    Resume,
    /// `apply --undo`.
    Undo,
    Down,
    Start,
    Stop,
    /// `rollback` to the previous definition.
    Rollback,
    /// `stack rename`.
    Rename(&'static str),
    Restart,
    /// `set STACK/INSTANCE FIELD=VALUE`; nothing is applied.
    Set(&'static str, &'static str, &'static str),
    /// `instance remove`; nothing is applied.
    RemoveInstance(&'static str),
    /// `adopt`.
    Adopt,
    /// `stack delete`, which keeps volumes.
    Delete,
    /// How a command that was to be killed ended.
    DeleteWithVolumes,
}

/// Before the kill: it made fewer calls.
#[derive(Debug)]
pub(crate) enum End {
    /// Killed at this call.
    Itself(Result<(), OperationError>),
    /// At this call.
    Killed(String),
}

/// The objects on an engine, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) containers: BTreeMap<String, ObservedContainer>,
    pub(crate) networks: BTreeMap<String, ObservedNetwork>,
    /// With their labels and their content.
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

impl Sandbox {
    pub(crate) async fn new() -> Self {
        Self::on(MemoryEngine::new()).await
    }

    /// Creates a home with this engine as its only one.
    pub(crate) async fn on(engine: MemoryEngine) -> Self {
        let (engine, clock) = (Arc::new(engine), Arc::new(FakeClock::default()));
        let (host, ids) = (Arc::new(FakeHost::default()), Arc::new(CountedIds::default()));
        let (directories, place) = (Arc::new(Directories::new()), "1".to_owned());
        let home = directories.homes.path().join(&place).join("0");
        let app = open(&home, environment(&engine, &clock, &ids, &host)).await;
        Self { engine, clock, host, app, ids, directories, place, restored: 0 }
    }

    /// Creates another home on the same engine and machine.
    pub(crate) async fn beside(&self) -> Self {
        let (engine, clock) = (Arc::clone(&self.engine), Arc::clone(&self.clock));
        let (host, ids) = (Arc::clone(&self.host), Arc::clone(&self.ids));
        let (directories, place) = (Arc::clone(&self.directories), format!("{}1", self.place));
        let home = directories.homes.path().join(&place).join("0");
        let app = open(&home, environment(&engine, &clock, &ids, &host)).await;
        Self { engine, clock, host, app, ids, directories, place, restored: 0 }
    }

    /// Continues with another process on the same home.
    pub(crate) async fn reopen(&mut self) {
        self.host.start_another_process();
        let around = environment(&self.engine, &self.clock, &self.ids, &self.host);
        self.app = open(&self.home(), around).await;
    }

    /// Takes a snapshot of home and engine while no command is running.
    pub(crate) fn save(&self) -> Saved {
        Saved { engine: self.engine.snapshot(), home: self.home_files() }
    }

    /// Restores a home and its engine from a snapshot.
    pub(crate) async fn restore(&mut self, saved: &Saved) {
        self.engine.restore(&saved.engine);
        self.restore_home(&saved.home).await;
    }

    /// Returns the home's database and keys.
    pub(crate) fn home_files(&self) -> HomeFiles {
        let files = std::fs::read_dir(self.home()).unwrap().map(Result::unwrap);
        // SQLite recreates its shared-memory file from the other two.
        let kept = files
            .filter(|file| file.path().is_file() && !file.file_name().to_string_lossy().ends_with("-shm"));
        kept.map(|file| (file.file_name(), std::fs::read(file.path()).unwrap())).collect()
    }

    /// Restores an earlier home as from a backup; the engine stays as it is.
    pub(crate) async fn restore_home(&mut self, files: &HomeFiles) {
        self.restored += 1;
        let home = self.home();
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        for (name, content) in files {
            std::fs::write(home.join(name), content).unwrap();
            std::fs::set_permissions(home.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        self.reopen().await;
    }

    /// Returns the directory of the home, with the database.
    pub(crate) fn home(&self) -> PathBuf {
        self.directories.homes.path().join(&self.place).join(self.restored.to_string())
    }

    /// Returns the directory of the devarch.yml.
    pub(crate) fn project(&self) -> PathBuf {
        let project = self.directories.projects.path().join(&self.place);
        std::fs::create_dir_all(&project).unwrap();
        project
    }

    /// Returns the context of use-cases.
    pub(crate) fn ctx(&self) -> &Context {
        &self.app
    }

    /// Returns a stack as stored.
    pub(crate) async fn stack(&self, stack: &str) -> Stack {
        find_stack(&self.app, &name(stack)).await.unwrap()
    }

    /// Reopens the home with these environment variables besides `HOME` and `DEVARCH_HOME`.
    pub(crate) async fn with_variables(&mut self, variables: &[(&str, &str)]) {
        let home = self.home();
        let read = |name: &str| match name {
            "HOME" | "DEVARCH_HOME" => Some(home.clone().into()),
            _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()),
        };
        let around = environment(&self.engine, &self.clock, &self.ids, &self.host);
        self.app = Context::open(Settings::read(None, read).unwrap(), around).await.unwrap();
    }

    fn user(&self) -> User<'_> {
        User { app: &self.app, project: self.project(), cancel: CancellationToken::new() }
    }

    /// Runs a command.
    pub(crate) async fn run(&self, stack: &str, command: Command) -> Result<(), OperationError> {
        let (user, stack) = (self.user(), name(stack));
        let ran = Box::pin(user.does(&stack, command.clone()));
        let ended = tokio::time::timeout(STANDSTILL, ran).await;
        ended.unwrap_or_else(|_| panic!("{command:?} stands still after {:?}", self.engine.changes().last()))
    }

    /// Runs a command and kills it at the `nth` call that changes something, before or after the engine has received
    /// it. Then continues with another process on the home.
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

    /// Runs a command and cancels it, as Ctrl-C does, during the `nth` call that changes something.
    pub(crate) async fn cancelled_at(
        &self,
        nth: usize,
        stack: &str,
        command: Command,
    ) -> Result<(), OperationError> {
        let reached = self.engine.break_at(nth, Effect::TakesTime);
        let cancel = CancellationToken::new();
        let user = User { cancel: cancel.clone(), ..self.user() };
        let stack = name(stack);
        let ran = Box::pin(user.does(&stack, command));
        let cancelled = async {
            reached.notified().await;
            cancel.cancel();
            std::future::pending().await
        };
        tokio::select! {
            biased;
            never = cancelled => never,
            ended = ran => ended,
        }
    }

    /// `up` without its apply: the stack is stored, but has no objects on the engine.
    pub(crate) async fn import(&self, stack: &str, yml: &str) {
        let user = self.user();
        let draft = user.draft(&name(stack), yml).await.unwrap();
        save_draft(&self.app, &draft).await.unwrap();
    }

    /// `rollback STACK APPLY`.
    pub(crate) async fn roll_back_to(&self, stack: &str, apply: &str) -> Result<(), OperationError> {
        let draft = draft_rollback(&self.app, &name(stack), Some(apply)).await?;
        Box::pin(self.user().bring_about(draft, PrepareOptions::default(), "rollback")).await
    }

    /// Applies under a lock acquired before.
    pub(crate) async fn apply_under(&self, locks: &StackLocks, stack: &str) -> Result<(), OperationError> {
        let user = self.user();
        let stack = find_stack(&self.app, &name(stack)).await?;
        let prepared = Box::pin(user.ready(&stack, PrepareOptions::default())).await?;
        Box::pin(user.apply_prepared(locks, &prepared, "apply")).await
    }

    /// Removes a container without DevArch.
    pub(crate) async fn remove_by_hand(&self, container: &str) {
        let id = self.objects().await.containers[container].id.clone();
        self.engine.stop(&id, Some(Millis(0))).await.unwrap();
        self.engine.remove_container(&id).await.unwrap();
    }

    /// Returns the leftovers of other homes on the engine, sorted by stack name.
    pub(crate) async fn left_by_others(&self) -> Vec<Leftover> {
        find_leftovers(&self.app).await.unwrap()
    }

    /// Removes the objects of a lost home's stack, except its volumes.
    pub(crate) async fn clear_away(&self, left: &Leftover) -> Result<(), OperationError> {
        remove_leftovers(&self.app, left).await
    }

    /// `doctor --new-store-id`: a copied home gets a new identity.
    pub(crate) async fn become_another(&mut self) {
        renew_identity(&self.app).await.unwrap();
        self.reopen().await;
    }

    /// `unset STACK/INSTANCE FIELD`.
    pub(crate) async fn unset(&self, stack: &str, instance: &str, field: &str) -> Result<(), OperationError> {
        let target = Target { stack: name(stack), instance: instance.parse().unwrap() };
        unset_fields(&self.app, &target, &[field.to_owned()]).await.map(drop)
    }

    /// `instance rename`.
    pub(crate) async fn rename_instance(
        &self,
        stack: &str,
        from: &str,
        to: &str,
    ) -> Result<(), OperationError> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        devarch_app::rename_instance(&self.app, &name(stack), &from, &to).await.map(drop)
    }

    /// `stack clone`.
    pub(crate) async fn clone_stack(&self, stack: &str, to: &str) -> Result<(), OperationError> {
        devarch_app::clone_stack(&self.app, &name(stack), &name(to)).await.map(drop)
    }

    /// `stack enable` and `stack disable`.
    pub(crate) async fn enable(&self, stack: &str, enabled: bool) -> Result<(), OperationError> {
        enable_stack(&self.app, &name(stack), enabled).await.map(drop)
    }

    /// `secret set`.
    pub(crate) async fn set_secret(
        &self,
        stack: &str,
        secret: &str,
        value: &str,
    ) -> Result<bool, OperationError> {
        devarch_app::set_secret(&self.app, &name(stack), &secret.parse().unwrap(), &Secret::new(value)).await
    }

    /// `secret remove`.
    pub(crate) async fn remove_secret(&self, stack: &str, secret: &str) -> Result<(), OperationError> {
        devarch_app::remove_secret(&self.app, &name(stack), &secret.parse().unwrap()).await
    }

    /// `secret rotate-key`.
    pub(crate) async fn rotate_key(&mut self) {
        devarch_app::rotate_key(&self.app).await.unwrap();
        self.reopen().await;
    }

    /// Returns what an apply would do; `None` if nothing.
    pub(crate) async fn plan(&self, stack: &str) -> Option<String> {
        let prepared = Box::pin(prepare(&self.app, &name(stack), &PrepareOptions::default())).await.unwrap();
        let plan = &prepared.plan;
        (!plan.is_empty()).then(|| plan_text(plan, TextOptions::default()))
    }

    /// Returns the strays of a stack of this home.
    pub(crate) async fn strays(&self, stack: &str) -> Option<Strays> {
        find_strays(&self.app, &name(stack)).await.unwrap()
    }

    /// Returns whether a stack exists.
    pub(crate) async fn knows(&self, stack: &str) -> bool {
        find_stack(&self.app, &name(stack)).await.is_ok()
    }

    /// Returns whether a stack has an apply that began and has not ended.
    pub(crate) async fn is_interrupted(&self, stack: &str) -> bool {
        let Ok(stack) = find_stack(&self.app, &name(stack)).await else { return false };
        find_interrupted(&self.app, &stack).await.unwrap().is_some()
    }

    pub(crate) async fn status(&self, stack: &str) -> StackStatus {
        stack_status(&self.app, &name(stack), StatusOptions::default()).await.unwrap()
    }

    /// Returns the applies of a stack, newest first.
    pub(crate) async fn history(&self, stack: &str) -> Vec<HistoryEntry> {
        list_history(&self.app, &name(stack), 100).await.unwrap()
    }

    /// Returns one apply, given the beginning of its id.
    pub(crate) async fn history_of(
        &self,
        stack: &str,
        id: Option<&str>,
    ) -> Result<HistoryDetail, OperationError> {
        find_history_entry(&self.app, &name(stack), id).await
    }

    pub(crate) async fn locks(&self) -> Vec<HeldLock> {
        list_locks(&self.app).await.unwrap()
    }

    /// Acquires a stack's lock for a command of this name.
    pub(crate) async fn lock(
        &self,
        stack: &str,
        command: &str,
        timeout: Duration,
    ) -> Result<StackLocks, OperationError> {
        let request = LockRequest { operation: command.to_owned(), timeout, plan: None };
        acquire_locks(&self.app, &find_stack(&self.app, &name(stack)).await?, &request, &|_| {}).await
    }

    /// `lock release`.
    pub(crate) async fn release(&self, stack: &str, force: bool) -> Result<Option<HeldLock>, OperationError> {
        release_lock(&self.app, &name(stack), force).await
    }

    /// `plan`; with `keep` it holds the stack's lock.
    pub(crate) async fn save_plan(&self, stack: &str, keep: bool) -> PlanId {
        let prepared = Box::pin(prepare(&self.app, &name(stack), &PrepareOptions::default())).await.unwrap();
        let plan = devarch_app::save_plan(&self.app, &prepared).await.unwrap();
        if keep {
            let locks = self.lock(stack, "plan", Duration::ZERO).await.unwrap();
            lease_plan(&self.app, locks.own(), &plan).await.unwrap();
            locks.release().await;
        }
        plan.id
    }

    /// `apply PLAN`.
    pub(crate) async fn apply_plan(&self, plan: &PlanId) -> Result<(), OperationError> {
        let approved = load_saved_plan(&self.app, plan).await?;
        let stack = find_stack(&self.app, &approved.stack).await?;
        let request =
            LockRequest { operation: "apply".to_owned(), timeout: Duration::ZERO, plan: Some(plan.clone()) };
        let locks = acquire_locks(&self.app, &stack, &request, &|_| {}).await?;
        let cancel = CancellationToken::new();
        let options = ApplyOptions { command: "apply", recover: None, events: &|_| {}, cancel: &cancel };
        let applied = Box::pin(devarch_app::apply(&self.app, locks.own(), &approved, options)).await;
        locks.release().await;
        applied.map(drop)
    }

    /// Returns the wires of other stacks that lead to a stack, as text.
    pub(crate) async fn linked_from(&self, stack: &str) -> Vec<String> {
        let linked = devarch_app::linked_from(&self.app, &name(stack), None).await.unwrap();
        linked.iter().map(ToString::to_string).collect()
    }

    /// Returns the value of a stack's secret if it can be decrypted.
    pub(crate) async fn secret(&self, stack: &str, secret: &str) -> Option<String> {
        let stack = find_stack(&self.app, &name(stack)).await.unwrap();
        let kept = &stack.secrets[&secret.parse().unwrap()];
        match &kept.value {
            SecretValue::Known(value) => Some(value.reveal().to_owned()),
            SecretValue::Locked(_) => None,
        }
    }

    /// `secret key reset`; returns what is discarded.
    pub(crate) async fn reset_key(&mut self) -> Result<Loss, OperationError> {
        let loss = devarch_app::reset_key(&self.app).await?;
        self.reopen().await;
        Ok(loss)
    }

    /// Removes the key file.
    pub(crate) async fn lose_key(&mut self) {
        std::fs::remove_file(self.home().join("secret.key")).unwrap();
        self.reopen().await;
    }

    /// Returns the volumes recorded in the store, of stacks or as kept.
    pub(crate) async fn remembered_volumes(&self) -> Vec<String> {
        let stacks = self.app.store().stacks().await.unwrap();
        let instances = stacks.iter().flat_map(|stack| stack.instances.values());
        let volumes = instances.flat_map(|instance| instance.volumes.values());
        let mut names: Vec<String> = volumes.map(ToString::to_string).collect();
        let kept = self.app.store().kept_volumes().await.unwrap();
        names.extend(kept.into_iter().map(|kept| kept.physical.to_string()));
        names.sort();
        names
    }

    /// Returns whether the store has a large content.
    pub(crate) async fn keeps_content(&self, content: &str) -> bool {
        let missing = self.app.store().missing_contents([ContentDigest::from_text(content)].into()).await;
        missing.unwrap().is_empty()
    }

    /// Returns the objects on the engine.
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
    /// Returns everything a definition determines about them, without ids: what two ways to the same state have in
    /// common.
    pub(crate) fn shape(&self) -> BTreeSet<String> {
        let containers = self.containers.iter().map(|(name, container)| {
            let runs = container.state == RunState::Running;
            let networks: Vec<_> = container.networks.keys().collect();
            let hash = container.config_hash().unwrap_or_default();
            format!("container {name}: runs {runs}, {hash} of {}, on {networks:?}", container.image_id)
        });
        let networks = self.networks.keys().map(|name| format!("network {name}"));
        let volumes = self.volumes.iter().map(|(name, (_, content))| format!("volume {name}: {content:?}"));
        containers.chain(networks).chain(volumes).collect()
    }

    /// Returns the names of all objects, and the state of containers.
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

/// Parses a name, or any other type.
pub(crate) fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Returns an error's hints as one text.
pub(crate) fn hints(error: &OperationError) -> String {
    error.hints().join("; ")
}

fn environment(
    engine: &Arc<MemoryEngine>,
    clock: &Arc<FakeClock>,
    ids: &Arc<CountedIds>,
    host: &Arc<FakeHost>,
) -> Environment {
    Environment {
        engines: Arc::new(MemoryEngines::new([Arc::clone(engine)])),
        clock: Arc::<FakeClock>::clone(clock),
        ids: Arc::<CountedIds>::clone(ids),
        host: Arc::<FakeHost>::clone(host),
    }
}

/// An upper bound for any command on any machine: its clock jumps.
const STANDSTILL: Duration = Duration::from_mins(1);

/// Room for eight stacks.
const ADDRESS_POOL: &str = "10.212.0.0/23";

async fn open(home: &Path, around: Environment) -> Context {
    let variable = |name: &str| match name {
        "HOME" | "DEVARCH_HOME" => Some(home.into()),
        "DEVARCH_ADDRESS_POOL" => Some(ADDRESS_POOL.into()),
        _ => None,
    };
    Context::open(Settings::read(None, variable).unwrap(), around).await.unwrap()
}

/// A home with several reachable engines.
pub(crate) struct EngineChoice {
    app: Context,
    _home: TempDir,
}

impl EngineChoice {
    /// Creates a home that looks for these engines in order; `flag` and the environment's `variable` select one.
    pub(crate) async fn of(
        engines: impl IntoIterator<Item = Arc<MemoryEngine>>,
        flag: Option<&str>,
        variable: Option<&str>,
    ) -> Self {
        let engines = MemoryEngines::new(engines);
        let engines = match variable {
            Some(name) => engines.named(name),
            None => engines,
        };
        let around = Environment {
            engines: Arc::new(engines),
            clock: Arc::new(FakeClock::default()),
            ids: Arc::new(CountedIds::default()),
            host: Arc::new(FakeHost::default()),
        };
        let home = tempfile::tempdir().unwrap();
        let read = |name: &str| matches!(name, "HOME" | "DEVARCH_HOME").then(|| home.path().into());
        let settings = Settings::read(flag.map(str::to_owned), read).unwrap();
        Self { app: Context::open(settings, around).await.unwrap(), _home: home }
    }

    /// Returns the endpoint of the engine for a stack that was never applied.
    pub(crate) async fn of_new_stack(&self) -> Result<String, OperationError> {
        self.chosen(None).await
    }

    /// Returns the endpoint of the engine for a stack that was applied at an endpoint.
    pub(crate) async fn of_stack_on(&self, endpoint: &str) -> Result<String, OperationError> {
        let name = name("shop");
        let stack = match find_stack(&self.app, &name).await {
            Ok(stack) => stack,
            Err(_) => create_stack(&self.app, &name, None).await.unwrap(),
        };
        let (kind, id) = (EngineKind::Podman, EngineId::new("an engine"));
        let engine = Some(EngineBinding { kind, id, endpoint: endpoint.to_owned() });
        self.chosen(Some(&Stack { engine, ..stack })).await
    }

    async fn chosen(&self, stack: Option<&Stack>) -> Result<String, OperationError> {
        Ok(connect_engine(&self.app, stack).await?.info().endpoint.clone())
    }
}

/// The user at the command line; each method does what the command with its name does.
struct User<'a> {
    app: &'a Context,
    project: PathBuf,
    cancel: CancellationToken,
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
            Command::Down => Box::pin(self.down(stack)).await,
            Command::Stop => Box::pin(self.stop(stack)).await,
            Command::Start => Box::pin(self.start(stack)).await,
            Command::Rollback => Box::pin(self.rollback(stack)).await,
            Command::Rename(to) => rename_stack(self.app, stack, &name(to)).await.map(drop),
            Command::Restart => Box::pin(self.restart(stack)).await,
            Command::Set(instance, field, value) => {
                let target = Target { stack: stack.clone(), instance: instance.parse().unwrap() };
                set_fields(self.app, &target, &[(field.to_owned(), value.to_owned())]).await.map(drop)
            }
            Command::RemoveInstance(instance) => {
                remove_instance(self.app, stack, &instance.parse().unwrap()).await.map(drop)
            }
            Command::Adopt => self.adopt(stack).await,
            Command::Delete => self.delete(stack, false).await,
            Command::DeleteWithVolumes => self.delete(stack, true).await,
        }
    }

    async fn up(&self, stack: &StackName, yml: &str, asked: PrepareOptions) -> Result<(), OperationError> {
        let draft = self.draft(stack, yml).await?;
        Box::pin(self.bring_about(draft, asked, "up")).await
    }

    async fn draft(&self, stack: &StackName, yml: &str) -> Result<Draft, OperationError> {
        std::fs::write(self.project.join("devarch.yml"), yml).unwrap();
        let source = find_import(self.app, &self.project, Some(stack), None).await?.unwrap();
        draft_import(self.app, &source).await
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
        let undone = undo_interrupted(self.app, locks.own(), stack, &|_| {}, &self.cancel).await;
        locks.release().await;
        undone.map(drop)
    }

    async fn start(&self, stack: &StackName) -> Result<(), OperationError> {
        let locks = self.lock(&find_stack(self.app, stack).await?, "start").await?;
        let stack = set_wanted(self.app, stack, None, DesiredRun::Running).await?;
        let needed = Some(stack.instances.keys().cloned().collect());
        let options = PrepareOptions { needed, ..PrepareOptions::default() };
        let prepared = Box::pin(prepare(self.app, &stack.name, &options)).await?.with_images();
        self.carry_out(locks, &prepared, "start").await
    }

    async fn stop(&self, stack: &StackName) -> Result<(), OperationError> {
        let locks = self.lock(&find_stack(self.app, stack).await?, "stop").await?;
        set_wanted(self.app, stack, None, DesiredRun::Stopped).await?;
        let needed = Some(BTreeSet::new());
        let options = PrepareOptions { needed, ..PrepareOptions::default() };
        let prepared = Box::pin(prepare(self.app, stack, &options)).await?;
        self.carry_out(locks, &prepared, "stop").await
    }

    async fn restart(&self, stack: &StackName) -> Result<(), OperationError> {
        let stack = find_stack(self.app, stack).await?;
        let locks = self.lock(&stack, "restart").await?;
        let restart: BTreeSet<_> = stack.instances.keys().cloned().collect();
        let needed = Some(restart.clone());
        let options = PrepareOptions { restart, needed, ..PrepareOptions::default() };
        let prepared = Box::pin(prepare(self.app, &stack.name, &options)).await?.with_images();
        self.carry_out(locks, &prepared, "restart").await
    }

    async fn down(&self, stack: &StackName) -> Result<(), OperationError> {
        let locks = self.lock(&find_stack(self.app, stack).await?, "down").await?;
        let (needed, wanted) = (Some(BTreeSet::new()), Some(DesiredRun::Absent));
        let options = PrepareOptions { needed, wanted, ..PrepareOptions::default() };
        let prepared = Box::pin(prepare(self.app, stack, &options)).await?;
        let stack = set_wanted(self.app, stack, None, DesiredRun::Absent).await?;
        self.carry_out(locks, &prepared.saved_as(stack), "down").await
    }

    async fn adopt(&self, stack: &StackName) -> Result<(), OperationError> {
        let Some(strays) = find_strays(self.app, stack).await? else {
            return Err(WrongState::NotAdoptable(stack.clone()).into());
        };
        let locks = self.lock(&strays.stack, "adopt").await?;
        let adopted = adopt_strays(self.app, locks.own(), &strays).await;
        locks.release().await;
        adopted
    }

    async fn delete(&self, stack: &StackName, volumes: bool) -> Result<(), OperationError> {
        let shown = plan_deletion(self.app, stack).await?;
        let locks = self.lock(&shown.stack, "stack delete").await?;
        let deleted = delete_stack(self.app, locks.own(), &shown, volumes).await;
        locks.release().await;
        deleted.map(drop)
    }

    /// Plans, pulls and builds missing images, and plans again.
    async fn ready(&self, stack: &Stack, asked: PrepareOptions) -> Result<Prepared, OperationError> {
        let options = PrepareOptions { prove: true, ..asked };
        let prepared = prepare_stack(self.app, stack.clone(), &options).await?;
        if !prepared.needs_images(Lookup::Tags) {
            return Ok(prepared.with_images());
        }
        let supplied = supply_images(self.app, &prepared, Lookup::Tags, &|_| {}, &self.cancel).await?;
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
        let applied = Box::pin(self.apply_prepared(&locks, prepared, command)).await;
        locks.release().await;
        applied
    }

    async fn apply_prepared(
        &self,
        locks: &StackLocks,
        prepared: &Prepared,
        command: &str,
    ) -> Result<(), OperationError> {
        let recover = Some(Recover::Resume);
        let options = ApplyOptions { command, recover, events: &|_| {}, cancel: &self.cancel };
        devarch_app::apply(self.app, locks.own(), &prepared.approved(), options).await.map(drop)
    }
}
