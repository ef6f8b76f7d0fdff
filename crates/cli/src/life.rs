//! Starting, stopping and restarting: saves the desired state and applies it at once.

use crate::{
    apply::{LockArgs, Work, confirm_if_destructive, report},
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
use devarch_core::{name::InstanceName, stack::DesiredRun};
use std::collections::BTreeSet;

/// The command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Start,
    Stop,
    Restart,
}

/// Arguments of `start`, `stop` and `restart`.
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

/// Runs the command.
pub(crate) async fn run(life: Life, args: Args, session: &Session) -> Done {
    let (name, instance) = session.target(args.target).await?;
    let ctx = session.context().await?;
    let work = Work { session, command: life.command(), cancel: signals::cancel_token() };
    let stack = find_stack(ctx, &name).await?;
    let mut options = PrepareOptions::default();
    let lock = work.lock(&stack, args.lock, None).await?;
    let all = || stack.instances.keys().cloned().collect();
    let targets: BTreeSet<InstanceName> = instance.clone().map_or_else(all, |instance| [instance].into());
    match life {
        Life::Start => {
            set_wanted(ctx, &name, instance.as_ref(), DesiredRun::Running).await?;
            options.needed = Some(targets);
        }
        Life::Stop => {
            set_wanted(ctx, &name, instance.as_ref(), DesiredRun::Stopped).await?;
            options.needed = Some(BTreeSet::new());
        }
        Life::Restart => {
            options.restart.clone_from(&targets);
            options.needed = Some(targets);
        }
    }
    let prepared = match work.cancellable(Box::pin(prepare(ctx, &name, &options))).await {
        Err(CliError::Cancelled) if life != Life::Restart => return Err(CliError::OnlySaved(name)),
        prepared => prepared?,
    };
    confirm_if_destructive(session, &prepared)?;
    let (lock, prepared) = with_images(&work, args.lock, options, lock, prepared).await?;
    let outcome = work.carry_out(lock, &prepared.approved(), Some(Recover::Resume)).await?;
    report(session, &name, outcome).await?;
    Ok(Exit::OK)
}

/// Releases the lock, pulls and builds missing images, then plans again.
async fn with_images(
    work: &Work<'_>,
    args: LockArgs,
    options: PrepareOptions,
    lock: StackLocks,
    prepared: Prepared,
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
    let again = work.cancellable(Box::pin(prepare_stack(ctx, now, &options))).await?;
    if again.plan.exceeds(&prepared.plan) {
        confirm_if_destructive(work.session, &again)?;
    }
    Ok((lock, again))
}
