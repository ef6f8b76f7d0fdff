//! The output of `status` for a stack, from its objects and its journal.

use crate::{
    harness::{Command, End, Sandbox},
    stacks::{CHANGED, SHOP},
    strangers::Strangers,
};
use devarch_app::{StackStatus, Stands, Waiting};
use devarch_core::{
    observed::{HealthState, RunState},
    stack::DesiredRun,
};
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::{
    memory::{Call, Effect, Fault},
    proxy::Moment,
};

const DB: &str = "devarch-shop-db";
const WEB: &str = "devarch-shop-web";

fn waiting<'a>(status: &'a StackStatus, instance: &str) -> Option<&'a Waiting> {
    let found = status.instances.iter().find(|found| found.name.as_str() == instance);
    found.unwrap().waiting.as_ref()
}

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox
}

#[tokio::test]
async fn a_never_applied_stack_has_no_engine_and_waits_for_its_first_apply() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let status = sandbox.status("shop").await;
    assert_eq!((&status.engine, status.enabled), (&None, true));
    assert!(status.last_apply.is_none() && status.lock.is_none() && status.unknown.is_none());
    assert!(matches!(waiting(&status, "db"), Some(Waiting::NotApplied)), "{status:?}");
    assert!(
        matches!(waiting(&status, "web"), Some(Waiting::Provider { target, .. }) if target.as_str() == "db"),
        "{status:?}"
    );
    assert!(status.instances.iter().all(|instance| instance.state.is_none() && instance.container.is_none()));
}

#[tokio::test]
async fn a_running_stack_waits_for_nothing_and_shows_its_addresses() {
    let sandbox = running().await;
    let made = sandbox.engine.changes();
    let status = sandbox.status("shop").await;
    let objects = sandbox.objects().await;
    assert_eq!(status.engine.as_deref(), Some("docker"));
    for instance in &status.instances {
        let container = &objects.containers[&format!("devarch-shop-{}", instance.name)];
        assert_eq!(instance.container.as_ref(), Some(&container.id));
        assert_eq!((instance.state, instance.wanted), (Some(RunState::Running), DesiredRun::Running));
        assert_eq!(instance.address, container.networks.values().next().copied().flatten());
        assert_eq!(instance.ports.len(), 1);
        assert_eq!(instance.ports[0].host.port(), container.ports[0].host_port);
        assert!(instance.waiting.is_none() && instance.exit_code.is_none(), "{instance:?}");
    }
    assert_eq!(status.instances[0].health, Some(HealthState::Healthy));
    assert_eq!(status.instances[1].health, None, "it has no check");
    assert!(status.last_apply.is_none() && status.left_alone.is_empty());
    assert_eq!(sandbox.engine.changes(), made, "looking changes nothing");
}

#[tokio::test]
async fn stopped_or_taken_down_stacks_are_not_reported_as_broken() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Stop).await.unwrap();
    let stopped = sandbox.status("shop").await;
    assert!(stopped.instances.iter().all(|instance| instance.wanted == DesiredRun::Stopped), "{stopped:?}");
    assert!(stopped.instances.iter().all(|instance| instance.waiting.is_none()), "{stopped:?}");
    assert!(stopped.instances.iter().all(|instance| instance.urls.is_empty() && instance.health.is_none()));
    sandbox.run("shop", Command::Down).await.unwrap();
    let down = sandbox.status("shop").await;
    for instance in &down.instances {
        assert!(matches!(instance.waiting, Some(Waiting::Down)), "{instance:?}");
        assert!(instance.state.is_none() && !instance.ports.is_empty(), "its host ports stay its own");
    }
}

#[tokio::test]
async fn a_disabled_instance_is_shown_as_disabled_before_and_after_its_removal() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Set("web", "enabled", "false")).await.unwrap();
    for _ in 0..2 {
        let status = sandbox.status("shop").await;
        assert!(matches!(waiting(&status, "web"), Some(Waiting::Disabled)), "{status:?}");
        assert!(waiting(&status, "db").is_none());
        sandbox.run("shop", Command::apply()).await.unwrap();
    }
    assert!(!sandbox.objects().await.containers.contains_key(WEB));
}

#[tokio::test]
async fn an_exited_instance_shows_its_exit_code_and_its_consumer_what_it_waits_for() {
    let sandbox = running().await;
    sandbox.engine.end(WEB, 3);
    let status = sandbox.status("shop").await;
    assert!(matches!(waiting(&status, "web"), Some(Waiting::Ended { exit_code: Some(3) })), "{status:?}");
    assert_eq!(status.instances[1].exit_code, Some(3));
    sandbox.engine.end(DB, 137);
    let status = sandbox.status("shop").await;
    assert!(matches!(waiting(&status, "db"), Some(Waiting::Ended { exit_code: Some(137) })), "{status:?}");
    assert!(
        matches!(waiting(&status, "web"), Some(Waiting::Provider { target, .. }) if target.as_str() == "db"),
        "{status:?}"
    );
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(sandbox.status("shop").await.instances.iter().all(|instance| instance.waiting.is_none()));
}

