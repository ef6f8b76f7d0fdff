//! Runs programs.

use crate::{
    failure::{Context as _, Failure, Result},
    terminal::{note, print_line},
};
use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How much of a log is shown where its program failed.
const TAIL: usize = 25;

/// A program to run, with Debian's directories of administrators' programs on its `PATH`.
#[expect(clippy::disallowed_methods, reason = "tasks consist of running programs")]
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", search_path());
    command
}

/// The same with root's rights, through sudo where they are missing.
pub(crate) fn as_root(name: impl AsRef<OsStr>) -> Result<Command> {
    if is_root() {
        return Ok(program(name));
    }
    if find("sudo").is_none() {
        let name = name.as_ref().to_string_lossy();
        return Err(
            Failure::new(format!("`{name}` needs root and sudo is not installed")).help("run this as root")
        );
    }
    let mut command = program("sudo");
    command.arg(name);
    Ok(command)
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where a program is, if it is installed.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = search_path();
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| is_program(file))
}

/// Whether a file can be run.
pub(crate) fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// `PATH` with the directories of programs for administrators.
pub(crate) fn search_path() -> String {
    let path = env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// Extensions for running a program.
pub(crate) trait Run {
    /// Runs it with this terminal.
    fn run(&mut self) -> Result<()>;
    /// Runs it and returns what it printed.
    fn read(&mut self) -> Result<String>;
    /// Runs it, prints its standard output as it arrives, and returns it with the program's result.
    fn tee(&mut self) -> Result<(String, Result<()>)>;
    /// Runs it with its output in a file, whose end is shown on failure.
    fn log_to(&mut self, log: &Path) -> Result<()>;
}

impl Run for Command {
    fn run(&mut self) -> Result<()> {
        let status = self.status().context(format!("cannot start `{}`", shown(self)))?;
        if status.success() { Ok(()) } else { Err(ended(self, status)) }
    }

    fn read(&mut self) -> Result<String> {
        let output = self.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.context(format!("cannot start `{}`", shown(self)))?;
        if !output.status.success() {
            return Err(ended(self, output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn tee(&mut self) -> Result<(String, Result<()>)> {
        let failed = format!("cannot start `{}`", shown(self));
        let mut child = self.stdout(Stdio::piped()).spawn().context(failed)?;
        let mut printed = String::new();
        for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line.context(format!("cannot read what `{}` prints", shown(self)))?;
            print_line(&line);
            printed.push_str(&line);
            printed.push('\n');
        }
        let status = child.wait().context(format!("cannot wait for `{}`", shown(self)))?;
        Ok((printed, if status.success() { Ok(()) } else { Err(ended(self, status)) }))
    }

    fn log_to(&mut self, log: &Path) -> Result<()> {
        let (out, error) = streams(log)?;
        let status = self.stdin(Stdio::null()).stdout(out).stderr(error).status();
        let status = status.context(format!("cannot start `{}`", shown(self)))?;
        if status.success() {
            return Ok(());
        }
        note(tail(log));
        Err(ended(self, status)
            .help(format!("the end of its log is above, the whole is in {}", log.display())))
    }
}

/// A log, opened for both streams of a program.
pub(crate) fn streams(log: &Path) -> Result<(File, File)> {
    let unwritable = || format!("cannot write {}", log.display());
    let out = File::options().create(true).append(true).open(log).context(unwritable())?;
    let error = out.try_clone().context(unwritable())?;
    Ok((out, error))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

fn ended(command: &Command, status: std::process::ExitStatus) -> Failure {
    Failure::new(format!("`{}` failed ({status})", shown(command)))
}

/// A command as typed in a shell, without quoting.
pub(crate) fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Installs what is missing of Debian's packages.
pub(crate) fn install(repository: &crate::repository::Repository, packages: &[&str]) -> Result<()> {
    program(repository.path("scripts/packages")).args(packages).run()
}

/// Makes sure that a program of a Debian package can be run.
pub(crate) fn require(repository: &crate::repository::Repository, name: &str, package: &str) -> Result<()> {
    if find(name).is_some() { Ok(()) } else { install(repository, &[package]) }
}
