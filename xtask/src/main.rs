//! The project's tasks. The scripts in `scripts/` run them.

mod bench;
mod cargo;
mod compose_tools;
mod debian;
mod demo;
mod devarch;
mod engine;
mod failure;
mod fixture;
mod http;
mod images;
mod process;
mod release;
mod repository;
mod sweep;
mod terminal;
mod test;

use clap::Parser as _;
use failure::{Failure, Result};
use std::process::ExitCode;
use terminal::note;

/// Tasks of the DevArch project
#[derive(Debug, clap::Parser)]
#[command(name = "xtask", version)]
enum Task {
    /// Remove what killed tests left on engines
    Sweep(sweep::Args),
    Images(images::Args),
    Fixture(fixture::Args),
    Release(release::Args),
    ComposeTools(compose_tools::Args),
    Test(test::Args),
    Demo(demo::Args),
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(code) => code,
        Err(failure) => report(&failure),
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let done = match task {
        Task::Test(args) => return test::run(args),
        Task::Demo(args) => return demo::run(&args),
        Task::Bench(args) => return bench::run(&args),
        Task::Sweep(args) => sweep::run(&args),
        Task::Release(args) => release::run(&args),
        Task::Fixture(args) => fixture::run(&args),
        Task::Images(args) => images::run(&args),
        Task::ComposeTools(args) => compose_tools::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn report(failure: &Failure) -> ExitCode {
    note(failure.chain());
    if let Some(help) = failure.hint() {
        note(format!("help: {help}"));
    }
    ExitCode::FAILURE
}
