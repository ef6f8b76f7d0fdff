//! Applies of a stack, running and ended. Table `applies`.

use crate::{
    author::{Author, AuthorColumns},
    db::{Result, Tx, Unreadable, execute, fetch, fetch_one},
    error::JournalError,
    stored::{self, At},
};
use devarch_core::{
    id::{ApplyId, EngineId, PlanId, StackId},
    secret::{Sealable, Stored},
};
use std::{fmt, str::FromStr};

/// How many ended applies are kept per stack, besides unfinished ones.
const HISTORY: i64 = 200;

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// Not ended: running, or interrupted if the stack's lock is free.
    Running,
    /// All desired objects exist.
    Succeeded,
    /// It failed and was rolled back: the previous containers are running again.
    RolledBack,
    /// It was cancelled and rolled back: the previous containers are running again.
    Cancelled,
    /// It failed and was not rolled back: the rollback failed too, or the commit point was passed.
    Failed,
    /// It was interrupted, and another apply resumed it.
    Resumed,
    /// It was interrupted, and rolled back later.
    Undone,
}

impl ApplyOutcome {
    const ALL: [Self; 7] = [
        Self::Running,
        Self::Succeeded,
        Self::RolledBack,
        Self::Cancelled,
        Self::Failed,
        Self::Resumed,
        Self::Undone,
    ];

    /// Returns the name used in the database and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled back",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Resumed => "resumed",
            Self::Undone => "undone",
        }
    }
}

impl fmt::Display for ApplyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApplyOutcome {
    type Err = Unreadable;

    fn from_str(word: &str) -> std::result::Result<Self, Unreadable> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == word);
        found.ok_or_else(|| format!("{word:?} is not an outcome").into())
    }
}

/// One apply. Times are milliseconds since the Unix epoch, UTC.
#[derive(Clone, PartialEq, Eq)]
pub struct Apply {
    /// Its id, which the objects it creates carry.
    pub id: ApplyId,
    /// The stack.
    pub stack: StackId,
    /// The engine it changes.
    pub engine: EngineId,
    /// The saved plan it applies, if any.
    pub plan: Option<PlanId>,
    /// The user and process that apply.
    pub author: Author,
    /// The command, without secrets.
    pub command: String,
    /// When it started.
    pub started_at: i64,
    /// When everything new was ready and only cleanup was left.
    pub committed_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How it ended.
    pub outcome: ApplyOutcome,
    /// The interrupted apply it resumed.
    pub resumes: Option<ApplyId>,
    /// The previous state, as the caller's JSON.
    pub before: String,
    /// The plan as it was shown, without secrets, as the caller's JSON.
    pub shown: String,
    /// The stack's definition, as the caller's JSON; its secrets are encrypted.
    pub definition: Stored,
    /// Why it failed.
    pub error: Option<String>,
}

impl fmt::Debug for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply")
            .field("id", &self.id)
            .field("stack", &self.stack)
            .field("engine", &self.engine)
            .field("plan", &self.plan)
            .field("author", &self.author)
            .field("command", &self.command)
            .field("started_at", &self.started_at)
            .field("committed_at", &self.committed_at)
            .field("ended_at", &self.ended_at)
            .field("outcome", &self.outcome)
            .field("resumes", &self.resumes)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    stack_id: String,
    engine_id: String,
    plan_id: Option<String>,
    #[sqlx(flatten)]
    author: AuthorColumns,
    command: String,
    started_at: i64,
    committed_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: String,
    resumes: Option<String>,
    before_state: String,
    shown: String,
    definition: String,
    sealed: Option<Vec<u8>>,
    error: Option<String>,
}

impl Row {
    fn read(self, definition: Stored) -> std::result::Result<Apply, Unreadable> {
        Ok(Apply {
            id: ApplyId::new(self.id),
            stack: StackId::new(self.stack_id),
            engine: EngineId::new(self.engine_id),
            plan: self.plan_id.map(PlanId::new),
            author: self.author.read()?,
            command: self.command,
            started_at: self.started_at,
            committed_at: self.committed_at,
            ended_at: self.ended_at,
            outcome: self.outcome.parse()?,
            resumes: self.resumes.map(ApplyId::new),
            before: self.before_state,
            shown: self.shown,
            definition,
            error: self.error,
        })
    }
}

async fn parsed(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Apply>> {
    let mut applies = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (text, sealed) = (std::mem::take(&mut row.definition), row.sealed.take());
        let definition = stored::open(tx, at(&[&row.id]), text, sealed).await?;
        applies.push(row.read(definition).map_err(|error| tx.damaged(error))?);
    }
    Ok(applies)
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "applies", row }
}

