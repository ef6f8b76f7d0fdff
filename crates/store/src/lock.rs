//! Taking, leasing and releasing stack locks; part of [`Store`].
//!
//! A lock is held by the operating system or a database session ([`crate::lock_backend`]); the table records its
//! holder. Both change in one transaction that has locked the stack's row, so that a lock that is found held always
//! has a recorded holder.

use crate::{
    author::Author,
    clock::now,
    db::{Database, Db, MOMENT, Result, Tx},
    error::{Fault, LockError, StackError, StoreError},
    journal::Entry,
    lock_backend::{LockGuard, PendingLock},
    locks::{self, Lease, LockInfo, LockOwner, LockRow},
    session,
    store::Store,
};
use devarch_core::id::{PlanId, StackId};
use parking_lot::RwLock;
use std::{fmt, sync::atomic::Ordering, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// How often a held lock is polled.
const INTERVAL: Duration = Duration::from_millis(50);

/// The exclusive right to change a stack's objects. The lock is free as soon as this is dropped or the program dies.
///
/// A database session, and its lock, can end before the program does: the server restarts, or the connection is cut.
/// The lock is then taken again, unless another process has held it since: then it is lost.
pub struct StackLock {
    stack: StackId,
    fence: i64,
    holder: String,
    /// How long a database that does not answer is retried.
    patience: Duration,
    hold: Mutex<LockGuard>,
    /// The server process of the session. Stored beside the session, so that a check need not wait for a task that is
    /// taking the lock again and needs a connection for that.
    backend: RwLock<Option<i32>>,
    /// Locks of other stacks held for the same operation, which ends if any of them is lost.
    others: Vec<StackLock>,
    database: Database,
}

/// Whether a lock is still in force.
enum Standing {
    Held,
    /// The session that held it has ended. No other process has held it since.
    Free,
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
    /// Returns the stack's id.
    pub fn stack(&self) -> &StackId {
        &self.stack
    }

    /// Returns the fence it was taken under; the lock is valid until the fence is raised.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Adds the locks of other stacks that are held for the same operation.
    #[must_use]
    pub fn with(mut self, others: Vec<StackLock>) -> Self {
        self.others = others;
        self
    }

    /// Releases this lock and those held with it, and clears their holder. Fails if that cannot be written; they are
    /// free all the same.
    pub async fn release(self) -> Result<()> {
        let Self { stack, holder, hold, others, database, .. } = self;
        hold.into_inner().free().await;
        let mut released = vacate(&database, &stack, &holder).await;
        for other in others {
            released = released.and(Box::pin(other.release()).await);
        }
        released
    }

    /// Returns how long a database that does not answer is retried for this lock.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Checks that this lock and those held with it are in force. Fails with [`LockError::Lost`] if another process
    /// has held one since.
    ///
    /// Returns the one whose session has ended, if any, for [`StackLock::take_again`].
    pub(crate) async fn prove(&self, tx: &mut Tx) -> Result<Option<&Self>> {
        for lock in std::iter::once(self).chain(&self.others) {
            if let Standing::Free = lock.standing(tx).await? {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    async fn standing(&self, tx: &mut Tx) -> Result<Standing> {
        self.row(tx).await?;
        let Some(backend) = self.backend() else { return Ok(Standing::Held) };
        let holds = session::holds(tx, &self.stack, self.fence, backend).await?;
        Ok(if holds { Standing::Held } else { Standing::Free })
    }

    fn backend(&self) -> Option<i32> {
        *self.backend.read()
    }

    /// Returns the row, if it is still about this holder.
    async fn row(&self, tx: &mut Tx) -> Result<LockRow> {
        let row = locks::load(tx, &self.stack).await?;
        let row = row.ok_or_else(|| StackError::Gone { stack: self.stack.clone() })?;
        if row.fence != self.fence {
            return Err(LockError::Lost { stack: row.name, by: row.raised_by }.into());
        }
        if row.holder.as_deref() != Some(self.holder.as_str()) {
            return Err(LockError::Lost { stack: row.name, by: None }.into());
        }
        Ok(row)
    }

    /// Takes a lock again whose session has ended; returns whether it succeeded. It cannot while the server still
    /// knows a session that holds the lock. Fails with [`LockError::Lost`] if another process has held it since.
    pub(crate) async fn take_again(&self) -> Result<bool> {
        let mut hold = self.hold.lock().await;
        let ready = self.database.lock_backend.ready(&self.database.place).await?;
        let mut tx = self.database.write().await?;
        let taken = self.taken_again(&mut tx, ready, &mut hold).await;
        tx.end(taken).await
    }

    async fn taken_again(&self, tx: &mut Tx, ready: PendingLock, hold: &mut LockGuard) -> Result<bool> {
        // Keep the row locked until the new holder is recorded.
        locks::keep(tx, &self.stack).await?;
        self.row(tx).await?;
        if let Some(backend) = self.backend()
            && session::holds(tx, &self.stack, self.fence, backend).await?
        {
            // Another step took it meanwhile.
            return Ok(true);
        }
        let Some(taken) = ready.try_take(&self.database.place, &self.stack, self.fence).await? else {
            return Ok(false);
        };
        *self.backend.write() = taken.backend();
        *hold = taken;
        Ok(true)
    }
}

/// Returns whether an error means that the lock is lost for good.
fn is_final(error: &StoreError) -> bool {
    let lost = matches!(error, StoreError::Lock(LockError::Lost { .. }));
    lost || matches!(error, StoreError::Stack(StackError::Gone { .. }))
}

async fn vacate(database: &Database, stack: &StackId, holder: &str) -> Result<()> {
    let mut tx = database.write().await?;
    let done = locks::vacate(&mut tx, stack, holder).await;
    tx.end(done).await
}

/// The lock, or its holder.
type Attempt = std::result::Result<StackLock, Box<LockInfo>>;

impl Store {
    /// Takes a stack's lock, trying at once and then repeatedly until `timeout` has passed; then fails with
    /// [`LockError::Held`]. If it has to wait, the holder is reported once. Until it expires, a lease blocks everyone
    /// except a caller `with` its plan.
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
                Ok(lock) => return Ok(StackLock { patience: timeout, ..lock }),
                Err(holder) => holder,
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LockError::Held { stack: holder.name.clone(), holder }.into());
            }
            if !told {
                waiting(&holder);
                told = true;
            }
            sleep(INTERVAL.min(left)).await;
        }
    }

    /// Fails with [`LockError::Lost`] unless the lock is in force. To be called before each change that is not
    /// recorded in the journal.
    pub async fn prove(&self, lock: &StackLock) -> Result<()> {
        self.under(lock, &Entry::Nothing).await
    }

    /// Reserves the lock for a plan until the lease ends, even after the lock is released.
    pub async fn lease(&self, lock: &StackLock, lease: &Lease) -> Result<()> {
        self.under(lock, &Entry::Leased(lease)).await
    }

    /// Returns whether the lock is in force, taking it again if its session has ended; `false` if the database does
    /// not answer at once. Fails with [`LockError::Lost`] if another process has held it since.
    pub async fn holds(&self, lock: &StackLock) -> Result<bool> {
        match timeout(MOMENT, self.attempt(lock, &Entry::Nothing)).await {
            Ok(Err(error)) if is_final(&error) => Err(error),
            Ok(done) => Ok(done.unwrap_or(false)),
            Err(_) => {
                self.database.away.store(true, Ordering::Relaxed);
                Ok(false)
            }
        }
    }

    /// Writes an entry under a held lock. A lock whose session has ended is taken again, and a server that does not
    /// answer is retried, both for as long as the lock itself was waited for.
    pub(crate) async fn under(&self, lock: &StackLock, entry: &Entry<'_>) -> Result<()> {
        let until = Instant::now() + lock.patience();
        loop {
            let done = self.attempt(lock, entry).await;
            let over = Instant::now() >= until;
            match done {
                Ok(true) => return Ok(()),
                Ok(false) if over => return Err(self.lost(lock).await),
                Err(error) if over || !self.may_come_back(&error) => return Err(error),
                Ok(false) | Err(_) => sleep(INTERVAL).await,
            }
        }
    }

    /// Tries to write the entry; `false` if a lock is not held and could not be taken again yet.
    async fn attempt(&self, lock: &StackLock, entry: &Entry<'_>) -> Result<bool> {
        loop {
            let mut tx = self.database.journal().await?;
            let ended = match lock.prove(&mut tx).await {
                Ok(None) => {
                    let done = entry.write(&mut tx, lock.stack()).await;
                    return tx.end(done).await.map(|()| true);
                }
                Ok(Some(ended)) => tx.end(Ok(ended)).await?,
                Err(lost) => return tx.end(Err(lost)).await,
            };
            if !ended.take_again().await? {
                return Ok(false);
            }
        }
    }

    /// Returns whether the server may answer a retry.
    fn may_come_back(&self, error: &StoreError) -> bool {
        let away = matches!(error, StoreError::Database(failed) if matches!(failed.fault, Fault::Unreachable | Fault::Busy));
        away && matches!(self.database.db, Db::Pg(_))
    }

    async fn lost(&self, lock: &StackLock) -> StoreError {
        let name = async {
            let mut tx = self.database.read().await?;
            let row = locks::load(&mut tx, lock.stack()).await;
            tx.end(row).await
        };
        match name.await {
            Ok(Some(row)) => LockError::Lost { stack: row.name, by: None }.into(),
            Ok(None) => StackError::Gone { stack: lock.stack().clone() }.into(),
            Err(error) => error,
        }
    }

    /// Returns the locks that are held or leased, by stack name.
    pub async fn locks(&self) -> Result<Vec<LockInfo>> {
        let mut tx = self.database.read().await?;
        let found = in_force(&self.database, &mut tx).await;
        tx.end(found).await
    }

    /// Releases a stack's lock and lease; `None` if there was neither. Without `force`, a lease is ended, but a held
    /// lock fails with [`LockError::Held`]. With `force`, the fence is raised: another process can take the lock at
    /// once, and the previous holder learns before its next step that it lost the lock, and to whom.
    pub async fn release_lock(&self, stack: &StackId, force: bool, by: &Author) -> Result<Option<LockInfo>> {
        let mut tx = self.database.write().await?;
        let done = release(&self.database, &mut tx, stack, force, by).await;
        tx.end(done).await
    }

    /// Tries once. It only reads at first, so that waiting writes nothing.
    async fn try_lock(&self, stack: &StackId, owner: &LockOwner, with: Option<&PlanId>) -> Result<Attempt> {
        let database = &self.database;
        let mut tx = database.read().await?;
        let held = holder(database, &mut tx, stack).await;
        if let Some(held) = tx.end(held).await?
            && keeps_out(&held, with)
        {
            return Ok(Err(Box::new(held)));
        }
        let ready = database.lock_backend.ready(&database.place).await?;
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
    (ready, owner, with): (PendingLock, &LockOwner, Option<&PlanId>),
) -> Result<Attempt> {
    let lease = unexpired(&row);
    if lease.as_ref().is_some_and(|lease| Some(&lease.plan) != with) {
        let alive = database.lock_backend.is_held(tx, &row.stack, row.fence).await?;
        return Ok(Err(Box::new(info(row, alive))));
    }
    let Some(hold) = ready.try_take(&database.place, &row.stack, row.fence).await? else {
        return Ok(Err(Box::new(info(row, true))));
    };
    let holder = Uuid::new_v4().to_string();
    locks::occupy(tx, &row.stack, &holder, owner, lease.as_ref()).await?;
    Ok(Ok(StackLock {
        stack: row.stack,
        fence: row.fence,
        holder,
        patience: Duration::ZERO,
        backend: RwLock::new(hold.backend()),
        hold: Mutex::new(hold),
        others: Vec::new(),
        database: database.clone(),
    }))
}

async fn release(
    database: &Database,
    tx: &mut Tx,
    stack: &StackId,
    force: bool,
    by: &Author,
) -> Result<Option<LockInfo>> {
    let Some(held) = holder(database, tx, stack).await? else {
        return Ok(None);
    };
    if held.alive && !force {
        return Err(LockError::Held { stack: held.name.clone(), holder: Box::new(held) }.into());
    }
    locks::raise(tx, stack, by).await?;
    Ok(Some(held))
}

/// Returns the holder or lease of a stack's lock.
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

/// Ignores a row whose holder is dead and that has no lease.
async fn judge(database: &Database, tx: &mut Tx, row: LockRow) -> Result<Option<LockInfo>> {
    let alive = row.holder.is_some() && database.lock_backend.is_held(tx, &row.stack, row.fence).await?;
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

/// Returns whether a caller with this plan has to wait.
fn keeps_out(held: &LockInfo, with: Option<&PlanId>) -> bool {
    held.alive || held.lease.as_ref().is_some_and(|lease| Some(&lease.plan) != with)
}
