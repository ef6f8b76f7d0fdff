use crate::{
    apply::{LockArgs, Planned, RecoverArgs, Work, report},
    completion,
    error::{CliError, Done},
    exit::Exit,
    image_args::ImageArgs,
    plan_args::PlanArgs,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Draft, OperationError, PrepareOptions, Prepared, Recover, StackLocks, Supplied, WrongState, draft_import,
    draft_running, find_import, find_stack, prepare_stack, save_draft,
};
use devarch_core::{name::StackName, stack::Stack};

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Create a stack of another name from this directory's devarch.yml
    #[arg(long = "as", value_name = "NAME")]
    renamed: Option<StackName>,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    recover: RecoverArgs,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    images: ImageArgs,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let first = draft(session, args.stack.clone(), args.renamed.clone()).await?;
    let ctx = session.context().await?;
    let work = Work { session, command: "up", cancel: signals::cancel_token() };
    let recover = work.recover(&first.stack, args.recover).await?;
    if recover == Some(Recover::Undo) {
        work.undo(&first.stack.name, args.lock).await?;
        return Ok(Exit::OK);
    }
    let options = PrepareOptions { images: args.images.options(), prove: true, ..args.plan.options() };
    let plan = async |had: Option<&(Stack, Supplied)>| {
        // A new stack cannot be locked before it is stored.
        let lock = match first.before {
            Some(_) => work.lock_if_yes(&first.stack, args.lock).await?,
            None => None,
        };
        let draft = match &first.before {
            Some(before)
                if lock.is_some() && find_stack(ctx, &before.name).await?.revision != before.revision =>
            {
                draft(session, args.stack.clone(), args.renamed.clone()).await?
            }
            _ => first.clone(),
        };
        let options = Prepared::options_with(&options, had, &draft.stack);
        let options = PrepareOptions { files: draft.files.clone(), ..options };
        let planned = Box::pin(prepare_stack(ctx, draft.stack.clone(), &options));
        let prepared = work.cancellable(async { planned.await.map_err(|error| draft.placed(error)) }).await?;
        Ok::<_, CliError>(Planned { lock, draft: Some(draft), prepared })
    };
    let Planned { lock, draft, prepared } = work.confirmed(args.lock, plan).await?;
    let Some(draft) = draft else { return Ok(Exit::OK) };
    let (lock, stack) = match lock {
        Some(lock) => (lock, save_draft(ctx, &draft).await?),
        None => save(&work, &draft, args.lock).await?,
    };
    let prepared = prepared.saved_as(stack);
    let outcome = work.carry_out(lock, &prepared.approved(), recover).await?;
    report(session, &prepared.stack.name, outcome).await?;
    Ok(Exit::OK)
}

/// Saves the confirmed draft under the stack's lock; a new stack is stored before it is locked.
async fn save(work: &Work<'_>, draft: &Draft, lock: LockArgs) -> Result<(StackLocks, Stack), CliError> {
    let ctx = work.session.context().await?;
    if draft.before.is_none() {
        let stack = save_draft(ctx, draft).await?;
        return Ok((work.lock(&stack, lock, None).await?, stack));
    }
    let lock = work.lock(&draft.stack, lock, None).await?;
    Ok((lock, save_draft(ctx, draft).await?))
}

/// The stack from devarch.yml or the store, with its desired state set to running. Nothing is saved yet.
async fn draft(
    session: &Session,
    named: Option<StackName>,
    renamed: Option<StackName>,
) -> Result<Draft, CliError> {
    let ctx = session.context().await?;
    if let Some(source) = find_import(ctx, &session.directory, named.as_ref(), renamed.as_ref()).await? {
        return Ok(draft_import(ctx, &source).await?);
    }
    if renamed.is_some() {
        return Err(CliError::Invalid("--as needs a devarch.yml in this directory".to_owned()));
    }
    let name = session.stack(named).await?;
    if !find_stack(ctx, &name).await?.enabled {
        return Err(OperationError::from(WrongState::Disabled(name)).into());
    }
    Ok(draft_running(ctx, &name).await?)
}
