use crate::{
    apply::{LockArgs, Planned, Work, report},
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{PrepareOptions, Prepared, Recover, Supplied, draft_rollback, prepare_stack, save_draft};
use devarch_core::{name::StackName, stack::Stack};

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// Beginning of the id of the apply to return to (`devarch history`); by default the last one that succeeded with
    /// another definition
    apply: Option<String>,
    /// Reuse volumes that a removed instance left under the same name
    #[arg(long)]
    reuse_volumes: bool,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let ctx = session.context().await?;
    let work = Work { session, command: "rollback", cancel: signals::cancel_token() };
    let draft = || draft_rollback(ctx, &args.stack, args.apply.as_deref());
    let first = draft().await?;
    let options =
        PrepareOptions { reuse_volumes: args.reuse_volumes, prove: true, ..PrepareOptions::default() };
    let plan = async |had: Option<&(Stack, Supplied)>| {
        let lock = work.lock_if_yes(&first.stack, args.lock).await?;
        let draft = if lock.is_some() { draft().await? } else { first.clone() };
        let options = Prepared::options_with(&options, had, &draft.stack);
        let prepared = work.cancellable(Box::pin(prepare_stack(ctx, draft.stack.clone(), &options))).await?;
        Ok::<_, CliError>(Planned { lock, draft: Some(draft), prepared })
    };
    let Planned { lock, draft, prepared } = work.confirmed(args.lock, plan).await?;
    let lock = work.lock_or_take(lock, &prepared.stack, args.lock).await?;
    let saved = save_draft(ctx, draft.as_ref().unwrap_or(&first)).await?;
    let prepared = prepared.saved_as(saved);
    let outcome = work.carry_out(lock, &prepared.approved(), Some(Recover::Resume)).await?;
    report(session, &args.stack, outcome).await?;
    Ok(Exit::OK)
}
