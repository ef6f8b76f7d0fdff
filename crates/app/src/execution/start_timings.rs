//! How long an engine takes to start one container, excluding concurrent starts.

use devarch_core::environment::Clock;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long after the last start a container without a check has to run to count as started: this, or as long as the
/// quickest start takes by itself, because on a busy machine its program has hardly begun by then; but no longer than
/// `LONGEST_SETTLE`.
const SETTLE: Duration = Duration::from_millis(100);
const LONGEST_SETTLE: Duration = Duration::from_secs(3);

/// The starts under way, and the quickest so far.
#[derive(Debug, Default)]
pub(crate) struct StartTimings {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: u32,
    quickest: Option<Duration>,
}

/// A start that is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    at: Duration,
    /// Number of starts under way at that time, including this one.
    beside: u32,
}

impl StartTimings {
    /// Records that a start begins.
    pub(crate) fn begin(&self, clock: &dyn Clock) -> Begun {
        let mut state = self.state();
        state.under_way += 1;
        Begun { at: clock.running(), beside: state.under_way }
    }

    /// Records that a start has ended. Concurrent starts share the time: with n at once, each takes n times as long.
    pub(crate) fn end(&self, begun: Begun, clock: &dyn Clock) {
        let mut state = self.state();
        let alone = clock.running().saturating_sub(begun.at) / begun.beside.max(state.under_way).max(1);
        state.under_way = state.under_way.saturating_sub(1);
        state.quickest = Some(state.quickest.map_or(alone, |known| known.min(alone)));
    }

    /// Returns how long to wait before checking whether the started containers still run.
    pub(crate) fn settle(&self) -> Duration {
        self.state().quickest.unwrap_or(SETTLE).clamp(SETTLE, LONGEST_SETTLE)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_testkit::environment::FakeClock;

    #[test]
    fn the_quickest_start_counts() {
        let (starts, clock) = (StartTimings::default(), FakeClock::default());
        assert_eq!(starts.settle(), SETTLE);
        for seconds in [4, 2, 3] {
            let begun = starts.begin(&clock);
            clock.advance(Duration::from_secs(seconds));
            starts.end(begun, &clock);
        }
        assert_eq!(starts.settle(), Duration::from_secs(2));
    }

    #[test]
    fn concurrent_starts_share_the_time() {
        let (starts, clock) = (StartTimings::default(), FakeClock::default());
        let begun: Vec<Begun> = (0..4).map(|_| starts.begin(&clock)).collect();
        clock.advance(Duration::from_secs(8));
        for begun in begun {
            starts.end(begun, &clock);
        }
        assert_eq!(starts.settle(), Duration::from_secs(2));
        let alone = starts.begin(&clock);
        clock.advance(Duration::from_secs(1));
        starts.end(alone, &clock);
        assert_eq!(starts.settle(), Duration::from_secs(1), "nothing is under way any more");
    }
}
