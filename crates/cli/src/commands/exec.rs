use crate::{attach, completion, error::Done, session::Session, target::InstanceTarget};
use clap_complete::ArgValueCandidates;
use devarch_app::find_shell;
use devarch_engine::ExecRequest;

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// Do not allocate a terminal for the command
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// Do not redact the stack's secrets in the output
    #[arg(long)]
    no_redact: bool,
    /// Run as this user
    #[arg(short, long)]
    user: Option<String>,
    /// Run in this directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set an environment variable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn variable(text: &str) -> Result<String, &'static str> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("expected NAME=VALUE"),
    }
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let ctx = session.context().await?;
    let shell = find_shell(ctx, &target.stack, &target.instance, args.no_redact).await?;
    let request = ExecRequest {
        argv: args.command,
        stdin: true,
        tty: if args.no_tty { None } else { attach::terminal_size() },
        user: args.user,
        working_dir: args.workdir,
        environment: args.env,
    };
    attach::run(session.terminal, &shell, &request).await
}