#[tokio::test]
async fn a_container_that_cannot_be_started_any_more_is_shown_as_stuck() {
    let sandbox = running().await;
    sandbox.engine.stick(DB);
    let status = sandbox.status("shop").await;
    assert!(matches!(waiting(&status, "db"), Some(Waiting::Stuck)), "{status:?}");
}

#[tokio::test]
async fn a_container_removed_by_hand_is_missing_until_the_next_apply() {
    let sandbox = running().await;
    sandbox.remove_by_hand(WEB).await;
    let status = sandbox.status("shop").await;
    assert!(matches!(waiting(&status, "web"), Some(Waiting::NotApplied)), "{status:?}");
    assert!(sandbox.plan("shop").await.is_some());
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(waiting(&sandbox.status("shop").await, "web").is_none());
}

#[tokio::test]
async fn a_changed_definition_does_not_change_the_observed_state() {
    let sandbox = running().await;
    let before = sandbox.status("shop").await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "5")).await.unwrap();
    let after = sandbox.status("shop").await;
    let containers =
        |status: &StackStatus| status.instances.iter().map(|one| one.container.clone()).collect::<Vec<_>>();
    assert_eq!(containers(&after), containers(&before));
    assert!(after.instances.iter().all(|instance| instance.waiting.is_none()), "{after:?}");
    assert!(sandbox.plan("shop").await.is_some(), "the plan shows it");
}

#[tokio::test]
async fn an_interrupted_apply_is_shown_with_its_step_until_it_is_finished() {
    let mut sandbox = running().await;
    let end = sandbox.killed_at((3, Moment::Before), "shop", Command::up(CHANGED)).await;
    assert!(matches!(end, End::Killed(_)), "{end:?}");
    let status = sandbox.status("shop").await;
    let last = status.last_apply.as_ref().unwrap();
    assert_eq!((&last.stands, last.command.as_str()), (&Stands::Interrupted, "up"));
    assert_eq!(last.steps.len(), 1, "{last:?}");
    assert!(last.steps[0].what.starts_with("db"), "{last:?}");
    assert!(status.lock.is_none(), "no command is at work");
    sandbox.run("shop", Command::Resume).await.unwrap();
    assert!(sandbox.status("shop").await.last_apply.is_none());
}

#[tokio::test]
async fn an_apply_in_progress_is_shown_with_its_author() {
    let sandbox = running().await;
    let reached = sandbox.engine.break_at(2, Effect::Hangs(Moment::Before));
    let at_work = sandbox.run("shop", Command::up(CHANGED));
    tokio::pin!(at_work);
    tokio::select! {
        () = reached.notified() => {}
        ended = &mut at_work => panic!("{ended:?}"),
    }
    let status = sandbox.status("shop").await;
    let lock = status.lock.as_ref().unwrap();
    assert!(lock.alive && lock.operation == "up", "{lock:?}");
    let last = status.last_apply.as_ref().unwrap();
    assert_eq!(last.stands, Stands::UnderWay);
    assert_eq!(last.steps.len(), 1, "{last:?}");
}

#[tokio::test]
async fn a_failed_apply_is_shown_with_its_reason_until_one_succeeds() {
    let sandbox = running().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err();
    let status = sandbox.status("shop").await;
    let last = status.last_apply.as_ref().unwrap();
    assert!(matches!(&last.stands, Stands::Failed { error } if error.contains("'db'")), "{last:?}");
    assert!(status.instances.iter().all(|instance| instance.waiting.is_none()), "the old containers run");
    // An `up` with nothing to do counts as well.
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert!(sandbox.status("shop").await.last_apply.is_none());
}

#[tokio::test]
async fn an_unreachable_engine_is_not_treated_as_empty() {
    let sandbox = running().await;
    sandbox.engine.inject(Fault::refused(Call::Containers, "", Kind::NotRunning));
    let status = sandbox.status("shop").await;
    assert!(status.unknown.is_some(), "{status:?}");
    assert!(
        status.instances.iter().all(|instance| instance.waiting.is_none()),
        "nothing is known: {status:?}"
    );
}

#[tokio::test]
async fn containers_with_copied_labels_are_listed_but_are_not_instances() {
    let sandbox = running().await;
    let before = sandbox.status("shop").await;
    let _strangers = Strangers::beside(&sandbox).await;
    let status = sandbox.status("shop").await;
    assert_eq!(status.left_alone, ["their-container"]);
    assert_eq!(status.instances.len(), before.instances.len());
    assert_eq!(status.instances[0].container, before.instances[0].container);
}
