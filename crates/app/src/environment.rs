//! The environment of use-cases: engines, clock, ids and host. Created once at the program's entry and passed in;
//! `clippy.toml` enforces that nothing else in this crate accesses the environment, a clock or the machine.

use crate::host::ThisHost;
use devarch_core::environment::{Clock, Host, Ids, Pause};
use devarch_engine::{Engines, ReachableEngines};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use uuid::{NoContext, Timestamp, Uuid};

/// The dependencies of a [`Context`](crate::Context) on the outside world.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The engines that can be reached.
    pub engines: Arc<dyn Engines>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub ids: Arc<dyn Ids>,
    /// This machine.
    pub host: Arc<dyn Host>,
}

impl Environment {
    /// Returns the real implementations.
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

/// UUIDs that sort by creation time.
#[derive(Debug)]
struct TimeIds;

#[expect(clippy::disallowed_methods, reason = "these are the ids that everything else is given")]
impl Ids for TimeIds {
    fn fresh(&self) -> String {
        fresh_at(SystemTime::now()).to_string()
    }
}

/// Creates a UUID. UUIDs cannot express times before 1970: a clock set earlier yields ones from 1970.
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
    fn a_clock_before_1970_yields_distinct_ids() {
        let then = UNIX_EPOCH - Duration::from_hours(1);
        assert_ne!(fresh_at(then), fresh_at(then));
        assert!(fresh_at(then) < fresh_at(UNIX_EPOCH + Duration::from_secs(1)));
    }
}
