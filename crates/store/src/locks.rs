//! The holders of stack locks. Table `locks`.

use crate::{
    author::{Author, AuthorColumns},
    db::{Result, Tx, Unreadable, execute, fetch},
    error::StackError,
};
use devarch_core::{
    id::{PlanId, StackId},
    name::StackName,
};
use jiff::Timestamp;
use std::fmt;

/// Who takes a lock, and for which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOwner {
    /// The command, e.g. `apply`.
    pub operation: String,
    /// The user and process that run it.
    pub author: Author,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// The exclusive right of a saved plan to be applied next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The plan.
    pub plan: PlanId,
    /// When it expires, in milliseconds since the Unix epoch.
    pub until: i64,
}

/// A lock that is held or leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockInfo {
    /// The stack.
    pub stack: StackId,
    /// The stack's name.
    pub name: StackName,
    /// The fence, counted from 1: raised each time the lock is released by force.
    pub fence: i64,
    /// Its holder, or its last holder if it is only leased.
    pub owner: LockOwner,
    /// Whether it is held now.
    pub alive: bool,
    /// The lease, unless it has expired.
    pub lease: Option<Lease>,
}

/// Completes a sentence that begins with "stack '...' is".
impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockOwner { operation, author, since } = &self.owner;
        match &self.lease {
            Some(lease) if !self.alive => write!(
                f,
                "reserved for plan {} until {}, by `{operation}` of {author}",
                lease.plan,
                Time(lease.until)
            ),
            _ => write!(f, "locked by `{operation}` of {author} since {}", Time(*since)),
        }
    }
}

impl LockInfo {
    /// Returns what to do to get the lock.
    pub(crate) fn hint(&self) -> String {
        let wait = match &self.lease {
            Some(_) if !self.alive => "apply that plan, wait until then",
            _ => "wait for it, longer with --lock-timeout",
        };
        format!("{wait}, or release it with `devarch lock release {} --force`", self.name)
    }
}

