//! Taking, leasing and releasing stacks' locks: a part of the store's interface.
//!
//! A lock is what the operating system or a database session holds ([`crate::hold`]); the table says whose it is. Both
//! change in one transaction that has the stack's row, so who finds a lock held also finds its holder.

use crate::{
    author::Author,
    clock::now,
    db::{Database, Result, Tx},
    error::StoreError,
    hold::{Hold, Ready},
    locks::{self, Lease, LockInfo, LockOwner, LockRow},
    store::Store,
};
use devarch_core::id::{PlanId, StackId};
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How often a lock that is held is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// The exclusive right to change a stack's objects. Dropped, it is free at once, as it is when the program dies.
pub struct StackLock {
    stack: StackId,
    fence: i64,
    holder: String,
    hold: Hold,
    database: Database,
}

impl fmt::Debug for StackLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackLock")
            .field("stack", &self.stack)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}

impl StackLock {
    /// The stack.
    pub fn stack(&self) -> &StackId {
        &self.stack
    }

    /// The fence it was taken under; it holds until the fence is raised.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Frees it, and clears who held it. Fails where that can't be written; the lock is free all the same.
    pub async fn release(self) -> Result<()> {
        let Self { stack, holder, hold, database, .. } = self;
        hold.free().await;
        let mut tx = database.write().await?;
        let done = locks::vacate(&mut tx, &stack, &holder).await;
        tx.end(done).await
    }

    /// Refuses with [`StoreError::LockLost`] unless it holds.
    pub(crate) async fn prove(&self, tx: &mut Tx) -> Result<()> {
        let row = locks::load(tx, &self.stack).await?;
        let row = row.ok_or_else(|| StoreError::Gone { stack: self.stack.clone() })?;
        if row.fence != self.fence {
            return Err(StoreError::LockLost { stack: row.name, by: row.raised_by });
        }
        let ours = row.holder.as_deref() == Some(self.holder.as_str());
        if ours && self.hold.stands(tx, &self.stack, self.fence).await? {
            Ok(())
        } else {
            Err(StoreError::LockLost { stack: row.name, by: None })
        }
    }
}

/// The lock, or who has it.
type Attempt = std::result::Result<StackLock, Box<LockInfo>>;

impl Store {
    /// Takes a stack's lock, trying at once and then again until `timeout` has passed; then fails with
    /// [`StoreError::Locked`]. Who begins to wait is told whom for, once. A lease keeps all out but who comes `with`
    /// its plan, until it expires.
    #[expect(clippy::too_many_arguments, reason = "five beside the store itself")]
    pub async fn lock(
        &self,
        stack: &StackId,
        owner: &LockOwner,
        timeout: Duration,
        with: Option<&PlanId>,
        waiting: &(dyn Fn(&LockInfo) + Send + Sync),
    ) -> Result<StackLock> {
        let until = Instant::now() + timeout;
        let mut told = false;
        loop {
            let holder = match self.try_lock(stack, owner, with).await? {
                Ok(lock) => return Ok(lock),
                Err(holder) => holder,
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Locked { stack: holder.name.clone(), holder });
            }
            if !told {
                waiting(&holder);
                told = true;
            }
            sleep(INTERVAL.min(left)).await;
        }
    }

    /// Fails with [`StoreError::LockLost`] unless the lock holds: asked before each change that is not written into the
    /// journal.
    pub async fn prove(&self, lock: &StackLock) -> Result<()> {
        let mut tx = self.database.write().await?;
        let proven = lock.prove(&mut tx).await;
        tx.end(proven).await
    }

    /// Keeps the lock for a plan until the lease's end, beyond the end of the lock itself.
    pub async fn lease(&self, lock: &StackLock, lease: &Lease) -> Result<()> {
        let mut tx = self.database.write().await?;
        let done = match lock.prove(&mut tx).await {
            Ok(()) => locks::lease(&mut tx, lock.stack(), lease).await,
            Err(lost) => Err(lost),
        };
        tx.end(done).await
    }

    /// The locks that somebody holds and those that are leased, by the names of their stacks.
    pub async fn locks(&self) -> Result<Vec<LockInfo>> {
        let mut tx = self.database.read().await?;
        let found = in_force(&self.database, &mut tx).await;
        tx.end(found).await
    }

    /// Releases a stack's lock and lease; `None` where there was neither. Without `force` it fails with
    /// [`StoreError::Locked`] where somebody holds it; a lease alone is ended. With it the fence is raised: another can take the lock at once, and
    /// who held it is told that it lost it, and to whom, before its next step.
    pub async fn release_lock(&self, stack: &StackId, force: bool, by: &Author) -> Result<Option<LockInfo>> {
        let mut tx = self.database.write().await?;
        let done = release(&self.database, &mut tx, stack, (force, by)).await;
        tx.end(done).await
    }

    /// Tries once. First it only reads, so that who waits writes nothing.
    async fn try_lock(&self, stack: &StackId, owner: &LockOwner, with: Option<&PlanId>) -> Result<Attempt> {
        let database = &self.database;
        let mut tx = database.read().await?;
        let held = holder(database, &mut tx, stack).await;
        if let Some(held) = tx.end(held).await?
            && keeps_out(&held, with)
        {
            return Ok(Err(Box::new(held)));
        }
        let ready = database.keeper.ready(&database.place).await?;
        let mut tx = database.write().await?;
        let row = locks::seize(&mut tx, stack, owner).await;
        let taken = match row {
            Ok(row) => take(database, &mut tx, row, (ready, owner, with)).await,
            Err(error) => Err(error),
        };
        tx.end(taken).await
    }
}

