//! The graph: steps run as soon as those before them have ended.

use super::{ApplyFailure, Event, EventSink, Failure, Hands};
use devarch_core::plan::{Plan, StepId};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::{collections::BTreeSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// Engine calls under way at once; more make neither engine faster.
const AT_ONCE: usize = 8;

/// Steps not begun yet, each with those it waits for.
struct Waiting {
    ready: BTreeSet<StepId>,
    missing: Vec<usize>,
    after: Vec<Vec<StepId>>,
}

impl Waiting {
    fn new(plan: &Plan) -> Self {
        let mut after = vec![Vec::new(); plan.steps.len()];
        for (at, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                after[before.0].push(StepId(at));
            }
        }
        let missing: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..plan.steps.len()).filter(|at| missing[*at] == 0).map(StepId).collect();
        Self { ready, missing, after }
    }

    fn ended(&mut self, step: StepId) {
        for next in &self.after[step.0] {
            self.missing[next.0] -= 1;
            if self.missing[next.0] == 0 {
                self.ready.insert(*next);
            }
        }
    }
}

/// Carries a plan out; gives the number of steps made. After a failure or a cancel no step begins; those under way
/// are waited for, so that their outcome is known.
pub(crate) async fn execute(
    plan: &Plan,
    hands: &Hands<'_>,
    events: EventSink<'_>,
    cancel: &CancellationToken,
) -> Result<usize, Box<ApplyFailure>> {
    let mut waiting = Waiting::new(plan);
    let mut running = FuturesUnordered::new();
    let mut failed: Option<(Option<StepId>, Failure)> = None;
    let mut done = 0;
    loop {
        if cancel.is_cancelled() && failed.is_none() {
            failed = Some((None, Failure::Cancelled));
        }
        while failed.is_none() && running.len() < AT_ONCE {
            let Some(id) = waiting.ready.pop_first() else { break };
            events(Event::Started(id));
            let begun = Instant::now();
            running
                .push(async move { (id, begun, hands.perform(id, &plan.steps[id.0], events, cancel).await) });
        }
        let Some((id, begun, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                done += 1;
                events(Event::Ended(id, begun.elapsed()));
                waiting.ended(id);
            }
            Err(failure) => {
                events(Event::Failed(id));
                if failed.is_none() {
                    failed = Some((Some(id), failure));
                }
            }
        }
    }
    match failed {
        None => Ok(done),
        Some((step, failure)) => Err(Box::new(report(plan, step, failure, done))),
    }
}

fn report(plan: &Plan, step: Option<StepId>, failure: Failure, done: usize) -> ApplyFailure {
    let step = step.map(|id| &plan.steps[id.0]);
    let instance = match &failure {
        Failure::Cancelled => None,
        Failure::Instance(name, _) => Some(name.clone()),
        _ => step.and_then(|step| step.instance.clone()),
    };
    ApplyFailure {
        stack: plan.stack.clone(),
        instance,
        action: step.map(|step| step.action.to_string()).unwrap_or_default(),
        failure,
        done,
        steps: plan.steps.len(),
    }
}
