//! A hermetic environment for the program: its own home and project, and no variables of the user.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod gate;
pub(crate) mod postgres;
pub(crate) mod pty;
pub(crate) mod server;
pub(crate) mod user;

use devarch_app::{Context, Environment, Settings, draft_import, find_import, save_draft};
use devarch_core::{engine::EngineKind, name::StackName, spec::label};
use devarch_engine::{Candidate, Engine, Way, connect};
use devarch_store::Store;
use devarch_testkit::{
    fixture::Fixture,
    outside, real,
    scope::{Claim, clear_container},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::runtime::{EnterGuard, Runtime};
use user::User;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// An endpoint without an engine.
const NO_ENGINE: &str = "unix:///nonexistent/engine.sock";

/// A home, a project directory and optionally an engine.
pub(crate) struct Sandbox {
    /// Contains everything the test creates.
    root: TempDir,
    /// A unique stack name.
    pub(crate) stack: String,
    /// The store's URL; `None` means the home's SQLite file.
    pub(crate) database: Option<String>,
    engine: Option<Fixture>,
    /// Runs the program; `None` means the test's own user.
    user: Option<User>,
    runtime: Runtime,
    slot: Claim,
}

/// Maximum number of concurrent sandboxes. Stores and engines do not know of each other, so each sandbox has its own
/// host ports and subnets.
const SANDBOXES: u16 = 64;
/// Host ports per sandbox.
const PORTS: u16 = 100;

/// The program's exit code and output.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// Creates a sandbox without an engine; its stack is called `shop`.
    pub(crate) fn without_engine() -> Self {
        let root = tempfile::Builder::new().prefix("devarch-cli").tempdir().unwrap();
        std::fs::create_dir(root.path().join("project")).unwrap();
        std::fs::create_dir(root.path().join("tmp")).unwrap();
        let runtime = Runtime::new().unwrap();
        let slot = Claim::below(SANDBOXES, "worlds");
        Self { root, stack: "shop".to_owned(), database: None, engine: None, user: None, runtime, slot }
    }

    /// Creates a sandbox on a real engine; `None` if it is not available.
    pub(crate) fn on(kind: EngineKind) -> Option<Self> {
        let mut sandbox = Self::without_engine();
        sandbox.engine = Some(sandbox.runtime.block_on(real::engine(kind))?);
        sandbox.stack = unique_stack_name();
        Some(sandbox)
    }

    /// Creates a sandbox on rootless Podman, with the program running as the same user.
    pub(crate) fn on_rootless() -> Option<Self> {
        let mut sandbox = Self::without_engine();
        sandbox.engine = Some(sandbox.runtime.block_on(real::rootless())?);
        sandbox.stack = unique_stack_name();
        let user = User::owner_of(Path::new(sandbox.endpoint().strip_prefix("unix://").unwrap()));
        user.take_over(sandbox.root.path());
        sandbox.user = Some(user);
        Some(sandbox)
    }

    /// The project directory.
    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// The program's directory for temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// The DevArch home.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The host ports that this sandbox's stores assign.
    fn port_range(&self) -> String {
        let first = 20_000 + self.slot.number() * PORTS;
        format!("{first}-{}", first + PORTS - 1)
    }

    /// The subnets that this sandbox's stores assign: enough for sixteen stacks.
    pub(crate) fn address_pool(&self) -> String {
        format!("10.212.{}.0/22", self.slot.number() * 4)
    }

    /// Writes the project's devarch.yml; `STACK` is replaced by the stack's name.
    pub(crate) fn write(&self, text: &str) {
        let text = text.replace("STACK", &self.stack);
        std::fs::write(self.project().join("devarch.yml"), text).unwrap();
    }

    /// The store's URL.
    pub(crate) fn database(&self) -> String {
        let file = || format!("sqlite://{}", self.home().join("devarch.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    /// The engine under test.
    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine.as_ref().unwrap().engine
    }

    /// The engine under test, with helpers to create objects on it.
    pub(crate) fn fixture(&self) -> &Fixture {
        self.engine.as_ref().unwrap()
    }

    /// Blocks on an engine call.
    pub(crate) fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// Enters the sandbox's runtime, so that tasks can be spawned.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// The program, in the project directory; `STACK` in an argument is replaced by the stack's name.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let program = match &self.user {
            Some(_) => user::program_in(self.root.path()),
            None => PathBuf::from(env!("CARGO_BIN_EXE_devarch")),
        };
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut command = Command::new(program);
        let endpoint = self.engine.as_ref().map(|fixture| fixture.engine.info().endpoint.clone());
        command
            .env_clear()
            .env("HOME", self.root.path())
            .env("DEVARCH_HOME", self.home())
            .envs(self.database.iter().map(|url| ("DEVARCH_DATABASE_URL", url)))
            .env("DEVARCH_ENGINE", endpoint.as_deref().unwrap_or(NO_ENGINE))
            .env("DEVARCH_PORTS", self.port_range())
            .env("DEVARCH_ADDRESS_POOL", self.address_pool())
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", self.temporary())
            .current_dir(self.project())
            .args(args.iter().map(|arg| arg.replace("STACK", &self.stack)))
            .stdin(Stdio::null());
        if let Some(user) = &self.user {
            user.runs(&mut command);
        }
        command
    }

    /// The program with another engine endpoint.
    pub(crate) fn command_at(&self, endpoint: &str, args: &[&str]) -> Command {
        let mut command = self.command(args);
        command.env("DEVARCH_ENGINE", endpoint).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The endpoint of the engine under test.
    pub(crate) fn endpoint(&self) -> String {
        self.engine().info().endpoint.clone()
    }

    /// Runs the program to its exit.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.end(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Runs the program with `input` on standard input.
    pub(crate) fn feed(&self, input: &[u8], args: &[&str]) -> Ran {
        let mut command = self.command(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.end(child)
    }

    /// Runs a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "devarch {args:?}\n{ran}");
        ran
    }

    /// Repeats a command for up to ten seconds until the result is as expected; returns the last result. For tests
    /// that resolve container names: Podman before 4.8 may change the name server's hardware address when a container
    /// joins or leaves the network, and it takes two seconds until it is found again.
    pub(crate) fn run_until(&self, args: &[&str], expected: impl Fn(&Ran) -> bool) -> Ran {
        self.run_within(Duration::from_secs(10), args, expected)
    }

    /// Like `run_until`, with another time limit.
    pub(crate) fn run_within(&self, limit: Duration, args: &[&str], expected: impl Fn(&Ran) -> bool) -> Ran {
        let begun = Instant::now();
        loop {
            let ran = self.run(args);
            if expected(&ran) || begun.elapsed() > limit {
                return ran;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Repeats a command until it succeeds.
    pub(crate) fn ok_soon(&self, args: &[&str]) -> Ran {
        let ran = self.run_until(args, |ran| ran.code == 0);
        assert_eq!(ran.code, 0, "devarch {args:?}\n{ran}");
        ran
    }

    /// Repeats a command until it is refused with these words; fails as soon as it succeeds.
    pub(crate) fn refused(&self, args: &[&str], words: &str) {
        let ran = self.run_until(args, |ran| ran.code == 0 || ran.stderr.contains(words));
        assert!(ran.code != 0 && ran.stderr.contains(words), "devarch {args:?}\n{ran}");
    }

    /// Runs a command that must exit with this code.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "devarch {args:?}\n{ran}");
        ran
    }

    /// Runs a command and parses its JSON output.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// The number of the stack's containers on the engine.
    pub(crate) fn containers(&self) -> usize {
        let prefix = format!("devarch-{}-", self.stack);
        let all = self.wait(self.engine().containers()).unwrap();
        all.iter().filter(|container| container.name.as_str().starts_with(&prefix)).count()
    }

    /// The number of the stack's networks on the engine.
    pub(crate) fn networks(&self) -> usize {
        let prefix = format!("devarch-{}-", self.stack);
        let all = self.wait(self.engine().networks()).unwrap();
        all.iter().filter(|network| network.name.starts_with(&prefix)).count()
    }

    /// Stores the project's stack as `up` would, without an engine.
    pub(crate) fn define(&self, text: &str) {
        self.write(text);
        self.define_in(&self.project(), None);
    }

    /// Stores the stack of a directory, optionally under another name.
    pub(crate) fn define_in(&self, directory: &Path, renamed: Option<&str>) {
        let home = self.home();
        let variable = |name: &str| match name {
            "DEVARCH_HOME" => Some(home.clone().into_os_string()),
            "DEVARCH_PORTS" => Some(self.port_range().into()),
            "DEVARCH_ADDRESS_POOL" => Some(self.address_pool().into()),
            _ => None,
        };
        let mut settings = Settings::read(None, variable).unwrap();
        settings.database = self.database().parse().unwrap();
        let renamed: Option<StackName> = renamed.map(|name| name.parse().unwrap());
        self.wait(async {
            let ctx = Context::open(settings, Environment::real()).await.unwrap();
            let source = find_import(&ctx, directory, None, renamed.as_ref()).await.unwrap().unwrap();
            save_draft(&ctx, &draft_import(&ctx, &source).await.unwrap()).await.unwrap();
        });
    }

    /// Waits for a process and collects its output.
    pub(crate) fn end(&self, child: Child) -> Ran {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| {
            let root = self.root.path().canonicalize().unwrap();
            let text = String::from_utf8_lossy(bytes).replace(root.to_str().unwrap(), "$ROOT");
            if self.engine.is_some() { text.replace(&self.stack, "STACK") } else { text }
        };
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

fn unique_stack_name() -> String {
    format!("cli{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Sends a signal to a process.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        write!(f, "--- exit {}", self.code)
    }
}

impl Drop for Sandbox {
    /// Removes everything of this home's store from the engine, even if the test failed.
    fn drop(&mut self) {
        let Some(fixture) = &self.engine else { return };
        let endpoint = fixture.engine.info().endpoint.clone();
        let database = self.database();
        let (stack, key_file) = (self.stack.clone(), self.home().join("secret.key"));
        // In a thread with its own runtime: the test may be panicking in this one.
        let sweeper = std::thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                sweep(&endpoint, (&database, &key_file), &stack).await;
                sweep_images(&endpoint, &stack).await;
            });
        });
        let _ = sweeper.join();
    }
}

/// Removes objects named after the test's stacks, even if the store is gone, and all objects of the store.
async fn sweep(endpoint: &str, (database, key_file): (&str, &Path), stack: &str) {
    let store = match Store::open(&database.parse().unwrap(), "test", key_file).await {
        Ok(store) => store.identity().await.ok(),
        Err(_) => None,
    };
    let way = Way::Dial(endpoint.to_owned());
    let candidate = Candidate { way, because: "cleaning up".to_owned(), only: None };
    let Ok(engine) = connect(&[candidate]).await else { return };
    let prefix = format!("devarch-{stack}-");
    let ours = |name: &str, labels: &BTreeMap<String, String>| {
        let owner = labels.get(label::STORE_ID).map(String::as_str);
        let of_store = store.as_ref().is_some_and(|store| owner == Some(store.id.as_str()));
        of_store || (owner.is_some() && name.starts_with(&prefix))
    };
    for container in engine.containers().await.unwrap_or_default() {
        if ours(container.name.as_str(), &container.labels) {
            clear_container(engine.as_ref(), &container.id).await;
        }
    }
    for network in engine.networks().await.unwrap_or_default() {
        if ours(&network.name, &network.labels) {
            let _ = engine.remove_network(&network.id).await;
        }
    }
    for (name, labels) in engine.volumes().await.unwrap_or_default() {
        if ours(&name, &labels) {
            let name = devarch_core::name::PhysicalVolume::from_stored(name);
            let _ = engine.remove_volume(&name).await;
        }
    }
}

/// Removes images that tests built (labelled with the stack's name) or tagged (with the stack's name in the tag).
async fn sweep_images(endpoint: &str, stack: &str) {
    let all = outside::get(endpoint, "/images/json").await;
    for image in all.as_array().into_iter().flatten() {
        let tags = image["RepoTags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str());
        let named = tags.filter(|tag| tag.contains(&format!("devarch-{stack}-")));
        let built = image["Labels"]["devarch.test"] == stack;
        let id = image["Id"].as_str().filter(|_| built);
        for name in named.chain(id) {
            outside::call(endpoint, "DELETE", &format!("/images/{name}?force=true")).await;
        }
    }
}
