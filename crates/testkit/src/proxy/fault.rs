//! Failures of one call to an engine.

use std::{fmt, sync::Arc, time::Duration};

/// Whether the engine hears of the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It does not.
    Before,
    /// It has carried the call out, and its answer is lost.
    After,
}

/// The failure of the chosen call.
#[derive(Clone)]
pub enum Fault {
    /// An error is returned, and the engine has done nothing.
    Refuse,
    /// The connection ends without an answer.
    Cut(Moment),
    /// There is never a response.
    Hang(Moment),
    /// The calling process is killed before it gets a response.
    Kill(Moment),
    /// Something else breaks meanwhile; the call itself succeeds.
    Meanwhile(Arc<dyn Fn() + Send + Sync>),
    /// The engine is offline for that long: connections end, and new ones are refused.
    Away(Duration),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => write!(f, "refused"),
            Self::Cut(Moment::Before) => write!(f, "cut before the engine heard of it"),
            Self::Cut(Moment::After) => write!(f, "cut before its answer"),
            Self::Hang(Moment::Before) => write!(f, "hanging, unheard by the engine"),
            Self::Hang(Moment::After) => write!(f, "hanging, though carried out"),
            Self::Kill(Moment::Before) => write!(f, "killed before the engine heard of it"),
            Self::Kill(Moment::After) => write!(f, "killed before its answer"),
            Self::Meanwhile(_) => write!(f, "something else breaking meanwhile"),
            Self::Away(time) => write!(f, "the engine going away for {time:?}"),
        }
    }
}
