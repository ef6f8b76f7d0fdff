//! Plans saved to be applied later. Table `plans`.

use crate::{
    author::{Author, AuthorColumns},
    db::{Result, Tx, Unreadable, execute, fetch_one},
    error::{JournalError, StackError},
};
use devarch_core::id::{ApplyId, PlanId, StackId};

/// How long an expired plan is kept, in milliseconds: long enough to report that it has expired.
const KEPT_AFTER_EXPIRY: i64 = 7 * 24 * 60 * 60 * 1000;

/// A plan as it was shown, with its inputs. It contains no secrets: applying it computes the plan again, and
/// compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// The plan's id.
    pub id: PlanId,
    /// The stack it is for.
    pub stack: StackId,
    /// Who created it.
    pub author: Author,
    /// When it was created, in milliseconds since the Unix epoch.
    pub made_at: i64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// What was requested, as the caller's JSON.
    pub request: String,
    /// The assumptions it depends on, as the caller's JSON.
    pub assumed: String,
    /// The plan as it was shown, without secrets, as the caller's JSON.
    pub shown: String,
    /// The apply that used it; at most one.
    pub applied_by: Option<ApplyId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    stack_id: String,
    #[sqlx(flatten)]
    author: AuthorColumns,
    made_at: i64,
    expires_at: i64,
    request: String,
    assumed: String,
    shown: String,
    applied_by: Option<String>,
}

impl Row {
    fn read(self) -> std::result::Result<SavedPlan, Unreadable> {
        Ok(SavedPlan {
            id: PlanId::new(self.id),
            stack: StackId::new(self.stack_id),
            author: self.author.read()?,
            made_at: self.made_at,
            expires_at: self.expires_at,
            request: self.request,
            assumed: self.assumed,
            shown: self.shown,
            applied_by: self.applied_by.map(ApplyId::new),
        })
    }
}

/// Inserts a plan, and deletes those that expired long before it was created.
pub(crate) async fn save(tx: &mut Tx, plan: &SavedPlan) -> Result<()> {
    execute!(tx, "DELETE FROM plans WHERE expires_at < $1", plan.made_at.saturating_sub(KEPT_AFTER_EXPIRY))?;
    let written = execute!(
        tx,
        "INSERT INTO plans (id, stack_id, author_user, author_host, author_pid, made_at, expires_at, \
         request, assumed, shown, applied_by) \
         SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM stacks WHERE id = $2",
        plan.id.as_str(),
        plan.stack.as_str(),
        &plan.author.user,
        &plan.author.host,
        i64::from(plan.author.pid),
        plan.made_at,
        plan.expires_at,
        &plan.request,
        &plan.assumed,
        &plan.shown,
        plan.applied_by.as_ref().map(ApplyId::as_str),
    )?;
    if written == 0 {
        return Err(StackError::Gone { stack: plan.stack.clone() }.into());
    }
    Ok(())
}

/// Returns the plan with this id.
pub(crate) async fn load(tx: &mut Tx, id: &PlanId) -> Result<Option<SavedPlan>> {
    let row: Option<Row> = fetch_one!(tx, "SELECT * FROM plans WHERE id = $1", id.as_str())?;
    row.map(Row::read).transpose().map_err(|error| tx.damaged(error))
}

/// Marks a stack's plan as used by an apply; fails if another one used it.
pub(crate) async fn mark_applied(tx: &mut Tx, stack: &StackId, plan: &PlanId, by: &ApplyId) -> Result<()> {
    let marked = execute!(
        tx,
        "UPDATE plans SET applied_by = $3 WHERE id = $1 AND stack_id = $2 AND applied_by IS NULL",
        plan.as_str(),
        stack.as_str(),
        by.as_str(),
    )?;
    if marked > 0 {
        return Ok(());
    }
    let used_by = load(tx, plan).await?.and_then(|found| found.applied_by);
    let refused = match used_by {
        Some(by) => JournalError::PlanUsed { plan: plan.clone(), by },
        None => JournalError::NoPlan { plan: plan.clone() },
    };
    Err(refused.into())
}
