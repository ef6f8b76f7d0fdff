use crate::{
    apply::{agree, carry_out, report},
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::PrepareOptions;
use devarch_core::{name::StackName, stack::Wanted};

/// What to take down.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack; this directory's where it is left out
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let app = session.app().await?;
    let cancel = signals::cancel_token();
    let options = PrepareOptions { wanted: Some(Wanted::Absent), ..PrepareOptions::default() };
    let prepared = app.prepare(&stack, &options).await?;
    agree(session, &prepared, &[])?;
    app.want(&stack, None, Wanted::Absent).await?;
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}
