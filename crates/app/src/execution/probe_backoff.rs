//! How often a health check runs while its container is waited for.

use devarch_core::{
    engine::{EngineInfo, EngineKind},
    template::Healthcheck,
    unit::Millis,
};
use devarch_engine::{Probe, Runs};
use std::time::Duration;

/// The shortest and longest time between two runs.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A check runs at least as often as its interval says, but on account of its interval no more than once in this time.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);
/// Between these limits, the pause is this part of the time waited so far: a quick container is seen ready at once, a
/// slow one a little later, and neither is probed more than a few dozen times.
const PAUSE_PART: u32 = 10;

/// How long one exec repeats a check before its container is inspected again.
const ROUND: Duration = Duration::from_secs(1);

/// Shells' exit codes for a command that cannot be run.
const CANNOT_RUN: [i64; 2] = [126, 127];

/// The results of earlier probes.
#[derive(Debug)]
pub(crate) struct ProbeBackoff {
    /// The longest time between two runs.
    longest_pause: Duration,
    /// What a run takes, including its share of the exec and the pause after it; `None` before the first.
    cost: Option<Duration>,
    /// Each run is a probe of its own: Podman runs the container's check itself, or the container has no shell to
    /// repeat it in.
    single: bool,
}

impl ProbeBackoff {
    /// Creates the backoff of a check on an engine.
    pub(crate) fn new(engine: &EngineInfo, check: &Healthcheck) -> Self {
        let interval: Duration = or_default(check.interval, Healthcheck::DEFAULT_INTERVAL).into();
        Self {
            longest_pause: interval.clamp(LEAST_INTERVAL, LONGEST_PAUSE),
            cost: None,
            single: engine.kind == EngineKind::Podman,
        }
    }

    /// Returns the time between two runs.
    pub(crate) fn pause(&self, waited: Duration) -> Duration {
        (waited / PAUSE_PART).clamp(SHORTEST_PAUSE, self.longest_pause)
    }

    /// Returns the next probe.
    pub(crate) fn probe(&self, check: &Healthcheck, waited: Duration) -> Probe {
        let timeout: Duration = or_default(check.timeout, Healthcheck::DEFAULT_TIMEOUT).into();
        let (test, runs) = (check.test.clone(), self.runs(waited));
        match runs {
            Runs::Once => Probe { test, timeout, runs },
            Runs::Repeated { .. } => Probe { test, timeout: timeout + ROUND, runs },
        }
    }

    /// Returns how often the next probe runs the check: once at first, then as often as fits into a round.
    fn runs(&self, waited: Duration) -> Runs {
        let pause = self.pause(waited);
        let times = match self.cost {
            Some(cost) if !self.single => ROUND.as_micros() / cost.max(pause).as_micros(),
            _ => 1,
        };
        match u32::try_from(times) {
            Ok(times) if times > 1 => Runs::Repeated { times, pause },
            _ => Runs::Once,
        }
    }

    /// Records a probe that did not pass; the exit code is `None` if it timed out.
    pub(crate) fn learn(&mut self, runs: Runs, exit_code: Option<i64>, took: Duration) {
        self.cost = Some(match (runs, exit_code) {
            (Runs::Repeated { times, .. }, Some(code)) => {
                self.single |= CANNOT_RUN.contains(&code);
                took / times
            }
            _ => took,
        });
    }
}

