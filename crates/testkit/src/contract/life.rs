//! Starting, stopping, probing, output.

use super::assert_refused;
use crate::fixture::{Fixture, RUNS};
use devarch_core::{observed::RunState, template::HealthTest};
use devarch_engine::{EngineErrorKind as Kind, LogOptions, Probe, Runs};
use futures_util::StreamExt;
use std::time::Duration;

/// Repeating a step does no harm.
pub async fn starting_and_stopping_twice_succeeds(f: &Fixture) {
    let id = f.create(&f.request("twice", &RUNS)).await;
    f.stop(&id).await;
    assert_eq!(f.listed(&id).await.unwrap().state, RunState::Created);
    f.engine.start(&id).await.unwrap();
    f.engine.start(&id).await.unwrap();
    let seen = f.engine.inspect(&id).await.unwrap().unwrap();
    assert_eq!(seen.state, RunState::Running);
    assert!(!seen.started_at.is_empty());
    f.stop(&id).await;
    f.stop(&id).await;
    assert_eq!(f.engine.inspect(&id).await.unwrap().unwrap().state, RunState::Exited);
}

/// Inspect, list and wait report it alike.
pub async fn the_exit_code_is_kept(f: &Fixture) {
    let id = f.run(&f.request("job", &["sh", "-c", "exit 3"])).await;
    assert_eq!(f.engine.wait(&id).await.unwrap().code, 3);
    let seen = f.engine.inspect(&id).await.unwrap().unwrap();
    assert_eq!((seen.state, seen.exit_code, seen.health), (RunState::Exited, 3, None));
    assert_eq!(f.listed(&id).await.unwrap().exit_code, Some(3));
    assert_eq!(f.engine.wait(&id).await.unwrap().code, 3);
}

/// A container of a job that ended well.
pub async fn a_clean_exit_has_exit_code_0(f: &Fixture) {
    let id = f.run(&f.request("job", &["sh", "-c", "exit 0"])).await;
    assert_eq!(f.engine.wait(&id).await.unwrap().code, 0);
    assert_eq!(f.listed(&id).await.unwrap().exit_code, Some(0));
}

/// The container is kept, not running.
pub async fn a_command_that_cannot_run_is_reported_as_such(f: &Fixture) {
    let id = f.create(&f.request("broken", &["/no/such/program"])).await;
    assert_refused(f.engine.start(&id).await, &Kind::CannotRun);
    let seen = f.engine.inspect(&id).await.unwrap().unwrap();
    assert_ne!(seen.state, RunState::Running);
}

/// Nothing is killed.
pub async fn a_running_container_is_not_removed(f: &Fixture) {
    let id = f.run(&f.request("busy", &RUNS)).await;
    assert_refused(f.engine.remove_container(&id).await, &Kind::InUse);
    assert_eq!(f.listed(&id).await.unwrap().state, RunState::Running);
    f.stop(&id).await;
    f.engine.remove_container(&id).await.unwrap();
    assert!(f.listed(&id).await.is_none());
}

/// Exit code and output of the check, as a shell line and as a program.
pub async fn a_probe_reports_the_result_of_the_check(f: &Fixture) {
    let id = f.run(&f.request("probed", &RUNS)).await;
    let timeout = Duration::from_secs(20);
    for runs in [Runs::Once, Runs::Repeated { times: 3, pause: Duration::from_millis(10) }] {
        let shell = |line: &str| Probe { test: HealthTest::Shell(line.to_owned()), timeout, runs };
        let passed = f.engine.probe(&id, &shell("exit 0")).await.unwrap();
        assert_eq!(passed.exit_code, Some(0));
        let failed = f.engine.probe(&id, &shell("echo not yet; exit 4")).await.unwrap();
        assert_eq!((failed.exit_code, failed.output.trim()), (Some(4), "not yet"));
        let none = Probe { test: HealthTest::None, timeout, runs };
        assert_eq!(f.engine.probe(&id, &none).await.unwrap().exit_code, Some(0));
    }
}

/// Output arrives in pieces that add up, and ends when the container has ended.
pub async fn logs_contain_all_output(f: &Fixture) {
    let id = f.run(&f.request("talks", &["sh", "-c", "echo hello; exit 0"])).await;
    f.engine.wait(&id).await.unwrap();
    for follow in [false, true] {
        let options = LogOptions { follow, ..LogOptions::default() };
        let mut logs = f.engine.logs(&id, &options).await.unwrap();
        let mut text = Vec::new();
        while let Some(chunk) = logs.next().await {
            text.extend(chunk.unwrap().bytes);
        }
        assert_eq!(String::from_utf8_lossy(&text), "hello\n", "follow: {follow}");
    }
}
