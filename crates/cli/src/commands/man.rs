use crate::{
    Cli,
    error::{CliError, Done},
    examples::with_examples,
    exit::Exit,
    session::Session,
};
use clap::CommandFactory as _;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Command, optionally with its subcommand; by default devarch itself
    command: Vec<String>,
}

pub(super) fn run(args: &Args, session: &Session) -> Done {
    let mut root = with_examples(Cli::command());
    root.build();
    let mut command = &root;
    for name in &args.command {
        let found = command.find_subcommand(name);
        command = found.ok_or_else(|| CliError::Invalid(format!("command '{name}' not found")))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    session.terminal.data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::OK)
}