/// Returns the default for a time of zero, which engines treat as unset.
pub(crate) fn or_default(said: Option<Millis>, default: Millis) -> Millis {
    said.filter(|said| said.0 > 0).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::template::HealthTest;
    use devarch_testkit::memory::engine_info;

    const EXEC: Duration = Duration::from_millis(80);

    fn backoff(kind: EngineKind, interval: u64) -> ProbeBackoff {
        let check = Healthcheck {
            test: HealthTest::None,
            interval: Some(Millis(interval)),
            timeout: None,
            retries: None,
            start_period: None,
            start_interval: None,
        };
        ProbeBackoff::new(&engine_info(kind, ""), &check)
    }

    /// Simulates probes for `patience`, with runs that take `run` and fail with `code`; returns what each probe ran.
    fn probes(run: Duration, code: i64, patience: Duration) -> Vec<(Duration, Runs)> {
        let mut backoff = backoff(EngineKind::Docker, 1000);
        let (mut waited, mut probes) = (Duration::ZERO, Vec::new());
        while waited < patience {
            let runs = backoff.runs(waited);
            let took = EXEC
                + match runs {
                    Runs::Once => run,
                    Runs::Repeated { times, pause } => run * times + pause * (times - 1),
                };
            backoff.learn(runs, Some(code), took);
            probes.push((waited, runs));
            waited += took + backoff.pause(waited);
        }
        probes
    }

    /// Counts the runs of a check that never passes, each in a probe of its own.
    fn runs(backoff: &ProbeBackoff, patience: Duration) -> u32 {
        let (mut waited, mut runs) = (Duration::ZERO, 0);
        while waited < patience {
            let pause = backoff.pause(waited);
            assert!(pause <= waited / PAUSE_PART + SHORTEST_PAUSE, "{pause:?} after {waited:?}");
            waited += pause;
            runs += 1;
        }
        runs
    }

    #[test]
    fn readiness_is_detected_soon_after_any_startup_time() {
        let half_a_minute = runs(&backoff(EngineKind::Podman, 30_000), Duration::from_secs(30));
        assert!(half_a_minute < 60, "{half_a_minute} runs in half a minute");
        let ten_minutes = runs(&backoff(EngineKind::Podman, 30_000), Duration::from_mins(10));
        assert!(ten_minutes < 130, "{ten_minutes} runs in ten minutes");
    }

    #[test]
    fn a_check_runs_at_least_once_per_interval() {
        let late = Duration::from_mins(10);
        assert_eq!(backoff(EngineKind::Docker, 2000).pause(late), Duration::from_secs(2));
        assert_eq!(backoff(EngineKind::Docker, 10).pause(late), LEAST_INTERVAL);
        assert_eq!(backoff(EngineKind::Docker, 0).pause(late), LONGEST_PAUSE);
    }

    #[test]
    fn podman_runs_each_check_in_a_probe_of_its_own() {
        let mut backoff = backoff(EngineKind::Podman, 30_000);
        backoff.learn(Runs::Once, Some(1), EXEC);
        assert_eq!(backoff.runs(Duration::from_secs(1)), Runs::Once);
    }

    #[test]
    fn a_cheap_check_is_repeated_within_few_execs() {
        let probes = probes(Duration::from_millis(5), 1, Duration::from_secs(5));
        assert!(probes.len() < 10, "{probes:?}");
        assert_eq!(probes[0].1, Runs::Once);
        assert!(probes[1..].iter().all(|(_, runs)| *runs != Runs::Once), "{probes:?}");
    }

    #[test]
    fn a_container_is_inspected_between_slow_runs() {
        let probes = probes(Duration::from_millis(700), 1, Duration::from_secs(10));
        assert!(probes.iter().all(|(_, runs)| *runs == Runs::Once), "{probes:?}");
    }

    #[test]
    fn a_check_is_not_repeated_without_a_shell() {
        let probes = probes(Duration::from_millis(5), 127, Duration::from_secs(5));
        let repeated = probes.iter().filter(|(_, runs)| *runs != Runs::Once).count();
        assert_eq!(repeated, 1, "{probes:?}");
    }

    #[test]
    fn a_check_that_hung_is_run_once_next_time() {
        let mut backoff = backoff(EngineKind::Docker, 30_000);
        backoff.learn(Runs::Once, Some(1), EXEC);
        let repeated = backoff.runs(Duration::ZERO);
        assert_ne!(repeated, Runs::Once);
        backoff.learn(repeated, None, ROUND * 2);
        assert_eq!(backoff.runs(Duration::ZERO), Runs::Once);
    }
}
