//! Stages that check the sources: formatting, lints, documentation, dependencies, spelling, shell scripts.

use crate::{
    cargo::{Tool, cargo},
    failure::{Context as _, Failure, Result},
    process::{self, Run as _, program},
    repository::Repository,
};
use std::fs;

/// The toolchain has what the stages need.
pub(crate) fn toolchain(repository: &Repository) -> Result<()> {
    cargo(repository)?.arg("--version").run()?;
    for (component, help) in
        [("fmt", "rustup component add rustfmt"), ("clippy", "rustup component add clippy")]
    {
        let found = cargo(repository)?.args([component, "--version"]).read();
        found.map_err(|failure| failure.help(format!("run `{help}`")))?;
    }
    Ok(())
}

/// Every source file is formatted.
pub(crate) fn format(repository: &Repository) -> Result<()> {
    let checked = cargo(repository)?.args(["fmt", "--all", "--check"]).run();
    checked.map_err(|failure| failure.help("run `cargo fmt --all`"))
}

/// No lint has anything to report.
pub(crate) fn clippy(repository: &Repository) -> Result<()> {
    cargo(repository)?.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// The documentation builds without a warning.
pub(crate) fn documentation(repository: &Repository) -> Result<()> {
    let mut command = cargo(repository)?;
    command.args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

/// Every dependency is used.
pub(crate) fn unused_dependencies(repository: &Repository) -> Result<()> {
    Tool::Machete.require(repository)?;
    cargo(repository)?.args(["machete", "crates", "xtask"]).run()
}

/// Dependencies have accepted licences and sources.
pub(crate) fn dependencies(repository: &Repository) -> Result<()> {
    cargo(repository)?.args(["deny", "check", "bans", "licenses", "sources"]).run()
}

/// Checks for misspellings that `codespell` knows. `.codespellrc` lists what it skips.
pub(crate) fn spelling(repository: &Repository) -> Result<()> {
    process::require(repository, "codespell", "codespell")?;
    let checked = program("codespell").current_dir(repository.path("")).args(files(repository, &[])?).run();
    checked.map_err(|_| Failure::new("words are misspelt").help("fix them, or list them in .codespellrc"))
}

/// Runs `shellcheck`.
pub(crate) fn shell(repository: &Repository) -> Result<()> {
    process::require(repository, "shellcheck", "shellcheck")?;
    let files = files(repository, &["scripts", ".ci"])?;
    let scripts = files.into_iter().filter(|file| is_shell(&repository.path(file)));
    program("shellcheck").current_dir(repository.path("")).args(["-x", "-P", "SCRIPTDIR"]).args(scripts).run()
}

/// The project's files: tracked ones, and new ones that git does not ignore.
fn files(repository: &Repository, below: &[&str]) -> Result<Vec<String>> {
    let mut git = program("git");
    git.current_dir(repository.path("")).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ]);
    let listed = git.args(below).read()?;
    let files = listed.split_terminator('\0').filter(|file| repository.path(file).is_file());
    Ok(files.map(str::to_owned).collect())
}

fn is_shell(file: &std::path::Path) -> bool {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    (first.starts_with("#!") && first.contains("sh")) || first.starts_with("# shellcheck shell=")
}

/// Counts the results that `cargo test --doc` prints, as passed, failed and ignored.
pub(crate) fn doc_results(printed: &str) -> Result<(usize, usize, usize)> {
    let mut sum = (0, 0, 0);
    for line in printed.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let count = |word: &str| {
            let found =
                line.split([';', '.']).find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok());
            found.context(format!("no number of {word} tests in '{line}'"))
        };
        let (passed, failed, ignored): (usize, usize, usize) =
            (count("passed")?, count("failed")?, count("ignored")?);
        sum = (sum.0 + passed, sum.1 + failed, sum.2 + ignored);
    }
    Ok(sum)
}

/// A failure of tests that are counted one by one.
pub(crate) fn nothing_ran() -> Failure {
    Failure::new("no test has a name that was asked for")
        .help("`scripts/test --help` shows how tests are chosen")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_documentation_tests_are_summed_up() {
        let printed = "\nrunning 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\n\
            test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.00s\n";
        assert_eq!(doc_results(printed).unwrap(), (5, 4, 1));
        assert_eq!(doc_results("").unwrap(), (0, 0, 0));
        assert!(doc_results("test result: ok. 2 passed").is_err());
    }
}
