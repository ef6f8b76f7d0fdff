//! Interrupted applies: their process was killed, or the rollback failed.

use crate::{
    Context, OperationError, Prepared,
    context::{connect_engine, find_stack},
    error::ApplyError,
    execution::{
        EventSink,
        journal::Journal,
        rollback::{PutBack, Uncertain, Undoing, roll_back},
    },
    planning::{
        interrupted::{Interrupted, find_interrupted, settle_interrupted},
        redaction::secret_mask,
        wiring::stack_ownership,
    },
};
use devarch_core::{name::StackName, plan::undo};
use devarch_store::{ApplyOutcome, StackLock};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// What to do about an interrupted apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recover {
    /// Continue to the current desired state; on failure, restore what ran before the interrupted apply.
    Resume,
    /// Restore what ran before it.
    Undo,
}

/// Returns the interrupted apply that a new one takes over. One that changed nothing, or had only removals left, is
/// closed without a decision.
pub(crate) async fn take_over(
    ctx: &Context,
    lock: &StackLock,
    prepared: &Prepared,
    recover: Option<Recover>,
) -> Result<Option<Interrupted>, OperationError> {
    let Some(open) = find_interrupted(ctx, &prepared.stack).await? else { return Ok(None) };
    if open.committed {
        close_apply(ctx, lock, &open, ApplyOutcome::Resumed).await?;
        return Ok(None);
    }
    let seen = prepared.seen();
    if undo(&open.before, seen, &open.applies, &open.stopping, &open.copies).steps.is_empty() {
        close_apply(ctx, lock, &open, ApplyOutcome::Undone).await?;
        return Ok(None);
    }
    match recover {
        Some(Recover::Resume) => Ok(Some(open)),
        Some(Recover::Undo) | None => {
            Err(ApplyError::Interrupted { stack: prepared.stack.name.clone(), apply: Box::new(open) }.into())
        }
    }
}

/// Closes an interrupted apply that another one continues.
pub(crate) async fn close_taken_over(
    ctx: &Context,
    lock: &StackLock,
    open: Option<&Interrupted>,
) -> Result<(), OperationError> {
    match open {
        Some(open) => close_apply(ctx, lock, open, ApplyOutcome::Resumed).await,
        None => Ok(()),
    }
}

async fn close_apply(
    ctx: &Context,
    lock: &StackLock,
    open: &Interrupted,
    as_: ApplyOutcome,
) -> Result<(), OperationError> {
    let now = ctx.clock.now();
    Ok(ctx.store.end_apply(lock, &open.apply, as_, now, Some("it was interrupted")).await?)
}

/// Restores what ran before a stack's interrupted apply, and returns what stays or is lost. `None` if none was
/// interrupted.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn undo_interrupted(
    ctx: &Context,
    lock: &StackLock,
    name: &StackName,
    events: EventSink<'_>,
    cancel: &CancellationToken,
) -> Result<Option<Vec<String>>, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let Some(open) = find_interrupted(ctx, &stack).await? else { return Ok(None) };
    if open.committed {
        close_apply(ctx, lock, &open, ApplyOutcome::Resumed).await?;
        return Err(ApplyError::PastCommit(name.clone()).into());
    }
    let engine = connect_engine(ctx, Some(&stack)).await?;
    let Some(binding) = &stack.engine else { return Ok(None) };
    settle_interrupted(ctx, &stack, engine.as_ref()).await?;
    let mask = secret_mask(ctx, &stack).await?;
    let clock = ctx.clock.as_ref();
    let (engine_id, apply) = (&binding.id, open.apply.clone());
    let journal = Journal { store: &ctx.store, clock, lock, engine: engine_id, apply };
    let uncertain = Uncertain { stops: open.stopping.clone(), names: BTreeSet::new() };
    let undoing = Undoing {
        engine: engine.as_ref(),
        stack: &stack,
        engine_id: &binding.id,
        before: &open.before,
        apply: &open.apply,
        applies: &open.applies,
        ownership: &stack_ownership(ctx, Some(&binding.id)).await?,
        copies: &open.copies,
        uncertain,
        mask: &mask,
        journal: &journal,
        cancel,
    };
    match roll_back(ctx, &undoing, events).await {
        PutBack::Done { remains, .. } => {
            close_apply(ctx, lock, &open, ApplyOutcome::Undone).await?;
            Ok(Some(remains))
        }
        PutBack::LockLost { why } => Err(ApplyError::LockLost { stack: name.clone(), why }.into()),
        PutBack::Stuck { why, remains } => {
            Err(ApplyError::Stuck { stack: name.clone(), why, remains }.into())
        }
    }
}
