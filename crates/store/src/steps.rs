//! The steps of applies, each recorded before it runs and after. Table `apply_steps`.

use crate::{
    applies::found,
    db::{Result, Tx, Unreadable, execute, fetch},
};
use devarch_core::id::{ApplyId, StackId};

/// A step's place in the journal, with a timestamp.
#[derive(Debug, Clone, Copy)]
pub struct StepMark<'a> {
    /// The apply.
    pub apply: &'a ApplyId,
    /// Its index in the plan.
    pub at: u32,
    /// Milliseconds since the Unix epoch, UTC.
    pub when: i64,
}

/// The record of one step. Times are milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Its index in the plan.
    pub at: u32,
    /// When it was about to run.
    pub begun_at: i64,
    /// When it ended; `None` if it is unknown whether it completed.
    pub ended_at: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    begun_at: i64,
    ended_at: Option<i64>,
    error: Option<String>,
}

impl Row {
    fn read(self) -> std::result::Result<StepRecord, Unreadable> {
        Ok(StepRecord {
            at: self.at.try_into()?,
            begun_at: self.begun_at,
            ended_at: self.ended_at,
            error: self.error,
        })
    }
}

/// Loads the steps of one apply, in the plan's order.
pub(crate) async fn load(tx: &mut Tx, apply: &ApplyId) -> Result<Vec<StepRecord>> {
    let rows: Vec<Row> =
        fetch!(tx, "SELECT * FROM apply_steps WHERE apply_id = $1 ORDER BY at", apply.as_str())?;
    let parsed: std::result::Result<_, Unreadable> = rows.into_iter().map(Row::read).collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Records that a step is about to run, even if it was begun before.
pub(crate) async fn begin(
    tx: &mut Tx,
    (stack, apply): (&StackId, &ApplyId),
    at: u32,
    when: i64,
) -> Result<()> {
    let written = execute!(
        tx,
        "INSERT INTO apply_steps (apply_id, at, begun_at) \
         SELECT id, $3, $4 FROM applies WHERE id = $1 AND stack_id = $2 \
         ON CONFLICT (apply_id, at) DO UPDATE SET begun_at = $4, ended_at = NULL, error = NULL",
        apply.as_str(),
        stack.as_str(),
        i64::from(at),
        when,
    )?;
    found(written, apply)
}

/// Records that a step has ended.
pub(crate) async fn end(
    tx: &mut Tx,
    (stack, apply): (&StackId, &ApplyId),
    at: u32,
    when: i64,
    error: Option<&str>,
) -> Result<()> {
    let written = execute!(
        tx,
        "UPDATE apply_steps SET ended_at = $4, error = $5 WHERE at = $3 \
         AND apply_id = (SELECT id FROM applies WHERE id = $1 AND stack_id = $2)",
        apply.as_str(),
        stack.as_str(),
        i64::from(at),
        when,
        error,
    )?;
    found(written, apply)
}
