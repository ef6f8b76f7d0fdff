//! Waits until a container is ready. DevArch probes early and at short intervals, independently of the interval set on
//! the engine: only success counts early; failure is judged by interval x retries after the start period.

use crate::execution::{
    failure::Failure,
    probe_backoff::{ProbeBackoff, or_default},
    runner::StepRunner,
};
use devarch_core::{
    id::ContainerId, observed::RunState, readiness::Readiness, template::Healthcheck, unit::Millis,
};
use devarch_engine::ProbeResult;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The polling interval for jobs.
const JOB_PAUSE: Duration = Duration::from_millis(100);

/// Waits until a container meets the condition, or cannot any more.
pub(crate) async fn until_ready(
    runner: &StepRunner<'_>,
    id: &ContainerId,
    readiness: &Readiness,
    waiting: &(dyn Fn(String) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let ready = async {
        match readiness {
            Readiness::Running => running(runner, id).await,
            Readiness::Completed => completed(runner, id).await,
            Readiness::Healthy(check) => healthy(runner, id, check, waiting).await,
        }
    };
    tokio::select! {
        ended = ready => ended,
        () = cancel.cancelled() => Err(Failure::Cancelled),
    }
}

async fn running(runner: &StepRunner<'_>, id: &ContainerId) -> Result<(), Failure> {
    match runner.engine.inspect(id).await.map_err(Failure::Engine)? {
        Some(state) if state.state == RunState::Running => Ok(()),
        _ => Err(runner.exited(id).await),
    }
}

/// Polls a job instead of waiting on the engine: an interrupted wait has no result.
async fn completed(runner: &StepRunner<'_>, id: &ContainerId) -> Result<(), Failure> {
    loop {
        match runner.engine.inspect(id).await.map_err(Failure::Engine)? {
            Some(state) if state.state == RunState::Exited && state.exit_code == 0 => return Ok(()),
            Some(state) if state.state != RunState::Exited => runner.clock.sleep(JOB_PAUSE).await,
            _ => return Err(runner.exited(id).await),
        }
    }
}

async fn healthy(
    runner: &StepRunner<'_>,
    id: &ContainerId,
    check: &Healthcheck,
    waiting: &(dyn Fn(String) + Send + Sync),
) -> Result<(), Failure> {
    let begun = runner.clock.running();
    let waited = || runner.clock.running().saturating_sub(begun);
    let patience = patience(check);
    let restarts = match runner.engine.inspect(id).await.map_err(Failure::Engine)? {
        Some(state) => state.restarts,
        None => return Err(runner.exited(id).await),
    };
    let mut backoff = ProbeBackoff::new(runner.engine.info(), check);
    let (mut said, mut unfinished) = (String::new(), None);
    loop {
        if !still_runs(runner, unfinished.as_deref()).await {
            let probe = backoff.probe(check, waited());
            let asked = runner.clock.running();
            match runner.engine.probe(id, &probe).await {
                Ok(result) if result.exit_code == Some(0) => return Ok(()),
                Ok(result) => {
                    let took = runner.clock.running().saturating_sub(asked);
                    backoff.learn(probe.runs, result.exit_code, took);
                    said = told(&result, took);
                    unfinished = result.unfinished;
                }
                Err(error) => said = error.to_string(),
            }
        }
        match runner.engine.inspect(id).await.map_err(Failure::Engine)? {
            Some(state)
                if state.state == RunState::Running && !state.restarting && state.restarts == restarts => {}
            _ => return Err(runner.exited(id).await),
        }
        if waited() > patience {
            let logs = runner.last_lines(id).await;
            return Err(Failure::Unhealthy { waited: waited(), last: said, logs });
        }
        waiting(said.clone());
        runner.clock.sleep(backoff.pause(waited())).await;
    }
}

/// Returns whether a probe that timed out is still running: the next one is withheld until it has ended, or they would
/// pile up.
async fn still_runs(runner: &StepRunner<'_>, exec: Option<&str>) -> bool {
    match exec {
        Some(exec) => matches!(runner.engine.exec_exit_code(exec).await, Ok(None)),
        None => false,
    }
}

fn told(result: &ProbeResult, after: Duration) -> String {
    match result.exit_code {
        Some(_) => result.output.clone(),
        None => format!("nothing for {:.1} s; {}", after.as_secs_f64(), result.output.trim()),
    }
}

/// Returns how long failures are tolerated: the start period, then as many intervals as retries. Zero means the
/// engine's default.
fn patience(check: &Healthcheck) -> Duration {
    let start: Duration = check.start_period.unwrap_or(Millis(0)).into();
    let interval: Duration = or_default(check.interval, Healthcheck::DEFAULT_INTERVAL).into();
    let retries = check.retries.filter(|retries| *retries > 0);
    start + interval * retries.unwrap_or(Healthcheck::DEFAULT_RETRIES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::template::HealthTest;

    fn check(interval: Option<u64>, retries: Option<u32>, start: Option<u64>) -> Duration {
        patience(&Healthcheck {
            test: HealthTest::Shell("exit 0".to_owned()),
            interval: interval.map(|seconds| Millis(seconds * 1_000)),
            timeout: None,
            retries,
            start_period: start.map(|seconds| Millis(seconds * 1_000)),
            start_interval: None,
        })
    }

    #[test]
    fn failures_are_tolerated_for_the_start_period_and_as_many_intervals_as_retries() {
        assert_eq!(check(Some(2), Some(5), None), Duration::from_secs(10));
        assert_eq!(check(Some(2), Some(5), Some(30)), Duration::from_secs(40));
        let default = check(None, None, None);
        assert_eq!(default, Duration::from(Healthcheck::DEFAULT_INTERVAL) * Healthcheck::DEFAULT_RETRIES);
    }

    #[test]
    fn zero_means_the_engines_default() {
        assert_eq!(check(Some(0), Some(0), None), check(None, None, None));
    }

    #[test]
    fn a_probe_that_timed_out_is_reported_with_the_time_it_had() {
        let result = |exit_code| ProbeResult { exit_code, output: "refused\n".to_owned(), unfinished: None };
        assert_eq!(told(&result(Some(1)), Duration::from_secs(9)), "refused\n");
        assert_eq!(told(&result(None), Duration::from_millis(2_540)), "nothing for 2.5 s; refused");
    }
}
