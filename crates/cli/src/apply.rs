//! The way of every command that changes what runs: show the plan, ask, carry it out, tell what is there now.

use crate::{error::CliError, plan_view, progress::Progress, session::Session, status_view, style};
use devarch_app::{Outcome, Prepared, StatusOptions};
use devarch_core::{
    name::StackName,
    plan::{Change, ChangeKind, FieldDiff},
    stack::Stack,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Pulls the images that are absent.
pub(crate) async fn pull(
    session: &Session,
    stack: &Stack,
    cancel: &CancellationToken,
) -> Result<(), CliError> {
    let progress = Progress::new(session.terminal, None);
    let pulled = session.app().await?.pull_images(stack, &|event| progress.event(event), cancel).await;
    progress.end(pulled.is_ok());
    Ok(pulled?)
}

/// Shows a plan, and asks if it does anything, or if edits would be lost by it.
pub(crate) fn agree(session: &Session, prepared: &Prepared, undone: &[FieldDiff]) -> Result<(), CliError> {
    let plan = &prepared.plan;
    // Where the plan is empty only because edits are undone that were never applied, "nothing to do" would be wrong.
    if undone.is_empty() || !plan.is_empty() {
        session.terminal.note(&plan_view::render(plan, false));
    }
    if !undone.is_empty() {
        session.terminal.note(&undone_text(undone));
    }
    if plan.is_empty() && undone.is_empty() {
        return Ok(());
    }
    session.terminal.confirm(&format!("Apply this to '{}'?", plan.stack), "applying the plan")
}

fn undone_text(undone: &[FieldDiff]) -> String {
    let lines: Vec<String> = undone.iter().map(|field| format!("  ! {field}")).collect();
    format!("devarch.yml undoes what was edited here since it was last taken in:\n{}\n", lines.join("\n"))
}

/// Shows a plan that does more than the command's own word says: that replaces or removes containers.
pub(crate) fn show_replacing(session: &Session, prepared: &Prepared) {
    let replaces = |change: &Change| matches!(change.kind, ChangeKind::Replace | ChangeKind::Remove);
    if prepared.plan.changes.iter().any(replaces) {
        session.terminal.note(&plan_view::render(&prepared.plan, false));
    }
}

/// Carries a plan out.
pub(crate) async fn carry_out(
    session: &Session,
    prepared: &Prepared,
    cancel: &CancellationToken,
) -> Result<Outcome, CliError> {
    let progress = Progress::new(session.terminal, Some(&prepared.plan));
    let applied = session.app().await?.apply(prepared, &|event| progress.event(event), cancel).await;
    progress.end(applied.is_ok());
    Ok(applied?)
}

/// Tells what was done and what is there now.
pub(crate) async fn report(session: &Session, stack: &StackName, outcome: Outcome) -> Result<(), CliError> {
    let status = session.app().await?.status(stack, StatusOptions::default()).await?;
    let seconds = outcome.took.as_secs_f64();
    let value = json!({"steps": outcome.steps, "seconds": seconds, "stack": status});
    session.terminal.result(&value, || status_view::stack(&status))?;
    if outcome.steps > 0 {
        let done = format!("done: {} steps in {seconds:.1} s", outcome.steps);
        session.terminal.note(&style::paint(style::GOOD, &done));
    }
    Ok(())
}
