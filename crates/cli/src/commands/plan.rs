use crate::{
    apply::{LockArgs, Work},
    completion,
    error::{CliError, Done},
    exit::Exit,
    image_args::PullArg,
    plan_args::PlanArgs,
    plan_view,
    session::Session,
    signals,
    when::clock,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Draft, PrepareOptions, Prepared, draft_import, find_import, find_stack, lease_plan, list_locks,
    prepare_stack, save_plan,
};
use devarch_core::{id::PlanId, name::StackName, plan::Plan};
use devarch_store::SavedPlan;
use serde::Serialize;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag by itself")]
pub(crate) struct Args {
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Show created instances in full
    #[arg(long)]
    full: bool,
    /// Exit with 2 if the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    plan: PlanArgs,
    /// Do not save the plan; it cannot be applied by id then
    #[arg(long, conflicts_with = "hold")]
    no_save: bool,
    /// Keep the stack's lock for this plan until it is applied or expires
    #[arg(long = "lock")]
    hold: bool,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    pull: PullArg,
}

/// The JSON form of a plan.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a PlanId>,
    /// Milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(flatten)]
    plan: &'a Plan,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (draft, stored) = draft(session, args.stack).await?;
    let options =
        PrepareOptions { images: args.pull.options(), files: draft.files.clone(), ..args.plan.options() };
    let ctx = session.context().await?;
    let work = Work { session, command: "plan --lock", cancel: signals::cancel_token() };
    let lock = if args.hold { Some(work.lock(&draft.stack, args.lock, None).await?) } else { None };
    let planned = Box::pin(prepare_stack(ctx, draft.stack.clone(), &options));
    let prepared = work.cancellable(async { planned.await.map_err(|error| draft.placed(error)) }).await?;
    let saved = if stored && !args.no_save { Some(save_plan(ctx, &prepared).await?) } else { None };
    if let (Some(lock), Some(saved)) = (lock, &saved) {
        lease_plan(ctx, lock.own(), saved).await?;
    }
    show(session, &prepared, saved.as_ref(), args.full, args.hold)?;
    if !args.hold {
        warn_if_locked(session, &prepared.stack.name).await?;
    }
    let changes = args.detailed_exitcode && !prepared.plan.is_empty();
    Ok(if changes { Exit::CHANGES } else { Exit::OK })
}

fn show(
    session: &Session,
    prepared: &Prepared,
    saved: Option<&SavedPlan>,
    full: bool,
    held: bool,
) -> Result<(), CliError> {
    let plan = prepared.plan.as_ref();
    let view =
        Planned { id: saved.map(|saved| &saved.id), expires_at: saved.map(|saved| saved.expires_at), plan };
    session.terminal.result(&view, || plan_view::render(plan, full))?;
    if let Some(saved) = saved.filter(|_| !plan.is_empty() || held) {
        let until = clock(saved.expires_at);
        let lock = if held { ", and the stack is locked for it" } else { "" };
        session.terminal.note(&format!("`devarch apply {}` does exactly this until {until}{lock}", saved.id));
    }
    Ok(())
}

/// A plan made while another command is running on the stack becomes stale when that finishes.
async fn warn_if_locked(session: &Session, stack: &StackName) -> Result<(), CliError> {
    let locks = list_locks(session.context().await?).await?;
    if let Some(lock) = locks.iter().find(|lock| lock.stack == *stack && lock.alive) {
        session.terminal.note(&format!(
            "`devarch {}` of {}@{} (pid {}) is running on stack '{stack}': plan again when it has finished",
            lock.operation, lock.user, lock.host, lock.pid
        ));
    }
    Ok(())
}

/// The stored stack, or for a new one the draft from this directory's devarch.yml; and whether it is stored.
async fn draft(session: &Session, named: Option<StackName>) -> Result<(Draft, bool), CliError> {
    let ctx = session.context().await?;
    let Ok(Some(source)) = find_import(ctx, &session.directory, named.as_ref(), None).await else {
        return Ok((Draft::from_stack(find_stack(ctx, &session.stack(named).await?).await?), true));
    };
    if let Some(stack) = source.unchanged() {
        return Ok((Draft::from_stack(stack.clone()), true));
    }
    let draft = draft_import(ctx, &source).await?;
    let Some(before) = draft.before else { return Ok((draft, false)) };
    if before.imported != draft.stack.imported {
        let name = &before.name;
        let note =
            format!("devarch.yml has changed since stack '{name}' was loaded from it; `devarch up` loads it");
        session.terminal.note(&note);
    }
    Ok((Draft::from_stack(before), true))
}
