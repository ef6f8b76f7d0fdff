//! The engines on this machine. `scripts/engines` finds and starts them.

use crate::{
    failure::{Failure, Result},
    http::{Address, Client},
    process::{Run as _, program},
    repository::Repository,
};
use std::fmt;

/// An engine that tests and demo use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum EngineName {
    /// Docker
    Docker,
    /// Root's Podman, or the user's where root does not run this
    Podman,
    /// Podman as it runs for an ordinary user
    Rootless,
}

impl EngineName {
    /// The engines that stacks are shown and measured on.
    pub(crate) const MAIN: [Self; 2] = [Self::Docker, Self::Podman];

    /// Its name on a command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Rootless => "rootless",
        }
    }

    /// Its name in a sentence.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
            Self::Rootless => "rootless Podman",
        }
    }

    /// The environment variable with its address for tests.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Docker => "DEVARCH_TEST_DOCKER",
            Self::Podman => "DEVARCH_TEST_PODMAN",
            Self::Rootless => "DEVARCH_TEST_ROOTLESS",
        }
    }

    /// The address at which it answers, if it runs.
    pub(crate) fn address(self, repository: &Repository) -> Option<Address> {
        let printed = program(repository.path("scripts/engines")).args(["env", self.word()]).read().ok()?;
        let variable = self.variable();
        exports(&printed).into_iter().find(|(name, _)| name == variable)?.1.parse().ok()
    }

    /// A client of it.
    pub(crate) fn connect(self, repository: &Repository) -> Result<Client> {
        let missing = || {
            Failure::new(format!("{self} does not answer on any known socket"))
                .help(format!("run `scripts/engines up {self}`"))
        };
        Client::new(self.address(repository).ok_or_else(missing)?)
    }

    /// Installs and starts it where it does not run.
    pub(crate) fn start(self, repository: &Repository) -> Result<()> {
        program(repository.path("scripts/engines")).args(["up", self.word()]).run()
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The variables of `export NAME=VALUE` lines, as the scripts print them.
pub(crate) fn exports(printed: &str) -> Vec<(String, String)> {
    let lines = printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_variables_keep_equals_signs_in_their_values() {
        let read = exports("export A=unix:///x\nnoise\nexport B=postgres://u:p=@h/d\n");
        assert_eq!(read, [("A".into(), "unix:///x".into()), ("B".into(), "postgres://u:p=@h/d".into())]);
    }
}
