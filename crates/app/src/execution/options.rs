//! Options of an apply.

use crate::execution::{EventSink, recover::Recover};
use tokio_util::sync::CancellationToken;

/// How a plan is applied, and on behalf of which command.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The command, as the history shows it.
    pub command: &'a str,
    /// What to do about an interrupted apply.
    pub recover: Option<Recover>,
    /// The receiver of events.
    pub events: EventSink<'a>,
    /// Cancelling is handled like a failure: the previous containers are started again.
    pub cancel: &'a CancellationToken,
}
