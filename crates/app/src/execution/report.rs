//! Reports of applies that failed or were cancelled.

use crate::execution::{
    attempt::Attempt,
    failure::{ApplyFailure, Ending, Failure},
    journal::Journal,
    rollback::PutBack,
    schedule::Executed,
};
use devarch_core::{
    name::StackName,
    plan::{Action, Step, StepId},
    stack::DesiredRun,
};
use devarch_store::ApplyOutcome;

/// Reports the failure of a step, or a cancel; the resulting state is not known yet.
pub(crate) fn report(attempt: &Attempt<'_>, step: Option<StepId>, failure: Failure) -> ApplyFailure {
    let step = step.and_then(|id| attempt.prepared.plan.steps.get(id.0));
    let instance = match &failure {
        Failure::Cancelled => None,
        Failure::Instance(name, _) => Some(name.clone()),
        _ => step.and_then(|step| step.instance.clone()),
    };
    ApplyFailure {
        stack: attempt.prepared.stack.name.to_string(),
        instance,
        action: step.map_or_else(|| "the apply".to_owned(), |step| step.action.to_string()),
        failure,
        ending: Ending::Untouched,
    }
}

/// Reports a cancel before anything was started.
pub(crate) fn cancelled(stack: &StackName) -> Box<ApplyFailure> {
    Box::new(ApplyFailure {
        stack: stack.to_string(),
        instance: None,
        action: "the apply".to_owned(),
        failure: Failure::Cancelled,
        ending: Ending::Untouched,
    })
}

/// Returns the resulting state of an apply that failed before its commit point, and closes the journal; if the
/// rollback failed it stays open, to be finished or undone later.
pub(crate) fn ending(
    attempt: &Attempt<'_>,
    failure: &Failure,
    put_back: PutBack,
    done: usize,
) -> (Option<ApplyOutcome>, Ending) {
    let outcome = match failure {
        Failure::Cancelled => ApplyOutcome::Cancelled,
        _ => ApplyOutcome::RolledBack,
    };
    let (before, steps) = (!attempt.before.containers.is_empty(), attempt.prepared.plan.steps.len());
    match put_back {
        PutBack::Done { changed: false, .. } if done == 0 => (Some(outcome), Ending::Untouched),
        PutBack::Done { mut remains, .. } => {
            if attempt.prepared.options.wanted == Some(DesiredRun::Absent) {
                let stack = &attempt.prepared.stack.name;
                remains.push(format!(
                    "the stack is still to be taken down: `devarch apply {stack}` continues, `devarch up {stack}` keeps it up"
                ));
            }
            (Some(outcome), Ending::PutBack { before, done, steps, remains })
        }
        PutBack::Stuck { why, remains } => (None, Ending::Left { why, remains }),
        PutBack::LockLost { .. } => (None, Ending::LockLost),
    }
}

/// Reports a failure after the commit point: what is new is ready, but something old could not be removed.
pub(crate) async fn left_behind(
    journal: &Journal<'_>,
    attempt: &Attempt<'_>,
    mut cleaned: Executed,
) -> ApplyFailure {
    let steps = &attempt.prepared.plan.steps;
    let told = |(id, failure): &(StepId, Failure)| format!("{}: {failure}", object(&steps[id.0]));
    let remains = cleaned.failed.iter().map(told).collect();
    let (id, failure) =
        cleaned.failed.pop_front().map_or((None, Failure::Cancelled), |(id, failure)| (Some(id), failure));
    let mut report = report(attempt, id, failure);
    report.ending = Ending::Committed { remains };
    // If this cannot be written either, the next apply finds a committed one and closes it.
    let _ = journal.over(ApplyOutcome::Failed, Some(&report.headline())).await;
    report
}

/// Reports that all steps were executed, but the journal could not be updated.
pub(crate) fn untold(attempt: &Attempt<'_>, failure: Failure) -> ApplyFailure {
    let mut report = report(attempt, None, failure);
    report.ending =
        Ending::Committed { remains: vec!["nothing: only the journal could not be closed".to_owned()] };
    report
}

fn object(step: &Step) -> String {
    match &step.action {
        Action::RemoveContainer { name, .. } => format!("container {name}"),
        Action::RemoveNetwork { name, .. } => format!("network {name}"),
        Action::RemoveVolume { name } => format!("volume {name}"),
        action => action.to_string(),
    }
}
