//! Shared steps of commands that change containers: plan, confirm, supply images, lock, apply, report.

use crate::{
    error::CliError, plan_view, progress::Progress, session::Session, shown::Shown, status_view, style,
};
use devarch_app::{
    ApplyError, ApplyOptions, Approved, Draft, HeldLock, LockRequest, Lookup, OperationError, Outcome,
    Prepared, Recover, StackLocks, StatusOptions, Supplied, WrongState, acquire_locks, apply,
    find_interrupted, find_stack, left_open, stack_status, supply_images, undo_interrupted,
};
use devarch_core::{
    id::PlanId,
    name::StackName,
    plan::{Action, Change, ChangeKind, FieldDiff},
    stack::Stack,
};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long to wait for a stack's lock.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LockArgs {
    /// Seconds to wait for another command that holds the stack's lock
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    lock_timeout: u64,
}

/// What to do about an interrupted apply.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct RecoverArgs {
    /// Finish an interrupted apply
    #[arg(long)]
    pub(crate) resume: bool,
    /// Roll back an interrupted apply, and do nothing else
    #[arg(long)]
    pub(crate) undo: bool,
}

/// A running command and its stack's lock.
pub(crate) struct Work<'a> {
    pub(crate) session: &'a Session,
    /// The command's name in the history and in the lock.
    pub(crate) command: &'a str,
    pub(crate) cancel: CancellationToken,
}

