//! How often a health check is run while its container is waited for.

use devarch_core::{template::Healthcheck, unit::Millis};
use devarch_engine::{Probe, Runs};
use std::time::Duration;

/// Least and most time between two runs.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between them, the part of the time waited so far: what takes long to become ready is seen to be ready a little
/// later, what is quick at once, and neither is asked more than some dozen times.
const PAUSE_PART: u32 = 10;

/// For so long a check is run within one exec, before its container is looked at again.
const ROUND: Duration = Duration::from_secs(1);

/// Shells' codes for what can't be run.
const CANNOT_RUN: [i64; 2] = [126, 127];

/// What earlier probes have told.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// What a run takes, with its part of the exec and the pause after it; none before the first.
    cost: Option<Duration>,
    /// The container has no shell to repeat a check in.
    no_shell: bool,
}

impl Pace {
    /// Time between two runs.
    pub(super) fn pause(waited: Duration) -> Duration {
        (waited / PAUSE_PART).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The next probe.
    pub(super) fn probe(&self, check: &Healthcheck, waited: Duration) -> Probe {
        let timeout: Duration = or_default(check.timeout, Healthcheck::DEFAULT_TIMEOUT).into();
        let (test, runs) = (check.test.clone(), self.runs(waited));
        match runs {
            Runs::Once => Probe { test, timeout, runs },
            Runs::Repeated { .. } => Probe { test, timeout: timeout + ROUND, runs },
        }
    }

    /// How often the next probe runs the check: once at first, then as often as a round has room for.
    fn runs(&self, waited: Duration) -> Runs {
        let pause = Self::pause(waited);
        let times = match self.cost {
            Some(cost) if !self.no_shell => ROUND.as_micros() / cost.max(pause).as_micros(),
            _ => 1,
        };
        match u32::try_from(times) {
            Ok(times) if times > 1 => Runs::Repeated { times, pause },
            _ => Runs::Once,
        }
    }

    /// A probe did not pass; none is the exit code of one that took too long.
    pub(super) fn learn(&mut self, runs: Runs, exit_code: Option<i64>, took: Duration) {
        self.cost = Some(match (runs, exit_code) {
            (Runs::Repeated { times, .. }, Some(code)) => {
                self.no_shell |= CANNOT_RUN.contains(&code);
                took / times
            }
            _ => took,
        });
    }
}

/// To engines a time of zero is one that was not said.
pub(super) fn or_default(said: Option<Millis>, default: Millis) -> Millis {
    said.filter(|said| said.0 > 0).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: Duration = Duration::from_millis(80);

    /// For as long: what each probe ran, with runs that take so long and fail so.
    fn probes(run: Duration, code: i64, patience: Duration) -> Vec<(Duration, Runs)> {
        let (mut pace, mut waited, mut probes) = (Pace::default(), Duration::ZERO, Vec::new());
        while waited < patience {
            let runs = pace.runs(waited);
            let took = EXEC
                + match runs {
                    Runs::Once => run,
                    Runs::Repeated { times, pause } => run * times + pause * (times - 1),
                };
            pace.learn(runs, Some(code), took);
            probes.push((waited, runs));
            waited += took + Pace::pause(waited);
        }
        probes
    }

    #[test]
    fn a_provider_is_seen_ready_soon_after_it_is_however_long_that_takes() {
        let mut waited = Duration::ZERO;
        let mut runs = 0;
        while waited < Duration::from_secs(30) {
            let pause = Pace::pause(waited);
            assert!(pause <= waited / PAUSE_PART + SHORTEST_PAUSE, "{pause:?} after {waited:?}");
            waited += pause;
            runs += 1;
        }
        assert!(runs < 70, "{runs} runs in half a minute");
    }

    #[test]
    fn a_cheap_check_is_run_often_in_few_execs() {
        let probes = probes(Duration::from_millis(5), 1, Duration::from_secs(5));
        assert!(probes.len() < 10, "{probes:?}");
        assert_eq!(probes[0].1, Runs::Once);
        assert!(probes[1..].iter().all(|(_, runs)| *runs != Runs::Once), "{probes:?}");
    }

    #[test]
    fn a_container_is_looked_at_between_runs_that_take_long() {
        let probes = probes(Duration::from_millis(700), 1, Duration::from_secs(10));
        assert!(probes.iter().all(|(_, runs)| *runs == Runs::Once), "{probes:?}");
    }

    #[test]
    fn a_check_is_not_repeated_where_there_is_no_shell() {
        let probes = probes(Duration::from_millis(5), 127, Duration::from_secs(5));
        let repeated = probes.iter().filter(|(_, runs)| *runs != Runs::Once).count();
        assert_eq!(repeated, 1, "{probes:?}");
    }

    #[test]
    fn a_check_that_hung_is_run_once_the_next_time() {
        let mut pace = Pace::default();
        pace.learn(Runs::Once, Some(1), EXEC);
        let repeated = pace.runs(Duration::ZERO);
        assert_ne!(repeated, Runs::Once);
        pace.learn(repeated, None, ROUND * 2);
        assert_eq!(pace.runs(Duration::ZERO), Runs::Once);
    }
}