/// Returns a stack's most recent applies, newest first.
pub(crate) async fn newest(tx: &mut Tx, stack: &StackId, limit: u32) -> Result<Vec<Apply>> {
    let rows = fetch!(
        tx,
        "SELECT * FROM applies WHERE stack_id = $1 ORDER BY number DESC LIMIT $2",
        stack.as_str(),
        i64::from(limit),
    )?;
    parsed(tx, rows).await
}

/// Returns the most recent apply of every stack.
pub(crate) async fn latest(tx: &mut Tx) -> Result<Vec<Apply>> {
    let rows = fetch!(
        tx,
        "SELECT * FROM applies one WHERE number = \
         (SELECT max(number) FROM applies other WHERE other.stack_id = one.stack_id)",
    )?;
    parsed(tx, rows).await
}

/// Returns a stack's unfinished applies, oldest first.
pub(crate) async fn unfinished(tx: &mut Tx, stack: &StackId) -> Result<Vec<Apply>> {
    let rows = fetch!(
        tx,
        "SELECT * FROM applies WHERE stack_id = $1 AND ended_at IS NULL ORDER BY number",
        stack.as_str(),
    )?;
    parsed(tx, rows).await
}

/// Returns the apply with this id.
pub(crate) async fn load(tx: &mut Tx, id: &ApplyId) -> Result<Option<Apply>> {
    let row: Option<Row> = fetch_one!(tx, "SELECT * FROM applies WHERE id = $1", id.as_str())?;
    Ok(parsed(tx, row.into_iter().collect()).await?.pop())
}

/// Decrypts the definition of an apply that was read.
pub(crate) async fn open_definition(
    tx: &mut Tx,
    id: &ApplyId,
    text: String,
    sealed: Option<Vec<u8>>,
) -> Result<Stored> {
    stored::open(tx, at(&[id.as_str()]), text, sealed).await
}

/// Encrypts the secrets of an apply's definition.
pub(crate) async fn seal(tx: &mut Tx, id: &ApplyId, secret: &Sealable) -> Result<Option<Vec<u8>>> {
    stored::seal(tx, at(&[id.as_str()]), secret, &format!("the definition of apply {id}")).await
}

/// Inserts an apply as its stack's newest, with the secrets encrypted by [`seal`].
pub(crate) async fn insert(tx: &mut Tx, apply: &Apply, sealed: Option<Vec<u8>>) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO applies (id, stack_id, number, engine_id, plan_id, author_user, author_host, \
         author_pid, command, started_at, committed_at, ended_at, outcome, resumes, before_state, shown, \
         definition, error, sealed) VALUES ($1, $2, \
         (SELECT coalesce(max(number), 0) + 1 FROM applies WHERE stack_id = $2), \
         $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        apply.id.as_str(),
        apply.stack.as_str(),
        apply.engine.as_str(),
        apply.plan.as_ref().map(PlanId::as_str),
        &apply.author.user,
        &apply.author.host,
        i64::from(apply.author.pid),
        &apply.command,
        apply.started_at,
        apply.committed_at,
        apply.ended_at,
        apply.outcome.as_str(),
        apply.resumes.as_ref().map(ApplyId::as_str),
        &apply.before,
        &apply.shown,
        &apply.definition.open,
        apply.error.as_deref(),
        sealed,
    )?;
    Ok(())
}

/// Deletes a stack's oldest applies beyond the limit, but never an unfinished one.
pub(crate) async fn prune(tx: &mut Tx, stack: &StackId) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM applies WHERE stack_id = $1 AND ended_at IS NOT NULL \
         AND number <= (SELECT max(number) FROM applies WHERE stack_id = $1) - $2",
        stack.as_str(),
        HISTORY,
    )?;
    Ok(())
}

/// Records when a stack's apply reached its commit point.
pub(crate) async fn commit(tx: &mut Tx, stack: &StackId, id: &ApplyId, when: i64) -> Result<()> {
    let written = execute!(
        tx,
        "UPDATE applies SET committed_at = $3 WHERE id = $1 AND stack_id = $2",
        id.as_str(),
        stack.as_str(),
        when,
    )?;
    found(written, id)
}

/// Records how and when a stack's apply ended.
pub(crate) async fn end(
    tx: &mut Tx,
    (stack, id): (&StackId, &ApplyId),
    outcome: ApplyOutcome,
    when: i64,
    error: Option<&str>,
) -> Result<()> {
    let written = execute!(
        tx,
        "UPDATE applies SET outcome = $3, ended_at = $4, error = $5 WHERE id = $1 AND stack_id = $2",
        id.as_str(),
        stack.as_str(),
        outcome.as_str(),
        when,
        error,
    )?;
    found(written, id)
}

/// Fails if no row was written.
pub(crate) fn found(written: u64, apply: &ApplyId) -> Result<()> {
    if written == 0 { Err(JournalError::NotJournalled { apply: apply.clone() }.into()) } else { Ok(()) }
}
