//! The history of applies: when, by whom, what changed, how it ended and which steps took the time.

mod critical;

use crate::{
    Context, OperationError,
    context::find_stack,
    error::{Ambiguous, NotFound},
    planning::{
        interrupted::told,
        shown_plan::{ShownChange, ShownPlan},
    },
    usecase::history::critical::{Timed, critical_chain},
};
use devarch_core::{
    id::{ApplyId, PlanId},
    name::{InstanceName, StackName},
};
use devarch_store::{Apply, ApplyOutcome, StepRecord};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many applies are searched for one with a given beginning of its id; the store keeps no more.
const ALL: u32 = 1000;

/// An apply in the history.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// Its id.
    pub apply: ApplyId,
    /// The command.
    pub command: String,
    /// The author: `ann@laptop`.
    pub author: String,
    /// The saved plan it executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// When it began (milliseconds since the Unix epoch).
    pub started_at: i64,
    /// How long it took (milliseconds); `None` while it has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// How it ended.
    pub outcome: Ended,
    /// What it changed, or was to change.
    pub changes: Vec<ShownChange>,
    /// Why it failed, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The outcome of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// None yet: it is in progress, or was interrupted.
    NotYet,
    /// It succeeded.
    Succeeded,
    /// It failed and was rolled back.
    RolledBack,
    /// It was cancelled and rolled back.
    Cancelled,
    /// It failed after everything new was ready.
    Failed,
    /// It was interrupted, and another apply continued it.
    Resumed,
    /// It was interrupted, and rolled back later.
    Undone,
}

impl Ended {
    /// Returns the outcome as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotYet => "not ended",
            Self::Succeeded => "succeeded",
            Self::RolledBack => "failed, rolled back",
            Self::Cancelled => "cancelled, rolled back",
            Self::Failed => "failed",
            Self::Resumed => "interrupted, taken over",
            Self::Undone => "interrupted, rolled back",
        }
    }
}

impl From<ApplyOutcome> for Ended {
    fn from(outcome: ApplyOutcome) -> Self {
        match outcome {
            ApplyOutcome::Running => Self::NotYet,
            ApplyOutcome::Succeeded => Self::Succeeded,
            ApplyOutcome::RolledBack => Self::RolledBack,
            ApplyOutcome::Cancelled => Self::Cancelled,
            ApplyOutcome::Failed => Self::Failed,
            ApplyOutcome::Resumed => Self::Resumed,
            ApplyOutcome::Undone => Self::Undone,
        }
    }
}

/// An apply with its steps.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryDetail {
    /// The apply.
    #[serde(flatten)]
    pub entry: HistoryEntry,
    /// Its steps, in the order they started.
    pub steps: Vec<StepDetail>,
}

/// A step that was executed, or started.
#[derive(Debug, Clone, Serialize)]
pub struct StepDetail {
    /// The instance it served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// The action.
    pub what: String,
    /// When it started, relative to the start of the apply (milliseconds).
    pub after: i64,
    /// How long it took (milliseconds); `None` if its end was not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the apply as a whole waited for it: if it had been shorter, everything would have been ready sooner.
    pub critical: bool,
}

/// Returns the applies of a stack, newest first.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn list_history(
    ctx: &Context,
    name: &StackName,
    limit: u32,
) -> Result<Vec<HistoryEntry>, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let applies = ctx.store.applies(&stack.id, limit).await?;
    applies.into_iter().map(entry).collect()
}

/// Returns one apply of a stack, given the beginning of its id, or the last one.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn find_history_entry(
    ctx: &Context,
    name: &StackName,
    id: Option<&str>,
) -> Result<HistoryDetail, OperationError> {
    let apply = find_apply(ctx, name, id).await?;
    let steps = ctx.store.apply_steps(&apply.id).await?;
    detail(apply, &steps)
}

pub(crate) async fn find_apply(
    ctx: &Context,
    name: &StackName,
    id: Option<&str>,
) -> Result<Apply, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let applies = ctx.store.applies(&stack.id, ALL).await?;
    let mut found = applies.into_iter().filter(|apply| id.is_none_or(|id| apply.id.as_str().starts_with(id)));
    match (id, found.next(), found.next()) {
        (_, Some(apply), None) | (None, Some(apply), _) => Ok(apply),
        (Some(id), Some(_), Some(_)) => {
            Err(Ambiguous::Applies { stack: name.clone(), id: id.to_owned() }.into())
        }
        (_, None, _) => Err(NotFound::Apply { stack: name.clone(), id: id.map(str::to_owned) }.into()),
    }
}

fn entry(apply: Apply) -> Result<HistoryEntry, OperationError> {
    let shown = ShownPlan::of_apply(&apply)?;
    Ok(HistoryEntry {
        apply: apply.id,
        command: apply.command,
        author: told(&apply.author),
        plan: apply.plan,
        started_at: apply.started_at,
        took: apply.ended_at.map(|end| end - apply.started_at),
        outcome: apply.outcome.into(),
        changes: shown.changes,
        error: apply.error,
    })
}

fn detail(apply: Apply, records: &[StepRecord]) -> Result<HistoryDetail, OperationError> {
    let shown = ShownPlan::of_apply(&apply)?;
    let timed = |record: &StepRecord| {
        let after = shown.steps.get(record.at as usize).map(|step| step.after.clone()).unwrap_or_default();
        Some(Timed { at: record.at as usize, after, ended: record.ended_at? })
    };
    let critical: BTreeSet<usize> =
        critical_chain(&records.iter().filter_map(timed).collect::<Vec<_>>()).into_iter().collect();
    let step = |record: &StepRecord| {
        let shown = shown.steps.get(record.at as usize)?;
        Some(StepDetail {
            instance: shown.instance.clone(),
            what: shown.what.clone(),
            after: record.begun_at - apply.started_at,
            took: record.ended_at.map(|end| end - record.begun_at),
            error: record.error.clone(),
            critical: critical.contains(&(record.at as usize)),
        })
    };
    let mut steps: Vec<StepDetail> = records.iter().filter_map(step).collect();
    steps.sort_by_key(|step| step.after);
    Ok(HistoryDetail { steps, entry: entry(apply)? })
}
