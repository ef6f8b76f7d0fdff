//! Applies a plan under the stack's lock: exactly what was approved or nothing; recorded step by step; rolled back on
//! failure.

use crate::{
    Context, OperationError, Prepared,
    execution::{
        Event, Outcome,
        applied::confirm_applied,
        attempt::{AppliedFrom, begin_apply, carry_out_plan},
        bind::reserve_subnet,
        options::ApplyOptions,
        recover::{close_taken_over, take_over},
        report::cancelled,
        settle::settle_objects,
    },
    planning::{approved::Approved, engine_identity::restore_marker, prepare::prepare},
};
use devarch_store::{Apply, ApplyOutcome, StackError, StackLock, StoreError, TakenWhat};
use std::sync::Arc;

/// How often a plan is repeated because another stack reserved its network's addresses. Each time some stack got them,
/// so this many others must have started at the same moment.
const SUBNET_ATTEMPTS: usize = 64;

/// Executes an approved plan. Everything is observed again under the lock; if an assumption no longer holds, nothing
/// is done.
#[tracing::instrument(level = "info", skip_all, fields(stack = %approved.stack))]
pub async fn apply(
    ctx: &Context,
    lock: &StackLock,
    approved: &Approved,
    options: ApplyOptions<'_>,
) -> Result<Outcome, OperationError> {
    let begun = ctx.clock.running();
    let prepared = tokio::select! {
        prepared = Box::pin(prepare_again(ctx, approved)) => prepared?,
        () = options.cancel.cancelled() => return Err(cancelled(&approved.stack).into()),
    };
    restore_marker(prepared.engine.as_ref(), &prepared.observed).await?;
    settle_objects(ctx, lock, &prepared).await?;
    let from = AppliedFrom { plan: approved.plan.as_ref(), command: options.command };
    let open = take_over(ctx, lock, &prepared, options.recover).await?;
    if prepared.plan.steps.is_empty() {
        if let Some(engine) = &prepared.observed.engine_id {
            confirm_applied(ctx, engine, &prepared, Vec::new()).await?;
        }
        close_taken_over(ctx, lock, open.as_ref()).await?;
        clear_failure(ctx, lock, &prepared, from).await?;
        return Ok(Outcome { steps: 0, took: ctx.clock.running().saturating_sub(begun) });
    }
    (options.events)(Event::Planned(Arc::clone(&prepared.plan)));
    let attempt = begin_apply(ctx, lock, &prepared, open, from).await?;
    let steps = carry_out_plan(ctx, lock, &attempt, options).await?;
    Ok(Outcome { steps, took: ctx.clock.running().saturating_sub(begun) })
}

/// Plans an approved plan again, and reserves the addresses of its new network. If another stack reserved them in
/// between, the next plan chooses others.
async fn prepare_again(ctx: &Context, approved: &Approved) -> Result<Prepared, OperationError> {
    let mut attempts = SUBNET_ATTEMPTS;
    loop {
        let prepared = Box::pin(prepare(ctx, &approved.stack, &approved.options)).await?;
        approved.holds(&prepared)?;
        attempts -= 1;
        match reserve_subnet(ctx, &prepared).await {
            Err(StoreError::Stack(StackError::Taken { what: TakenWhat::Subnet, .. })) if attempts > 0 => {}
            reserved => return Ok(reserved.map(|()| prepared)?),
        }
    }
}

/// Records a successful apply without steps after a failed one: the stack is as desired again, and no longer shown as
/// failed.
async fn clear_failure(
    ctx: &Context,
    lock: &StackLock,
    prepared: &Prepared,
    from: AppliedFrom<'_>,
) -> Result<(), OperationError> {
    let latest = ctx.store.applies(&prepared.stack.id, 1).await?;
    let failed = |apply: &Apply| matches!(apply.outcome, ApplyOutcome::RolledBack | ApplyOutcome::Failed);
    if !latest.first().is_some_and(failed) {
        return Ok(());
    }
    let attempt = begin_apply(ctx, lock, prepared, None, from).await?;
    let now = ctx.clock.now();
    Ok(ctx.store.end_apply(lock, &attempt.apply, ApplyOutcome::Succeeded, now, None).await?)
}
