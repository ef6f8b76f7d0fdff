use crate::{
    Cli,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
};
use clap::CommandFactory as _;
use clap_complete::{Shell, env::Shells};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
    /// Print a script without completion of stack and instance names
    #[arg(long = "static")]
    without_names: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Done {
    let mut script = Vec::new();
    if args.without_names {
        clap_complete::generate(args.shell, &mut Cli::command(), "devarch", &mut script);
    } else {
        let shell = args.shell.to_string();
        let shells = Shells::builtins();
        let Some(completer) = shells.completer(&shell) else {
            return Err(CliError::Invalid(format!(
                "{shell} cannot complete names; --static writes a script without them"
            )));
        };
        completer.write_registration("COMPLETE", "devarch", "devarch", "devarch", &mut script)?;
    }
    session.terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::OK)
}