impl Work<'_> {
    /// Acquires the stack's locks, and reports the holder while waiting.
    pub(crate) async fn lock(
        &self,
        stack: &Stack,
        args: LockArgs,
        plan: Option<&PlanId>,
    ) -> Result<StackLocks, CliError> {
        let request = LockRequest {
            operation: self.command.to_owned(),
            timeout: Duration::from_secs(args.lock_timeout),
            plan: plan.cloned(),
        };
        let waiting = |held: &HeldLock| {
            let note = format!(
                "waiting for the lock of stack '{}': `devarch {}` by {}@{} (pid {}) has it",
                held.stack, held.operation, held.user, held.host, held.pid
            );
            self.session.terminal.note(&note);
        };
        let ctx = self.session.context().await?;
        tokio::select! {
            lock = acquire_locks(ctx, stack, &request, &waiting) => Ok(lock?),
            () = self.cancel.cancelled() => Err(CliError::Cancelled),
        }
    }

    /// Runs a read-only operation until it is cancelled: an engine may be silent for long.
    pub(crate) async fn cancellable<T>(
        &self,
        operation: impl Future<Output = Result<T, OperationError>>,
    ) -> Result<T, CliError> {
        tokio::select! {
            result = operation => Ok(result?),
            () = self.cancel.cancelled() => Err(CliError::Cancelled),
        }
    }

    /// Locks the stack before planning if no confirmation is needed (`--yes`), so that another command cannot make
    /// the plan stale. While the user is asked, other commands must not be blocked.
    pub(crate) async fn lock_if_yes(
        &self,
        stack: &Stack,
        args: LockArgs,
    ) -> Result<Option<StackLocks>, CliError> {
        if self.session.terminal.yes { Ok(Some(self.lock(stack, args, None).await?)) } else { Ok(None) }
    }

    /// Keeps the given lock, or acquires it now.
    pub(crate) async fn lock_or_take(
        &self,
        taken: Option<StackLocks>,
        stack: &Stack,
        args: LockArgs,
    ) -> Result<StackLocks, CliError> {
        match taken {
            Some(lock) => Ok(lock),
            None => self.lock(stack, args, None).await,
        }
    }

    /// Shows a plan, has it confirmed and supplies its images, which is not done under the lock. Everything is
    /// checked before anything is pulled or built. With the images the stack is planned again, and a plan that does
    /// more needs another confirmation.
    pub(crate) async fn confirmed(
        &self,
        args: LockArgs,
        plan: impl AsyncFn(Option<&(Stack, Supplied)>) -> Result<Planned, CliError>,
    ) -> Result<Planned, CliError> {
        let first = plan(None).await?;
        confirm(self.session, &first.prepared, first.undone(), Lookup::Tags)?;
        if !first.prepared.needs_images(Lookup::Tags) {
            return Ok(Planned { prepared: first.prepared.with_images(), ..first });
        }
        match first.lock {
            Some(lock) => lock.release().await,
            // Reports a running command now, before images are pulled and built.
            None if first.draft.as_ref().is_none_or(|draft| draft.before.is_some()) => {
                self.lock(&first.prepared.stack, args, None).await?.release().await;
            }
            None => {}
        }
        let supplied = self.supply(&first.prepared, Lookup::Tags).await?;
        let again = plan(Some(&(first.prepared.stack.clone(), supplied))).await?;
        let undone = first.draft.as_ref().map_or(&[][..], |draft| draft.undone.as_slice());
        if again.prepared.plan.exceeds(&first.prepared.plan) || again.undone() != undone {
            self.session.terminal.note("the images are known now, and the plan does more than was shown:");
            confirm(self.session, &again.prepared, again.undone(), Lookup::Missing)?;
        }
        Ok(again)
    }

    /// Pulls and builds the images of a plan.
    pub(crate) async fn supply(&self, prepared: &Prepared, lookup: Lookup) -> Result<Supplied, CliError> {
        let progress = Progress::new(self.session.terminal);
        let ctx = self.session.context().await?;
        let supplied =
            supply_images(ctx, prepared, lookup, &|event| progress.event(event), &self.cancel).await;
        progress.end(supplied.is_ok());
        Ok(supplied?)
    }

    /// Applies an approved plan and releases the lock.
    pub(crate) async fn carry_out(
        &self,
        lock: StackLocks,
        approved: &Approved,
        recover: Option<Recover>,
    ) -> Result<Outcome, CliError> {
        let progress = Progress::new(self.session.terminal);
        let events = |event| progress.event(event);
        let options = ApplyOptions { command: self.command, recover, events: &events, cancel: &self.cancel };
        let applied = apply(self.session.context().await?, lock.own(), approved, options).await;
        progress.end(applied.is_ok());
        lock.release().await;
        Ok(applied?)
    }

    /// Rolls back an interrupted apply.
    pub(crate) async fn undo(&self, name: &StackName, args: LockArgs) -> Result<(), CliError> {
        let terminal = self.session.terminal;
        let ctx = self.session.context().await?;
        let stack = find_stack(ctx, name).await?;
        let lock = self.lock(&stack, args, None).await?;
        let progress = Progress::new(terminal);
        let events = |event| progress.event(event);
        let undone = undo_interrupted(ctx, lock.own(), name, &events, &self.cancel).await;
        progress.end(undone.is_ok());
        lock.release().await;
        match undone? {
            None => terminal.note(&format!("no apply of stack '{name}' was interrupted")),
            Some(remains) => {
                terminal.note(&format!("stack '{name}' was rolled back: the containers from before the interrupted apply are running again"));
                for note in remains {
                    terminal.note(&format!("  - {note}"));
                }
                if self.cancel.is_cancelled() {
                    return Err(CliError::HealthNotAwaited(name.clone()));
                }
            }
        }
        Ok(())
    }

    /// Decides what to do about an interrupted apply, if there is one: by the flags, otherwise by asking.
    pub(crate) async fn recover(
        &self,
        stack: &Stack,
        args: RecoverArgs,
    ) -> Result<Option<Recover>, CliError> {
        if args.undo {
            return Ok(Some(Recover::Undo));
        }
        let terminal = self.session.terminal;
        let ctx = self.session.context().await?;
        // `--resume` must not apply later edits if nothing was interrupted.
        if args.resume && find_interrupted(ctx, stack).await?.is_none() {
            return Err(OperationError::from(WrongState::NotInterrupted(stack.name.clone())).into());
        }
        // `--yes` also resumes an apply that is interrupted while its lock is waited for.
        if args.resume || terminal.yes {
            return Ok(Some(Recover::Resume));
        }
        let Some(open) = left_open(ctx, stack).await? else { return Ok(None) };
        let error = OperationError::from(ApplyError::Interrupted {
            stack: stack.name.clone(),
            apply: Box::new(open),
        });
        if !terminal.interactive {
            return Err(error.into());
        }
        terminal.note(&error.to_string());
        let options = vec!["finish it", "roll back", "leave it as it is"];
        match terminal.pick("What now?", options)? {
            0 => Ok(Some(Recover::Resume)),
            1 => Ok(Some(Recover::Undo)),
            _ => Err(CliError::Declined),
        }
    }
}

