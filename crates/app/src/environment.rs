//! What use-cases stand in: engines, clock, ids and host. Made once where the program begins and handed in; nothing else
//! in this crate asks the environment, a clock or the machine, which `clippy.toml` holds.

use crate::host::ThisHost;
use devarch_core::environment::{Clock, Host, Ids, Pause};
use devarch_engine::{Engines, ReachableEngines};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use uuid::{NoContext, Timestamp, Uuid};

/// The world around an [`Context`](crate::Context).
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where engines are found.
    pub engines: Arc<dyn Engines>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// The machine.
    pub host: Arc<dyn Host>,
}

impl Environment {
    /// The real ones.
    pub fn real() -> Self {
        Self {
            engines: Arc::new(ReachableEngines),
            clock: Arc::new(SystemClock::start()),
            ids: Arc::new(TimeIds),
            host: Arc::new(ThisHost),
        }
    }
}

/// The system's clock.
#[derive(Debug)]
struct SystemClock {
    started: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
impl SystemClock {
    fn start() -> Self {
        Self { started: Instant::now() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn running(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) -> Pause<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// UUIDs that sort by the time they were made at.
#[derive(Debug)]
struct TimeIds;

#[expect(clippy::disallowed_methods, reason = "these are the ids that everything else is given")]
impl Ids for TimeIds {
    fn fresh(&self) -> String {
        fresh_at(SystemTime::now()).to_string()
    }
}

/// UUIDs can't say a time before 1970: a clock that is set to one gives those of 1970.
#[expect(clippy::disallowed_methods, reason = "these are the ids that everything else is given")]
fn fresh_at(now: SystemTime) -> Uuid {
    match now.duration_since(UNIX_EPOCH) {
        Ok(_) => Uuid::now_v7(),
        Err(_) => Uuid::new_v7(Timestamp::from_unix(NoContext, 0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_makes_ids_that_differ() {
        let then = UNIX_EPOCH - Duration::from_hours(1);
        assert_ne!(fresh_at(then), fresh_at(then));
        assert!(fresh_at(then) < fresh_at(UNIX_EPOCH + Duration::from_secs(1)));
    }
}
