//! Runs tests with nextest, and counts them from its report.

use super::{
    junit,
    stages::Verdict,
    tally::{Tally, Totals},
};
use crate::{
    cargo::cargo,
    engine::EngineName,
    failure::{Context as _, Result},
    process::Run as _,
    repository::Repository,
};
use std::{env, fs, io::ErrorKind};

/// Half of the tests. Each test is in one of them: `.config/nextest.toml` has a profile for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Those that need no engine and no PostgreSQL.
    Fast,
    Engines,
}

impl Group {
    fn profile(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Engines => "engines",
        }
    }
}

/// A run of some tests.
pub(crate) struct Nextest<'a> {
    pub(crate) group: Group,
    /// Arguments that choose among the group's.
    pub(crate) chosen: &'a [String],
    /// Environment variables for tests, in addition to this process's.
    pub(crate) variables: &'a [(String, String)],
}

impl Nextest<'_> {
    /// Runs them and adds them to what ran before.
    pub(crate) fn run(&self, repository: &Repository, tally: &mut Tally, totals: &Totals) -> Result<Verdict> {
        let report = repository.target("nextest").join(self.group.profile()).join("junit.xml");
        match fs::remove_file(&report) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context(format!("cannot remove {}", report.display()));
            }
            _ => {}
        }
        let mut command = cargo(repository)?;
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "pass"]);
        command.args(["--profile", self.group.profile()]);
        command
            .arg("--tool-config-file")
            .arg(format!("devarch:{}", repository.path("xtask/nextest.toml").display()));
        let ran = command.args(self.chosen).envs(self.variables.iter().cloned()).run();
        // A run that ended before its tests has no report.
        let Ok(text) = fs::read_to_string(&report) else { return ran.map(|()| Verdict::Passed) };
        if tally.add(junit::read(&text)?, totals) > 0 {
            Ok(Verdict::TestsFailed)
        } else {
            ran.map(|()| Verdict::Passed)
        }
    }
}

/// Addresses at which no engine answers: a test that needs one although its name does not contain it is counted as
/// skipped.
pub(crate) fn without_engines() -> Vec<(String, String)> {
    let engines = [EngineName::Docker, EngineName::Podman, EngineName::Rootless];
    engines.map(|engine| (engine.variable().to_owned(), "unix:///nonexistent/engine.sock".to_owned())).into()
}

/// Settings of a short run: fuzzing takes a quarter of its time, unless its time is set.
pub(crate) fn brief() -> Option<(String, String)> {
    const SECONDS: &str = "DEVARCH_FUZZ_SECONDS";
    env::var_os(SECONDS).is_none().then(|| (SECONDS.to_owned(), "15".to_owned()))
}

#[cfg(test)]
mod tests {
    /// The value of a profile's filter in the project's settings.
    fn filter(profile: &str) -> String {
        let settings = include_str!("../../../.config/nextest.toml");
        let rest = settings.split(&format!("[profile.{profile}]")).nth(1).unwrap();
        let rest = rest.split("default-filter = '''").nth(1).unwrap();
        let filter = rest.split("'''").next().unwrap();
        filter.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_test_is_in_one_group() {
        assert_eq!(filter("fast"), format!("not ({})", filter("engines")));
    }
}
