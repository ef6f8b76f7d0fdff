//! What was applied: when, by whom, what changed, how it ended and what it waited for.

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

/// How many applies are looked through for one that is named by the beginning of its id; the store keeps no more.
const ALL: u32 = 1000;

/// An apply.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// It.
    pub apply: ApplyId,
    /// The command.
    pub command: String,
    /// Who: `ann@laptop`.
    pub author: String,
    /// The saved plan it carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// When it began (milliseconds since the Unix epoch).
    pub started_at: i64,
    /// How long it took (milliseconds); none while it has not ended.
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

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It has not: it is under way, or was interrupted.
    NotYet,
    /// Well.
    Succeeded,
    /// It failed; what ran before was put back.
    RolledBack,
    /// It was cancelled; what ran before was put back.
    Cancelled,
    /// It failed after everything new was ready.
    Failed,
    /// It was interrupted, and another apply went on from there.
    Resumed,
    /// It was interrupted, and what ran before was put back later.
    Undone,
}

impl Ended {
    /// In words.
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
    /// What was done, in the order it began.
    pub steps: Vec<StepDetail>,
}

/// A step that was made, or begun.
#[derive(Debug, Clone, Serialize)]
pub struct StepDetail {
    /// The instance it served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// What was done.
    pub what: String,
    /// When it began, after the apply began (milliseconds).
    pub after: i64,
    /// How long it took (milliseconds); none if its end was never written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the apply as a whole waited for it: had it been shorter, everything would have been ready sooner.
    pub critical: bool,
}

/// The applies of a stack, the newest first.
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

/// One apply of a stack, by the beginning of its id; the last one where none is named.
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
