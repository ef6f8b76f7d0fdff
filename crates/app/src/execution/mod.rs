//! Carries out plans. A step is one engine call or one wait, begun as soon as those before it have ended; an attempt
//! records, commits, cleans up or rolls back; recovery goes on from the journal of one that was interrupted.

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

/// Something that happened while a plan was carried out; steps by their place in the plan.
#[derive(Debug, Clone)]
pub enum Event {
    /// This plan is going to be carried out: what was approved, made again under the lock.
    Planned(Arc<Plan>),
    /// A step began.
    Started(StepId),
    /// A step succeeded.
    Ended(StepId, Duration),
    /// A step failed.
    Failed(StepId),
    /// A pull goes on.
    Pull {
        /// The image.
        image: String,
        /// How far it is.
        progress: PullProgress,
    },
    /// A build goes on.
    Build {
        /// The image.
        image: String,
        /// What it wrote.
        line: String,
    },
    /// An instance is waited for, and what its last probe said.
    Waiting {
        /// The step that waits.
        step: StepId,
        /// The last probe's output, or the state.
        last: String,
    },
    /// The apply failed or was cancelled: what ran before is being put back.
    PuttingBack {
        /// Why, in one line.
        why: String,
    },
}

impl Event {
    /// The same with secrets redacted in what a build wrote.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        match self {
            Self::Build { image, line } => Self::Build { image, line: mask.text(&line).into_owned() },
            other => other,
        }
    }
}

/// Where events go.
pub type EventSink<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// How an apply ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Steps that were made.
    pub steps: usize,
    /// How long it took.
    pub took: Duration,
}