async fn take(
    database: &Database,
    tx: &mut Tx,
    row: LockRow,
    (ready, owner, with): (Ready, &LockOwner, Option<&PlanId>),
) -> Result<Attempt> {
    let lease = unexpired(&row);
    if lease.as_ref().is_some_and(|lease| Some(&lease.plan) != with) {
        let alive = database.keeper.is_held(tx, &row.stack, row.fence).await?;
        return Ok(Err(Box::new(info(row, alive))));
    }
    let Some(hold) = ready.try_take(&database.place, &row.stack, row.fence).await? else {
        return Ok(Err(Box::new(info(row, true))));
    };
    let holder = Uuid::new_v4().to_string();
    locks::occupy(tx, &row.stack, &holder, owner, lease.as_ref()).await?;
    Ok(Ok(StackLock { stack: row.stack, fence: row.fence, holder, hold, database: database.clone() }))
}

async fn release(
    database: &Database,
    tx: &mut Tx,
    stack: &StackId,
    (force, by): (bool, &Author),
) -> Result<Option<LockInfo>> {
    let Some(held) = holder(database, tx, stack).await? else {
        return Ok(None);
    };
    if held.alive && !force {
        return Err(StoreError::Locked { stack: held.name.clone(), holder: Box::new(held) });
    }
    locks::raise(tx, stack, by).await?;
    Ok(Some(held))
}

/// Who holds or has leased a stack's lock.
async fn holder(database: &Database, tx: &mut Tx, stack: &StackId) -> Result<Option<LockInfo>> {
    match locks::load(tx, stack).await? {
        Some(row) => judge(database, tx, row).await,
        None => Ok(None),
    }
}

async fn in_force(database: &Database, tx: &mut Tx) -> Result<Vec<LockInfo>> {
    let mut found = Vec::new();
    for row in locks::all(tx).await? {
        found.extend(judge(database, tx, row).await?);
    }
    Ok(found)
}

/// A row whose holder is dead, and that has no lease, says nothing.
async fn judge(database: &Database, tx: &mut Tx, row: LockRow) -> Result<Option<LockInfo>> {
    let alive = row.holder.is_some() && database.keeper.is_held(tx, &row.stack, row.fence).await?;
    let info = info(row, alive);
    Ok((alive || info.lease.is_some()).then_some(info))
}

fn info(row: LockRow, alive: bool) -> LockInfo {
    let lease = unexpired(&row);
    let LockRow { stack, name, fence, owner, .. } = row;
    LockInfo { stack, name, fence, owner, alive, lease }
}

fn unexpired(row: &LockRow) -> Option<Lease> {
    row.lease.clone().filter(|lease| lease.until > now())
}

/// Whether someone who comes with this plan has to wait.
fn keeps_out(held: &LockInfo, with: Option<&PlanId>) -> bool {
    held.alive || held.lease.as_ref().is_some_and(|lease| Some(&lease.plan) != with)
}
