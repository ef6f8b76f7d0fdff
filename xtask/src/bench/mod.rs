//! Compares DevArch's speed and size with Docker Compose, podman-compose and the engines' bare API.

mod cases;
mod interrupts;
mod measure;
mod results;
mod stacks;
mod table;

use crate::{
    cargo::cargo,
    compose_tools::{ComposeTools, PODMAN_COMPOSE},
    engine::EngineName,
    failure::{Context as _, Result},
    http::{Address, Client},
    images,
    process::{Run as _, program},
    repository::Repository,
    terminal::{note, print_line},
};
use interrupts::Interrupts;
use measure::{Stopwatch, Usage};
use results::{Key, Results};
use serde::Deserialize;
use stacks::Files;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{self, Command, ExitCode},
    time::{SystemTime, UNIX_EPOCH},
};
use table::{Layout, Line};
use tempfile::TempDir;

/// The image of all measured containers.
const IMAGE: &str = "busybox:1.37";

/// Variables that would change the contestants' behaviour.
const INTERFERING_VARIABLES: [&str; 5] =
    ["CONTAINER_HOST", "DEVARCH_ENGINE", "DEVARCH_DATABASE_URL", "COMPOSE_PROJECT_NAME", "COMPOSE_FILE"];

/// Measure DevArch beside Docker Compose, podman-compose and the engines' bare API
///
/// One machine, one run, medians of whole processes. Both engines have to run (scripts/engines up). What is made belongs to
/// names of this run's own and to a home in a temporary directory, and is removed at the end, also after an interrupt. Only
/// the small volume by which DevArch knows an engine stays: other stores may rely on it by then.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure fewer rounds; plan 500 instances without starting them, and leave out the case `many`
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    table: TableArgs,
    /// Measure what was built before
    #[arg(long)]
    no_build: bool,
    /// What to measure (everything by default)
    cases: Vec<Case>,
}

