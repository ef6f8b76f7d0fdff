//! Runs all checks and tests, ordered so that faults are found early.

mod checks;
mod closing;
mod environment;
mod junit;
mod kills;
mod nextest;
mod stages;
mod tally;

use crate::{
    cargo::{Tool, cargo},
    failure::Result,
    process::{self, Run as _},
    release,
    repository::Repository,
    sweep,
    terminal::print_line,
};
use closing::Closing;
use environment::Preparation;
use nextest::{Group, Nextest};
use stages::{Stages, Verdict};
use std::{env, process::ExitCode, sync::Arc};
use tally::{Tally, Totals};

/// Run everything that has to hold
///
/// The fast stage comes first: format, lints, documentation, dependencies, spelling, shell scripts, and the tests that need no
/// engine. Engines, images, PostgreSQL and Compose are made ready in the background meanwhile; the tests that use them
/// follow.
///
/// Ends with a line `N passed, N failed, N skipped`. A stage that fails, a lint for one, counts as one failed. A test that
/// prints `SKIPPED: reason` counts as skipped: something real that it needs is missing. With CI=true a skipped test is a
/// failure, and cargo-deny is installed where it is missing (this takes minutes).
///
/// Samples are chosen by a seed. It is in the summary, and `DEVARCH_TEST_SEED=NUMBER` repeats it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  scripts/test --fast\n  scripts/test plan\n  scripts/test -p devarch-core"
)]
pub(crate) struct Args {
    /// End after the fast stage
    #[arg(long, conflicts_with = "long")]
    fast: bool,
    /// Run series in full of which a sample is enough otherwise (DevArch is killed at every call of an apply), and a release
    /// archive in bare roots of Debian. Takes an hour more. `DEVARCH_TEST_LONG=1` does the same
    #[arg(long)]
    long: bool,
    /// Arguments of nextest, which choose tests
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    nextest: Vec<String>,
}

/// Runs the stages and prints their summary.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let totals = Arc::new(Totals::default());
    let closing = Closing::watch(Arc::clone(&totals))?;
    match run_stages(args, totals) {
        Ok(succeeded) => {
            closing.print();
            Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        // The closing line, with one more failure, is printed after the reason.
        Err(failure) => Ok(crate::report(&failure)),
    }
}

fn run_stages(args: Args, totals: Arc<Totals>) -> Result<bool> {
    let mut run = Run::new(args, totals)?;
    let prepared = if run.fast { None } else { Some(Preparation::begin(&run.repository)?) };
    run.fast_stage();
    if let Some(preparation) = prepared {
        run.engines_stage(preparation);
    }
    if run.tally.is_empty() && run.stages.failures() == 0 {
        run.stages.check("choice of tests", || Err(checks::nothing_ran()));
    }
    Ok(run.summary())
}

struct Run {
    repository: Repository,
    totals: Arc<Totals>,
    tally: Tally,
    stages: Stages,
    fast: bool,
    long: bool,
    ci: bool,
    chosen: Vec<String>,
}

impl Run {
    fn new(args: Args, totals: Arc<Totals>) -> Result<Self> {
        let repository = Repository::open()?;
        kills::forget(&repository);
        let is_set = |name: &str, value: &str| env::var(name).as_deref() == Ok(value);
        Ok(Self {
            repository,
            totals,
            tally: Tally::default(),
            stages: Stages::begin(),
            fast: args.fast,
            long: args.long || is_set("DEVARCH_TEST_LONG", "1"),
            ci: is_set("CI", "true"),
            chosen: args.nextest,
        })
    }

    fn fast_stage(&mut self) {
        let (stages, repository) = (&mut self.stages, &self.repository);
        stages.check("rust toolchain", || checks::toolchain(repository));
        stages.check("format", || checks::format(repository));
        stages.check("clippy", || checks::clippy(repository));
        stages.check("documentation", || checks::documentation(repository));
        stages.check("unused dependencies", || checks::unused_dependencies(repository));
        stages.check("spelling", || checks::spelling(repository));
        stages.check("shell scripts", || checks::shell(repository));
        if self.ci || Tool::Deny.is_installed(repository) {
            stages.check("dependencies", || {
                Tool::Deny.require(repository)?;
                checks::dependencies(repository)
            });
        } else {
            stages
                .leave_out("dependencies", "cargo-deny is not installed (cargo install --locked cargo-deny)");
        }
        stages.check("nextest", || Tool::Nextest.require(repository));
        self.tests("tests without engines", Group::Fast, nextest::without_engines());
        let (stages, totals) = (&mut self.stages, &self.totals);
        stages.run("documentation tests", || doc_tests(&self.repository, totals));
    }

    fn engines_stage(&mut self, preparation: Preparation) {
        self.stages.check("engines, images, PostgreSQL", || preparation.wait());
        let variables = environment::variables(&self.repository);
        let broom = sweep::Args::all(environment::endpoints(&variables));
        self.stages.check("leftovers of killed tests", || sweep::run(&broom));
        self.tests("tests with engines", Group::Engines, variables);
        if self.long {
            self.release_stage();
        }
    }

    fn release_stage(&mut self) {
        if process::is_root() {
            self.stages.check("release archive", || release::run(&release::Args::checked()));
        } else {
            self.stages.leave_out("release archive", "it is run in bare roots of Debian, which root makes");
        }
    }

    fn tests(&mut self, name: &'static str, group: Group, mut variables: Vec<(String, String)>) {
        if self.long {
            variables.push(("DEVARCH_TEST_LONG".to_owned(), "1".to_owned()));
        }
        if self.fast {
            variables.extend(nextest::brief());
        }
        let nextest = Nextest { group, chosen: &self.chosen, variables: &variables };
        let (repository, tally, totals) = (&self.repository, &mut self.tally, &self.totals);
        self.stages.run(name, || nextest.run(repository, tally, totals));
    }

    /// Prints all but the closing line. Returns whether everything passed.
    fn summary(&mut self) -> bool {
        self.stages.head().iter().for_each(print_line);
        self.tally.lines().iter().for_each(print_line);
        kills::lines(&self.repository, self.long).iter().for_each(print_line);
        self.stages.foot().iter().for_each(print_line);
        let missing = self.ci && self.totals.skipped() > 0;
        if missing {
            print_line("with CI=true nothing may be skipped");
        }
        self.totals.add(0, self.stages.failures(), 0);
        self.totals.failed() == 0 && !missing
    }
}

fn doc_tests(repository: &Repository, totals: &Totals) -> Result<Verdict> {
    let (printed, result) = cargo(repository)?.args(["test", "--quiet", "--doc", "--workspace"]).tee()?;
    let (passed, failed, ignored) = checks::doc_results(&printed)?;
    totals.add(passed, failed, ignored);
    if failed > 0 { Ok(Verdict::TestsFailed) } else { result.map(|()| Verdict::Passed) }
}