/// A plan with its lock and draft.
pub(crate) struct Planned {
    /// Held with `--yes`.
    pub(crate) lock: Option<StackLocks>,
    /// The definition, if it is saved only after the plan is confirmed.
    pub(crate) draft: Option<Draft>,
    pub(crate) prepared: Prepared,
}

impl Planned {
    /// Edits that the definition overwrites.
    fn undone(&self) -> &[FieldDiff] {
        self.draft.as_ref().map_or(&[], |draft| draft.undone.as_slice())
    }
}

/// Shows a plan, and asks if it changes anything, overwrites edits or needs images.
pub(crate) fn confirm(
    session: &Session,
    prepared: &Prepared,
    undone: &[FieldDiff],
    lookup: Lookup,
) -> Result<(), CliError> {
    let plan = &prepared.plan;
    // An empty plan would print "No changes" although unapplied edits are overwritten.
    if undone.is_empty() || !plan.is_empty() {
        session.terminal.note(&plan_view::render(plan, false));
    }
    if !undone.is_empty() {
        session.terminal.note(&undone_text(undone));
    }
    if plan.is_empty() && undone.is_empty() && !prepared.needs_images(lookup) {
        return Ok(());
    }
    session.terminal.confirm(&format!("Apply this to '{}'?", plan.stack), "applying the plan")
}

/// Shows what taking a stack down removes, and asks if it removes anything.
pub(crate) fn confirm_down(session: &Session, prepared: &Prepared) -> Result<(), CliError> {
    let plan = &prepared.plan;
    session.terminal.note(&plan_view::render(plan, false));
    if plan.is_empty() {
        return Ok(());
    }
    let removed = plan.steps.iter().filter(|step| matches!(step.action, Action::RemoveContainer { .. }));
    let containers = counted(removed.count(), "container");
    let question = format!("Take down '{}' ({containers}; volumes are kept)?", plan.stack);
    session.terminal.confirm(&question, "taking the stack down")
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn undone_text(undone: &[FieldDiff]) -> String {
    let lines: Vec<String> = undone.iter().map(|field| format!("  ! {field}")).collect();
    format!("devarch.yml overwrites these edits, made since it was last loaded:\n{}\n", lines.join("\n"))
}

/// Asks for confirmation if a plan replaces or removes containers; otherwise prints only what was deferred.
pub(crate) fn confirm_if_destructive(session: &Session, prepared: &Prepared) -> Result<(), CliError> {
    let replaces = |change: &Change| matches!(change.kind, ChangeKind::Replace | ChangeKind::Remove);
    if prepared.plan.changes.iter().any(replaces) {
        return confirm(session, prepared, &[], Lookup::Missing);
    }
    for note in prepared.plan.notes.iter().filter(|note| !prepared.desired.notes.contains(note)) {
        session.terminal.note(&format!("note: {note}"));
    }
    Ok(())
}

/// Prints the number of steps and the stack's new status.
pub(crate) async fn report(session: &Session, stack: &StackName, outcome: Outcome) -> Result<(), CliError> {
    let status = stack_status(session.context().await?, stack, StatusOptions::default()).await?;
    let seconds = outcome.took.as_secs_f64();
    let value = json!({"steps": outcome.steps, "seconds": seconds, "stack": status});
    session.terminal.result(&value, || status_view::stack(&status))?;
    if outcome.steps > 0 {
        let done = format!("done: {} steps in {seconds:.1} s", outcome.steps);
        session.terminal.note(&Shown::styled(style::GOOD, &done));
    }
    Ok(())
}
