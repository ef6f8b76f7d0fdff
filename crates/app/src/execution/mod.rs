//! Executes plans. A step is one engine call or one wait, started as soon as those before it have ended; an attempt
//! records, commits, cleans up or rolls back; recovery continues from the journal of an interrupted attempt.

pub(crate) mod applied;
pub(crate) mod attempt;
pub(crate) mod bind;
pub(crate) mod command;
pub(crate) mod create;
pub(crate) mod exited;
pub(crate) mod failure;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod options;
pub(crate) mod probe_backoff;
pub(crate) mod ready;
pub(crate) mod recover;
pub(crate) mod report;
pub(crate) mod rollback;
pub(crate) mod runner;
pub(crate) mod schedule;
pub(crate) mod settle;
pub(crate) mod start_timings;
pub(crate) mod stop_limiter;
pub(crate) mod supply;
pub(crate) mod verify;

use devarch_core::{
    plan::{Plan, StepId},
    secret::Mask,
};
use devarch_engine::PullProgress;
use std::{sync::Arc, time::Duration};

/// An event during the execution of a plan; steps are given by their index in the plan.
#[derive(Debug, Clone)]
pub enum Event {
    /// The plan that will be executed: the approved one, planned again under the lock.
    Planned(Arc<Plan>),
    /// A step began.
    Started(StepId),
    /// A step succeeded.
    Ended(StepId, Duration),
    /// A step failed.
    Failed(StepId),
    /// Progress of a pull.
    Pull {
        /// The image.
        image: String,
        /// The progress.
        progress: PullProgress,
    },
    /// Progress of a build.
    Build {
        /// The image.
        image: String,
        /// A line of its output.
        line: String,
    },
    /// An instance is being waited for, with the output of its last probe.
    Waiting {
        /// The step that waits.
        step: StepId,
        /// The last probe's output, or the state.
        last: String,
    },
    /// The apply failed or was cancelled, and the previous state is being restored.
    PuttingBack {
        /// The reason, in one line.
        why: String,
    },
}

impl Event {
    /// Redacts secrets in a build's output.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        match self {
            Self::Build { image, line } => Self::Build { image, line: mask.text(&line).into_owned() },
            other => other,
        }
    }
}

/// The receiver of events.
pub type EventSink<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// The result of a successful apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Number of executed steps.
    pub steps: usize,
    /// How long it took.
    pub took: Duration,
}
