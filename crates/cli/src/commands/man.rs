use crate::{
    Cli,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
};
use clap::CommandFactory as _;

/// Whose page.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command, and perhaps its subcommand; devarch itself where it is left out
    command: Vec<String>,
}

pub(super) fn run(args: &Args, session: &Session) -> Done {
    let mut root = Cli::command();
    root.build();
    let mut command = &root;
    for name in &args.command {
        let found = command.find_subcommand(name);
        command = found.ok_or_else(|| CliError::Invalid(format!("there is no command '{name}'")))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    session.terminal.data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::OK)
}
