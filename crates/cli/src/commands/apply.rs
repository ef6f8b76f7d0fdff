use crate::{
    apply::{agree, carry_out, pull, report},
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::PrepareOptions;
use devarch_core::name::{InstanceName, StackName};

/// What to apply.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack; this directory's where it is left out
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Make this instance's container anew
    #[arg(long, value_name = "INSTANCE")]
    replace: Vec<InstanceName>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let cancel = signals::cancel_token();
    pull(session, &session.app().await?.stack(&stack).await?, &cancel).await?;
    let options = PrepareOptions { replace: args.replace.into_iter().collect(), ..PrepareOptions::default() };
    let prepared = session.app().await?.prepare(&stack, &options).await?;
    agree(session, &prepared, &[])?;
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}
