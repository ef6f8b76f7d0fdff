//! Everything real that tests use: engines, images, PostgreSQL, Compose. Prepared while other stages run.

use crate::{
    engine::{EngineName, exports},
    failure::{Context as _, Failure, Result},
    http::Address,
    process::{self, Run as _, program},
    repository::Repository,
    terminal::print_line,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::{self, JoinHandle},
};

/// The image that the tests of a rootless Podman use.
const ROOTLESS_IMAGE: &str = "busybox:1.37";

/// An environment that is being prepared.
pub(crate) struct Preparation {
    log: PathBuf,
    thread: JoinHandle<Result<()>>,
}

impl Preparation {
    /// Starts preparing, in the background.
    pub(crate) fn begin(repository: &Repository) -> Result<Self> {
        let log = repository.log("test-environment")?;
        fs::write(&log, "").context(format!("cannot write {}", log.display()))?;
        let (repository, file) = (repository.clone(), log.clone());
        Ok(Self { log, thread: thread::spawn(move || prepare(&repository, &file)) })
    }

    /// Waits for its end and prints what became of it.
    pub(crate) fn wait(self) -> Result<()> {
        let result = self.thread.join().unwrap_or_else(|_| Err(Failure::new("the preparation panicked")));
        let printed = fs::read_to_string(&self.log).unwrap_or_default();
        let is_progress = |line: &str| line.starts_with("scripts/") || line.starts_with("xtask: ");
        for line in printed.lines().filter(|line| result.is_err() || !is_progress(line)) {
            print_line(line);
        }
        result.map_err(|failure| failure.help("tests that need a missing part print SKIPPED"))
    }
}

/// A part that fails does not keep the others from being prepared.
fn prepare(repository: &Repository, log: &Path) -> Result<()> {
    let script = |name: &str, words: &[&str]| {
        let mut command = program(repository.path(name));
        command.args(words);
        command
    };
    let engine = |name: &str, images: &[&str]| {
        let images = [&["ensure", name], images].concat();
        vec![script("scripts/engines", &["up", name]), script("scripts/images", &images)]
    };
    let parts = [
        engine("docker", &[]),
        engine("podman", &[]),
        engine("rootless", &[ROOTLESS_IMAGE]),
        vec![script("scripts/postgres", &["up"])],
        vec![script("scripts/compose-tools", &[])],
    ];
    let results: Vec<Result<()>> = parts.into_iter().map(|part| in_turn(part, log)).collect();
    results.into_iter().collect()
}

fn in_turn(commands: Vec<Command>, log: &Path) -> Result<()> {
    commands.into_iter().try_for_each(|mut command| {
        let (out, error) = process::streams(log)?;
        command.stdout(out).stderr(error).run()
    })
}

/// The addresses of what runs, as the variables that tests read.
pub(crate) fn variables(repository: &Repository) -> Vec<(String, String)> {
    let scripts = ["scripts/engines", "scripts/postgres", "scripts/compose-tools"];
    // An engine that is not running has no address.
    let printed =
        scripts.into_iter().filter_map(|script| program(repository.path(script)).arg("env").read().ok());
    printed.flat_map(|text| exports(&text)).collect()
}

/// The addresses of engines among these variables.
pub(crate) fn endpoints(variables: &[(String, String)]) -> Vec<Address> {
    let engines = [EngineName::Docker, EngineName::Podman, EngineName::Rootless].map(EngineName::variable);
    let found = variables.iter().filter(|(name, _)| engines.contains(&name.as_str()));
    found.filter_map(|(_, value)| value.parse().ok()).collect()
}
