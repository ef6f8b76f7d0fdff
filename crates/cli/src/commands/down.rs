use crate::{
    apply::{LockArgs, Work, confirm_down, report},
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{PrepareOptions, Recover, find_stack, prepare, set_wanted};
use devarch_core::{name::StackName, stack::DesiredRun};
use std::collections::BTreeSet;

/// Arguments of `down`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let name = session.stack(args.stack).await?;
    let ctx = session.context().await?;
    let work = Work { session, command: "down", cancel: signals::cancel_token() };
    let needed = Some(BTreeSet::new());
    let options = PrepareOptions { wanted: Some(DesiredRun::Absent), needed, ..PrepareOptions::default() };
    let stack = find_stack(ctx, &name).await?;
    let lock = work.lock_if_yes(&stack, args.lock).await?;
    let prepared = work.cancellable(Box::pin(prepare(ctx, &name, &options))).await?;
    confirm_down(session, &prepared)?;
    let lock = work.lock_or_take(lock, &stack, args.lock).await?;
    let prepared = prepared.saved_as(set_wanted(ctx, &name, None, DesiredRun::Absent).await?);
    let outcome = work.carry_out(lock, &prepared.approved(), Some(Recover::Resume)).await?;
    report(session, &name, outcome).await?;
    Ok(Exit::OK)
}
