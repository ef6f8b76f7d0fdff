//! Carries a plan out. Nothing is decided here: each step is one engine call, made as soon as those before it have
//! ended; the first failure or a cancel stops new steps.

mod failure;
mod perform;
mod ready;
mod schedule;

pub use failure::{ApplyFailure, Failure};
pub(crate) use perform::Hands;
pub(crate) use schedule::execute;

use devarch_core::plan::StepId;
use devarch_engine::PullProgress;
use std::time::Duration;

/// Something that happened while a plan was carried out; steps by their place in the plan.
#[derive(Debug, Clone)]
pub enum Event {
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
