//! The lock of a stack, held by every command that changes its objects.

use crate::{Context, OperationError, context::find_stack, planning::links};
use devarch_core::{
    id::{PlanId, StackId},
    name::StackName,
    stack::Stack,
};
use devarch_store::{LockInfo, LockOwner, StackLock};
use serde::Serialize;
use std::{collections::BTreeSet, time::Duration};

/// A request for a stack's lock.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// The requesting command.
    pub operation: String,
    /// How long to wait for another holder.
    pub timeout: Duration,
    /// The saved plan to apply under it; a lease for this plan does not block it.
    pub plan: Option<PlanId>,
}

/// A lock that is held by a process, or kept for a plan.
#[derive(Debug, Clone, Serialize)]
pub struct HeldLock {
    /// The stack.
    pub stack: StackName,
    /// The command that took it.
    pub operation: String,
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// When it was taken (milliseconds since the Unix epoch).
    pub since: i64,
    /// Whether that process is running; otherwise the lock is kept for a plan.
    pub alive: bool,
    /// The plan it is kept for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// When the lease expires (milliseconds since the Unix epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// A stack's lock, and those of the stacks it is linked to: their containers are connected to its links.
#[derive(Debug)]
pub struct StackLocks(StackLock);

impl StackLocks {
    /// Returns the stack's own lock, under which its applies are recorded.
    pub fn own(&self) -> &StackLock {
        &self.0
    }

    /// Releases the locks. A lock is free once it is dropped; failing to clear its holder from the store is harmless.
    pub async fn release(self) {
        let _ = self.0.release().await;
    }
}

/// Acquires a stack's lock, and those of the stacks it is linked to, in a fixed order that rules out deadlocks; calls
/// `waiting` once for each current holder.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn acquire_locks(
    ctx: &Context,
    stack: &Stack,
    request: &LockRequest,
    waiting: &(dyn Fn(&HeldLock) + Send + Sync),
) -> Result<StackLocks, OperationError> {
    let mut linked = BTreeSet::new();
    for name in links::named(stack).into_keys() {
        linked.extend(ctx.store.stack(name).await?.map(|other| other.id));
    }
    linked.remove(&stack.id);
    let mut others = Vec::new();
    for id in linked.range(..&stack.id) {
        others.push(acquire_lock(ctx, id, request, waiting).await?);
    }
    let own = acquire_lock(ctx, &stack.id, request, waiting).await?;
    for id in linked.range(&stack.id..) {
        others.push(acquire_lock(ctx, id, request, waiting).await?);
    }
    Ok(StackLocks(own.with(others)))
}

async fn acquire_lock(
    ctx: &Context,
    stack: &StackId,
    request: &LockRequest,
    waiting: &(dyn Fn(&HeldLock) + Send + Sync),
) -> Result<StackLock, OperationError> {
    let owner =
        LockOwner { operation: request.operation.clone(), author: ctx.author(), since: ctx.clock.now() };
    let told = |info: &LockInfo| waiting(&held(info));
    let taken = ctx.store.lock(stack, &owner, request.timeout, request.plan.as_ref(), &told).await;
    Ok(taken?)
}

/// Returns the locks that are held, and those kept for plans.
#[tracing::instrument(level = "info", skip_all)]
pub async fn list_locks(ctx: &Context) -> Result<Vec<HeldLock>, OperationError> {
    Ok(ctx.store.locks().await?.iter().map(held).collect())
}

/// Releases a lock that is kept for a plan, or with `force` one that is held: its holder stops before its next step.
/// Returns the previous holder, if any.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn release_lock(
    ctx: &Context,
    name: &StackName,
    force: bool,
) -> Result<Option<HeldLock>, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let released = ctx.store.release_lock(&stack.id, force, &ctx.author()).await?;
    Ok(released.as_ref().map(held))
}

fn held(info: &LockInfo) -> HeldLock {
    let author = &info.owner.author;
    HeldLock {
        stack: info.name.clone(),
        operation: info.owner.operation.clone(),
        user: author.user.clone(),
        host: author.host.clone(),
        pid: author.pid,
        since: info.owner.since,
        alive: info.alive,
        plan: info.lease.as_ref().map(|lease| lease.plan.clone()),
        until: info.lease.as_ref().map(|lease| lease.until),
    }
}
