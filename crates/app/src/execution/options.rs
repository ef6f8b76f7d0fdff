//! How an apply is carried out.

use crate::execution::{EventSink, recover::Recover};
use tokio_util::sync::CancellationToken;

/// Who applies, and how.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The command, as the history shows it.
    pub command: &'a str,
    /// What to do about an apply that was interrupted.
    pub recover: Option<Recover>,
    /// Who is told what happens.
    pub events: EventSink<'a>,
    /// Cancelled, it ends like a failure: what ran before runs again.
    pub cancel: &'a CancellationToken,
}
