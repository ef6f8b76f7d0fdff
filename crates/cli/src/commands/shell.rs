use crate::{attach, completion, error::Done, session::Session, target::InstanceTarget};
use clap_complete::ArgValueCandidates;
use devarch_app::find_shell;
use devarch_engine::ExecRequest;

/// Arguments of `shell`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// Run it as this user
    #[arg(short, long)]
    user: Option<String>,
    /// Do not redact the stack's secrets in the output
    #[arg(long)]
    no_redact: bool,
}

/// Starts bash if the image has it, otherwise sh.
const BEST_SHELL: &str = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let ctx = session.context().await?;
    let shell = find_shell(ctx, &target.stack, &target.instance, args.no_redact).await?;
    let request = ExecRequest {
        argv: ["sh", "-c", BEST_SHELL].map(str::to_owned).to_vec(),
        stdin: true,
        tty: attach::terminal_size(),
        user: args.user,
        ..ExecRequest::default()
    };
    attach::run(session.terminal, &shell, &request).await
}
