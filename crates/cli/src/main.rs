//! DevArch's command line: it parses arguments, calls a use-case and renders the result; decisions are made
//! elsewhere.
//!
//! [`exit`] documents the exit codes; all output goes through [`terminal`].

mod apply;
mod attach;
mod browser;
mod commands;
mod completion;
mod config_view;
mod definition_view;
mod error;
mod examples;
mod exit;
mod finding_view;
#[cfg(test)]
mod hostile;
mod image_args;
mod life;
mod passphrase;
mod plan_args;
mod plan_view;
mod progress;
mod session;
mod shown;
mod signals;
mod snippet;
mod status_view;
mod style;
mod table;
mod target;
mod terminal;
mod trace;
mod when;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, error::ErrorKind};
use commands::Command;
use error::CliError;
use exit::Exit;
use session::Session;
use std::{path::PathBuf, process::ExitCode};

/// Development environments that never collide, on Docker and Podman.
#[derive(Debug, Parser)]
#[command(name = "devarch", version, after_help = exit::HELP, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
struct Global {
    #[arg(
        long,
        global = true,
        value_name = "ENGINE",
        help = "The engine: docker, podman, unix:///PATH or tcp://HOST:PORT [env: DEVARCH_ENGINE]",
        help_heading = "Global options"
    )]
    engine: Option<String>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true, help_heading = "Global options")]
    yes: bool,
    /// Increase verbosity (repeatable)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
    /// Directory to work in
    #[arg(short = 'C', long, global = true, value_name = "DIR", help_heading = "Global options")]
    project: Option<PathBuf>,
}

fn main() -> ExitCode {
    keep_memory_private();
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let given = examples::with_examples(Cli::command()).try_get_matches();
    let cli = match given.and_then(|given| Cli::from_arg_matches(&given)) {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    let json = cli.global.json;
    let exit = start(cli).unwrap_or_else(|error| error.report(json));
    ExitCode::from(exit.0)
}

/// Protects secrets in memory: disables core dumps and access by the user's other processes. Child processes are not
/// affected (prctl(2), `PR_SET_DUMPABLE`).
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Best effort: not every system allows it.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Reports errors of clap: an invalid value is invalid input, everything else a usage error. `--json` is looked up by
/// hand because the arguments were not parsed.
fn refused(error: &clap::Error) -> ExitCode {
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::OK,
        ErrorKind::ValueValidation => Exit::INVALID,
        _ => Exit::USAGE,
    };
    if exit != Exit::OK && std::env::args_os().any(|arg| arg == "--json") {
        terminal::to_stderr(&error::as_json(error.to_string().trim(), &[], exit));
    } else {
        terminal::usage(error);
    }
    ExitCode::from(exit.0)
}

fn start(cli: Cli) -> Result<Exit, CliError> {
    trace::start(cli.global.verbose, |name| std::env::var_os(name))?;
    let session = Session::new(cli.global)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Output)?;
    let result = runtime.block_on(cli.command.run(&session));
    // A thread may still block on reading the terminal; it is not waited for.
    runtime.shutdown_background();
    result
}
