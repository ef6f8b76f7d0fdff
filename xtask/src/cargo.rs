//! Cargo and the tools installed with it, in a separate directory.

use crate::{
    failure::{Context as _, Result},
    process::{self, Run as _, program, search_path},
    repository::Repository,
    terminal::note,
};
use std::{env, path::PathBuf, process::Command};

/// A cargo subcommand that is installed separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Nextest,
    Machete,
    Deny,
}

impl Tool {
    fn package(self) -> &'static str {
        match self {
            Self::Nextest => "cargo-nextest",
            Self::Machete => "cargo-machete",
            Self::Deny => "cargo-deny",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_installed(self, repository: &Repository) -> bool {
        process::find(self.package()).is_some()
            || process::is_program(&tools(repository).join("bin").join(self.package()))
    }

    /// Installs it where it is missing. This builds it, which takes minutes.
    pub(crate) fn require(self, repository: &Repository) -> Result<()> {
        if self.is_installed(repository) {
            return Ok(());
        }
        let root = tools(repository);
        note(format!("installing {} into {}", self.package(), root.display()));
        let mut install = cargo(repository)?;
        install.args(["install", "--quiet", "--locked", "--root"]).arg(root).arg(self.package()).run()
    }
}

/// Cargo in the checkout, with those tools.
pub(crate) fn cargo(repository: &Repository) -> Result<Command> {
    let usual = search_path();
    let path = env::join_paths([tools(repository).join("bin")].into_iter().chain(env::split_paths(&usual)));
    let mut command = program("cargo");
    command.current_dir(repository.path("")).env("PATH", path.context("PATH cannot be extended")?);
    Ok(command)
}

fn tools(repository: &Repository) -> PathBuf {
    repository.state("tools/cargo")
}
