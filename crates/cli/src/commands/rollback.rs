use crate::{
    apply::{LockArgs, Work, agree, report, supplied_for},
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{ImageOptions, PrepareOptions, Recover};
use devarch_core::name::StackName;

/// Where to go back to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// The beginning of the id of the apply to return to (`devarch history`); the last one that succeeded with
    /// another definition where it is left out
    apply: Option<String>,
    /// Use volumes that a removed instance left under the same name
    #[arg(long)]
    reuse_volumes: bool,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let app = session.app().await?;
    let work = Work { session, command: "rollback", cancel: signals::cancel_token() };
    let draft = || app.draft_rollback(&args.stack, args.apply.as_deref());
    let first = draft().await?;
    let supplied = work.supply(&first.stack, ImageOptions::default()).await?;
    let options = PrepareOptions { reuse_volumes: args.reuse_volumes, prove: true, ..supplied };
    let lock = work.lock_unasked(&first.stack, args.lock).await?;
    let draft = if lock.is_some() { draft().await? } else { first.clone() };
    let options = supplied_for(&first.stack, &draft.stack, options);
    let prepared = work.look(Box::pin(app.prepare_stack(draft.stack.clone(), &options))).await?;
    agree(session, &prepared, &[])?;
    let lock = work.lock_agreed(lock, &draft.stack, args.lock).await?;
    let prepared = prepared.saved_as(app.save(&draft).await?);
    let outcome = work.carry_out(lock, &prepared.approved(), Some(Recover::Resume)).await?;
    report(session, &args.stack, outcome).await?;
    Ok(Exit::OK)
}