/// How the table is printed.
#[derive(Debug, clap::Args)]
struct TableArgs {
    /// Exit with 1 if a target is missed
    #[arg(long)]
    check: bool,
    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Case {
    /// Fifty instances run and nothing is to be done
    Warm,
    /// The first plan of 500 instances
    Plan,
    /// Thirty instances from nothing
    Cold,
    /// Four instances, each waiting for the one before
    Chain,
    /// A web server is replaced while its page is asked for
    Replace,
    /// Memory of 500 instances
    Memory,
    /// A hundred stacks
    Many,
}

impl Case {
    const ALL: [Self; 7] =
        [Self::Warm, Self::Plan, Self::Cold, Self::Chain, Self::Replace, Self::Memory, Self::Many];
}

/// Measures and prints the table.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let repository = Repository::open()?;
    if !args.no_build {
        build(&repository)?;
    }
    let mut bench = Bench::prepare(&repository, args.quick)?;
    let measured = bench.measure(args);
    let removed = bench.remove();
    if let Some(signal) = bench.stopwatch.interrupts.signal() {
        return Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)));
    }
    measured?;
    removed?;
    bench.print_machine()?;
    let layout = if args.table.markdown { Layout::Markdown } else { Layout::Plain };
    let met = table::print(&bench.lines, &bench.results, layout)?;
    Ok(if met || !args.table.check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(repository: &Repository) -> Result<()> {
    let mut build = cargo(repository)?;
    build.args([
        "build",
        "--quiet",
        "--release",
        "-p",
        "devarch",
        "-p",
        "devarch-testkit",
        "-p",
        "devarch-store",
    ]);
    build.args(["--bin", "devarch", "--example", "bare", "--example", "journal"]).run()
}

/// A run of the benchmark.
struct Bench {
    devarch: PathBuf,
    bare: PathBuf,
    journal: PathBuf,
    tools: ComposeTools,
    addresses: BTreeMap<EngineName, Address>,
    /// Name prefix of everything that this run creates.
    run: String,
    work: TempDir,
    quick: bool,
    stopwatch: Stopwatch,
    results: Results,
    lines: Vec<Line>,
    /// Stacks that podman-compose has started.
    composed: Vec<String>,
}

impl Bench {
    fn prepare(repository: &Repository, quick: bool) -> Result<Self> {
        let mut addresses = BTreeMap::new();
        for engine in EngineName::MAIN {
            addresses.insert(engine, engine.connect(repository)?.address().clone());
            if !images::missing(engine, &[IMAGE], repository)?.is_empty() {
                images::ensure(engine, &[IMAGE], repository)?;
            }
        }
        let work = tempfile::Builder::new().prefix("devarch-bench.").tempdir();
        let work = work.context("cannot make a temporary directory")?;
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_millis());
        Ok(Self {
            devarch: repository.target("release/devarch"),
            bare: repository.target("release/examples/bare"),
            journal: repository.target("release/examples/journal"),
            tools: ComposeTools::get(repository)?,
            addresses,
            run: format!("bench-{}-{moment}", process::id()),
            quick,
            stopwatch: Stopwatch { output: work.path().join("output"), interrupts: Interrupts::watch()? },
            work,
            results: Results::default(),
            lines: Vec::new(),
            composed: Vec::new(),
        })
    }

    fn measure(&mut self, args: &Args) -> Result<()> {
        let cases = if args.cases.is_empty() { Case::ALL.as_slice() } else { &args.cases };
        for case in cases {
            if self.quick && *case == Case::Many {
                continue;
            }
            note(format!("{case:?} ...").to_lowercase());
            match case {
                Case::Warm => self.warm(),
                Case::Plan => self.plan(),
                Case::Cold => self.cold(),
                Case::Chain => self.chain(),
                Case::Replace => self.replace(),
                Case::Memory => self.memory(),
                Case::Many => self.many(),
            }?;
        }
        Ok(())
    }

    /// Removes everything this run created, on both engines.
    fn remove(&mut self) -> Result<()> {
        for stack in std::mem::take(&mut self.composed) {
            // Leftovers are swept below.
            let _ = self.podman_compose(&stack, &["down", "-t", "0"]).output();
        }
        let results = EngineName::MAIN.map(|engine| self.sweep_command(engine, &self.run).run());
        results.into_iter().collect()
    }

    /// How many rounds are measured.
    fn rounds(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    fn write(&self, stack: &str, files: &Files) -> Result<()> {
        let directory = self.work.path().join(stack);
        let failed = || format!("cannot write to {}", directory.display());
        fs::create_dir_all(&directory).context(failed())?;
        fs::write(directory.join("devarch.yml"), &files.devarch).context(failed())?;
        let compose = files.compose.as_ref();
        compose.map_or(Ok(()), |text| fs::write(directory.join("compose.yaml"), text)).context(failed())
    }

    fn time(&mut self, key: impl Into<Key>, mut command: Command) -> Result<()> {
        let Usage { seconds, kibibytes } = self.stopwatch.time(&mut command)?;
        self.results.add(&key.into(), seconds, kibibytes);
        Ok(())
    }

    fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    fn address(&self, engine: EngineName) -> String {
        self.addresses.get(&engine).map(ToString::to_string).unwrap_or_default()
    }

    /// A program without the user's settings.
    fn program(&self, name: &PathBuf) -> Command {
        let mut command = program(name);
        for variable in INTERFERING_VARIABLES {
            command.env_remove(variable);
        }
        command.env("DOCKER_HOST", self.address(EngineName::Docker));
        command.env("DEVARCH_HOME", self.work.path().join("home"));
        command
    }

    /// `devarch` in the stack's directory.
    fn ours(&self, engine: EngineName, stack: &str, words: &[&str]) -> Command {
        let mut command = self.program(&self.devarch);
        command.arg("-C").arg(self.work.path().join(stack)).arg("--engine").arg(self.address(engine));
        command.args(words).arg(stack);
        command
    }

    /// `docker compose` on the same stack.
    fn theirs(&self, stack: &str, words: &[&str]) -> Command {
        self.compose(&self.tools.docker, stack, words)
    }

    fn podman_compose(&self, stack: &str, words: &[&str]) -> Command {
        self.compose(&self.tools.podman, stack, words)
    }

    fn compose(&self, tool: &PathBuf, stack: &str, words: &[&str]) -> Command {
        let mut command = self.program(tool);
        command.args(["-p", stack, "-f"]).arg(self.work.path().join(stack).join("compose.yaml")).args(words);
        command
    }

    fn bare(&self, words: &[&str]) -> Command {
        let mut command = self.program(&self.bare);
        command.args(words);
        command
    }

    fn sweep_command(&self, engine: EngineName, prefix: &str) -> Command {
        self.bare(&["down", &self.address(engine), prefix])
    }

    /// Removes what belongs to stacks and projects with this name prefix.
    fn sweep(&self, engine: EngineName, prefix: &str) -> Result<()> {
        self.stopwatch.interrupts.check()?;
        self.sweep_command(engine, prefix).run()
    }

    /// A stack is bound to the engine of its first apply; the next engine gets a new store.
    fn forget_home(&self) -> Result<()> {
        fs::remove_dir_all(self.work.path().join("home")).context("cannot remove the home of the benchmark")
    }

    fn print_machine(&self) -> Result<()> {
        let (memory, load) = (fs::read_to_string("/proc/meminfo"), fs::read_to_string("/proc/loadavg"));
        let memory = memory.context("cannot read /proc/meminfo")?;
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
        let load = load.context("cannot read /proc/loadavg")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let compose = program(&self.tools.docker).args(["version", "--short"]).read()?;
        print_line(format!(
            "{cores} cores, {}, load {}; Docker {}, Podman {}; docker compose {}, podman-compose {PODMAN_COMPOSE}\n",
            memory.trim(),
            load.split(' ').next().unwrap_or_default(),
            self.version(EngineName::Docker)?,
            self.version(EngineName::Podman)?,
            compose.trim(),
        ));
        Ok(())
    }

    fn version(&self, engine: EngineName) -> Result<String> {
        let address = self.addresses.get(&engine).context("the engine is not measured")?;
        let version: Version = Client::new(address.clone())?.get("/version")?.json()?;
        Ok(version.version)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}
