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
    Lookup, PrepareOptions, Prepared, Recover, Supplied, find_stack, is_plan_id, load_saved_plan, prepare,
    prepare_stack,
};
use devarch_core::{
    id::PlanId,
    name::{InvalidName, StackName},
    stack::Stack,
};
use std::str::FromStr;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack, or id of a plan saved by `devarch plan`; by default this directory's stack
    #[arg(value_name = "STACK|PLAN", add = ArgValueCandidates::new(completion::stacks))]
    what: Option<What>,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    recover: RecoverArgs,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    images: ImageArgs,
}

/// A stack, or a saved plan.
#[derive(Debug, Clone)]
enum What {
    Stack(StackName),
    Plan(PlanId),
}

impl FromStr for What {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_plan_id(text) { Ok(Self::Plan(PlanId::new(text))) } else { text.parse().map(Self::Stack) }
    }
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let work = Work { session, command: "apply", cancel: signals::cancel_token() };
    match args.what {
        Some(What::Plan(plan)) if args.plan.snapshot => Err(CliError::Invalid(format!(
            "{plan} is applied exactly as shown; `devarch plan --snapshot` makes a plan that copies the data first"
        ))),
        Some(What::Plan(plan)) => saved(&work, &plan, args.recover, args.lock).await,
        Some(What::Stack(ref stack)) => planned(&work, Some(stack.clone()), args).await,
        None => planned(&work, None, args).await,
    }
}

/// Applies a saved plan exactly as shown, without confirmation.
async fn saved(work: &Work<'_>, plan: &PlanId, recover: RecoverArgs, lock: LockArgs) -> Done {
    let ctx = work.session.context().await?;
    let mut approved = load_saved_plan(ctx, plan).await?;
    let stack = find_stack(ctx, &approved.stack).await?;
    let recover = work.recover(&stack, recover).await?;
    if recover == Some(Recover::Undo) {
        work.undo(&stack.name, lock).await?;
        return Ok(Exit::OK);
    }
    let prepared = work.cancellable(Box::pin(prepare(ctx, &approved.stack, &approved.options))).await?;
    approved.holds(&prepared)?;
    let supplied = work.supply(&prepared, Lookup::Tags).await?;
    approved.options.supplied = Some(supplied);
    let lock = work.lock(&stack, lock, Some(plan)).await?;
    let outcome = work.carry_out(lock, &approved, recover).await?;
    report(work.session, &approved.stack, outcome).await?;
    Ok(Exit::OK)
}

/// Plans, asks and applies.
async fn planned(work: &Work<'_>, named: Option<StackName>, args: Args) -> Done {
    let session = work.session;
    let name = session.stack(named).await?;
    let ctx = session.context().await?;
    let stack = find_stack(ctx, &name).await?;
    let recover = work.recover(&stack, args.recover).await?;
    if recover == Some(Recover::Undo) {
        work.undo(&name, args.lock).await?;
        return Ok(Exit::OK);
    }
    let options = PrepareOptions { images: args.images.options(), prove: true, ..args.plan.options() };
    let plan = async |had: Option<&(Stack, Supplied)>| {
        let lock = work.lock_if_yes(&stack, args.lock).await?;
        let now = find_stack(ctx, &name).await?;
        let options = Prepared::options_with(&options, had, &now);
        let prepared = work.cancellable(Box::pin(prepare_stack(ctx, now, &options))).await?;
        Ok::<_, CliError>(Planned { lock, draft: None, prepared })
    };
    let Planned { lock, prepared, .. } = work.confirmed(args.lock, plan).await?;
    let lock = work.lock_or_take(lock, &stack, args.lock).await?;
    let outcome = work.carry_out(lock, &prepared.approved(), recover).await?;
    report(session, &name, outcome).await?;
    Ok(Exit::OK)
}
