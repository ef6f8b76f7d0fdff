//! DevArch's command line: parse, call a use-case, render. Nothing is decided here.
//!
//! [`exit`] documents the exit codes, [`terminal`] is the only way out for text.

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

/// Secrets are in this program's memory while it works: no core dump is made of it, and no other program of the user
/// may look into it. What it starts is not concerned (prctl(2), `PR_SET_DUMPABLE`).
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Where the system does not allow it, it is as any other program.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// What clap refuses is wrong usage, but for a value that can't be: that is invalid input. Whether JSON was asked for is
/// looked up by hand, as the arguments are not parsed.
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
    // A read of the terminal may still be under way in a thread of its own; nothing waits for it.
    runtime.shutdown_background();
    result
}
