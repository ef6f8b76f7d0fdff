use crate::{apply::report, completion, error::Done, exit::Exit, session::Session, signals, target::Target};
use clap_complete::ArgValueCandidates;

/// What to restart.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack or instance; this directory's stack where it is left out
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (stack, instance) = session.target(args.target).await?;
    let app = session.app().await?;
    let cancel = signals::cancel_token();
    session
        .terminal
        .note(&format!("restarting {}", instance.as_ref().map_or(stack.as_str(), |name| name.as_str())));
    let outcome = app.restart(&stack, instance.as_ref(), &|_| {}, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}