/// A timestamp, printed to the second.
struct Time(i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// One row of `locks`, with its stack's name.
pub(crate) struct LockRow {
    pub(crate) stack: StackId,
    pub(crate) name: StackName,
    pub(crate) fence: i64,
    /// The id of the current acquisition; `None` after it was released.
    pub(crate) holder: Option<String>,
    pub(crate) owner: LockOwner,
    /// The lease, even if it has expired.
    pub(crate) lease: Option<Lease>,
    /// Who raised the fence.
    pub(crate) raised_by: Option<Author>,
}

#[derive(sqlx::FromRow)]
struct Columns {
    stack_id: String,
    name: String,
    fence: i64,
    holder: Option<String>,
    operation: String,
    #[sqlx(flatten)]
    author: AuthorColumns,
    since: i64,
    lease_plan: Option<String>,
    lease_until: Option<i64>,
    raised_user: Option<String>,
    raised_host: Option<String>,
    raised_pid: Option<i64>,
}

impl Columns {
    fn read(self) -> std::result::Result<LockRow, Unreadable> {
        let owner = LockOwner { operation: self.operation, author: self.author.read()?, since: self.since };
        let lease = self.lease_plan.zip(self.lease_until);
        let raised_by = match (self.raised_user, self.raised_host, self.raised_pid) {
            (Some(user), Some(host), Some(pid)) => Some(Author { user, host, pid: pid.try_into()? }),
            _ => None,
        };
        Ok(LockRow {
            stack: StackId::new(self.stack_id),
            name: self.name.parse()?,
            fence: self.fence,
            holder: self.holder,
            owner,
            lease: lease.map(|(plan, until)| Lease { plan: PlanId::new(plan), until }),
            raised_by,
        })
    }
}

/// Loads all rows, by stack name.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<LockRow>> {
    let rows: Vec<Columns> =
        fetch!(tx, "SELECT l.*, s.name FROM locks l JOIN stacks s ON s.id = l.stack_id ORDER BY s.name")?;
    let parsed: std::result::Result<_, Unreadable> = rows.into_iter().map(Columns::read).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Loads the row of one stack, if it was ever locked.
pub(crate) async fn load(tx: &mut Tx, stack: &StackId) -> Result<Option<LockRow>> {
    let mut rows: Vec<Columns> = fetch!(
        tx,
        "SELECT l.*, s.name FROM locks l JOIN stacks s ON s.id = l.stack_id WHERE l.stack_id = $1",
        stack.as_str()
    )?;
    let row = rows.pop().map(Columns::read);
    row.transpose().map_err(|error| tx.damaged(error))
}

/// Loads the row of one stack, creating it if it is missing, and locks it until the transaction ends.
pub(crate) async fn seize(tx: &mut Tx, stack: &StackId, owner: &LockOwner) -> Result<LockRow> {
    execute!(
        tx,
        "INSERT INTO locks (stack_id, fence, operation, author_user, author_host, author_pid, since) \
         SELECT id, 1, $2, $3, $4, $5, $6 FROM stacks WHERE id = $1 \
         ON CONFLICT (stack_id) DO UPDATE SET fence = locks.fence",
        stack.as_str(),
        &owner.operation,
        &owner.author.user,
        &owner.author.host,
        i64::from(owner.author.pid),
        owner.since,
    )?;
    let row = load(tx, stack).await?;
    row.ok_or_else(|| StackError::Gone { stack: stack.clone() }.into())
}

/// Locks the row of one stack until the transaction ends.
pub(crate) async fn keep(tx: &mut Tx, stack: &StackId) -> Result<()> {
    execute!(tx, "UPDATE locks SET fence = fence WHERE stack_id = $1", stack.as_str())?;
    Ok(())
}

/// Records that the lock was taken; a lease of the same plan is kept.
pub(crate) async fn occupy(
    tx: &mut Tx,
    stack: &StackId,
    holder: &str,
    owner: &LockOwner,
    lease: Option<&Lease>,
) -> Result<()> {
    execute!(
        tx,
        "UPDATE locks SET holder = $2, operation = $3, author_user = $4, author_host = $5, \
         author_pid = $6, since = $7, lease_plan = $8, lease_until = $9 WHERE stack_id = $1",
        stack.as_str(),
        holder,
        &owner.operation,
        &owner.author.user,
        &owner.author.host,
        i64::from(owner.author.pid),
        owner.since,
        lease.map(|lease| lease.plan.as_str()),
        lease.map(|lease| lease.until),
    )?;
    Ok(())
}

/// Records that the lock was released, unless another process has taken it since.
pub(crate) async fn vacate(tx: &mut Tx, stack: &StackId, holder: &str) -> Result<()> {
    execute!(
        tx,
        "UPDATE locks SET holder = NULL WHERE stack_id = $1 AND holder = $2",
        stack.as_str(),
        holder,
    )?;
    Ok(())
}

/// Raises the fence: the current holder can write nothing more.
pub(crate) async fn raise(tx: &mut Tx, stack: &StackId, by: &Author) -> Result<()> {
    execute!(
        tx,
        "UPDATE locks SET fence = fence + 1, holder = NULL, lease_plan = NULL, lease_until = NULL, \
         raised_user = $2, raised_host = $3, raised_pid = $4 WHERE stack_id = $1",
        stack.as_str(),
        &by.user,
        &by.host,
        i64::from(by.pid),
    )?;
    Ok(())
}

/// Reserves the lock for a plan.
pub(crate) async fn lease(tx: &mut Tx, stack: &StackId, lease: &Lease) -> Result<()> {
    execute!(
        tx,
        "UPDATE locks SET lease_plan = $2, lease_until = $3 WHERE stack_id = $1",
        stack.as_str(),
        lease.plan.as_str(),
        lease.until,
    )?;
    Ok(())
}

/// Ends the lease of a plan.
pub(crate) async fn end_lease(tx: &mut Tx, stack: &StackId, plan: &PlanId) -> Result<()> {
    execute!(
        tx,
        "UPDATE locks SET lease_plan = NULL, lease_until = NULL WHERE stack_id = $1 AND lease_plan = $2",
        stack.as_str(),
        plan.as_str(),
    )?;
    Ok(())
}
