//! Starting, stopping and restarting: what is wanted changes, and the plan that follows is carried out at once.

use crate::{
    apply::{LockArgs, Work, agree_to_more, report},
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    signals,
    target::Target,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Lookup, PrepareOptions, Prepared, Recover, StackLocks, find_stack, prepare, prepare_stack, set_wanted,
};
use devarch_core::{name::InstanceName, stack::Wanted};
use std::collections::BTreeSet;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Start,
    Stop,
    Restart,
}

/// To what it is done.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack or instance; by default this directory's stack
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
    #[command(flatten)]
    lock: LockArgs,
}

impl Life {
    fn command(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// Does it.
pub(crate) async fn run(life: Life, args: Args, session: &Session) -> Done {
    let (name, instance) = session.target(args.target).await?;
    let ctx = session.context().await?;
    let work = Work { session, command: life.command(), cancel: signals::cancel_token() };
    let stack = find_stack(ctx, &name).await?;
    let mut options = PrepareOptions::default();
    let lock = work.lock(&stack, args.lock, None).await?;
    let all = || stack.instances.keys().cloned().collect();
    let asked: BTreeSet<InstanceName> = instance.clone().map_or_else(all, |instance| [instance].into());
    match life {
        Life::Start => {
            set_wanted(ctx, &name, instance.as_ref(), Wanted::Running).await?;
            options.needed = Some(asked);
        }
        Life::Stop => {
            set_wanted(ctx, &name, instance.as_ref(), Wanted::Stopped).await?;
            options.needed = Some(BTreeSet::new());
        }
        Life::Restart => {
            options.restart.clone_from(&asked);
            options.needed = Some(asked);
        }
    }
    let prepared = match work.look(Box::pin(prepare(ctx, &name, &options))).await {
        Err(CliError::Cancelled) if life != Life::Restart => return Err(CliError::StillWanted(name)),
        prepared => prepared?,
    };
    agree_to_more(session, &prepared)?;
    let (lock, prepared) = with_images(&work, args.lock, options, (lock, prepared)).await?;
    let outcome = work.carry_out(lock, &prepared.approved(), Some(Recover::Resume)).await?;
    report(session, &name, outcome).await?;
    Ok(Exit::OK)
}

/// What is missing is pulled and built, while nobody is kept out; then it is planned again.
async fn with_images(
    work: &Work<'_>,
    args: LockArgs,
    options: PrepareOptions,
    (lock, prepared): (StackLocks, Prepared),
) -> Result<(StackLocks, Prepared), CliError> {
    if !prepared.needs_images(Lookup::Missing) {
        return Ok((lock, prepared.with_images()));
    }
    lock.release().await;
    let supplied = work.supply(&prepared, Lookup::Missing).await?;
    let ctx = work.session.context().await?;
    let lock = work.lock(&prepared.stack, args, None).await?;
    let now = find_stack(ctx, &prepared.stack.name).await?;
    let options = Prepared::options_with(&options, Some(&(prepared.stack.clone(), supplied)), &now);
    let again = work.look(Box::pin(prepare_stack(ctx, now, &options))).await?;
    if again.plan.exceeds(&prepared.plan) {
        agree_to_more(work.session, &again)?;
    }
    Ok((lock, again))
}
