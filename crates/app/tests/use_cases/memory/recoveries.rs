//! Interrupted applies: detected, resumed, or undone; several in a row; and nothing is done twice.

use crate::{
    harness::{Command, End, Sandbox, hints, parsed},
    stacks::{CHANGED, RUNNING, SHOP, running_shop, shop},
};
use devarch_app::{
    ApplyError, ApplyOptions, Ended, ErrorKind, Interrupted, LockRequest, OperationError, PrepareOptions,
    Recover, Stands, acquire_locks, apply, find_interrupted, find_stack, left_open, prepare,
    undo_interrupted,
};
use devarch_core::{environment::Clock as _, name::StackName, observed::RunState};
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::{
    memory::{Call, Effect, Fault},
    proxy::Moment,
};
use futures_util::future::join;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn stack() -> StackName {
    parsed("shop")
}

/// Returns another version of the shop's provider.
fn version(mark: &str) -> &'static str {
    SHOP.replace("MARK: \"0\"", &format!("MARK: \"{mark}\"")).leak()
}

/// Creates a stack whose replacement was killed right after that call, long enough ago.
async fn killed_at(call: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    let start = sandbox.save();
    for nth in 1..30 {
        sandbox.restore(&start).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", Command::up(CHANGED)).await;
        if matches!(end, End::Killed(at) if at.starts_with(call)) {
            sandbox.clock.advance(Duration::from_secs(31));
            return sandbox;
        }
    }
    panic!("no call {call}")
}

async fn interrupted(sandbox: &Sandbox) -> Option<Interrupted> {
    find_interrupted(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap()
}

/// Runs `apply` without a decision about the interrupted one.
async fn plain_apply(sandbox: &Sandbox, recover: Option<Recover>) -> Result<(), OperationError> {
    let stack = find_stack(sandbox.ctx(), &stack()).await?;
    let request = LockRequest { operation: "apply".to_owned(), timeout: Duration::ZERO, plan: None };
    let locks = acquire_locks(sandbox.ctx(), &stack, &request, &|_| {}).await?;
    let prepared = Box::pin(prepare(sandbox.ctx(), &stack.name, &PrepareOptions::default())).await?;
    let cancel = CancellationToken::new();
    let options = ApplyOptions { command: "apply", recover, events: &|_| {}, cancel: &cancel };
    let done = Box::pin(apply(sandbox.ctx(), locks.own(), &prepared.approved(), options)).await;
    locks.release().await;
    done.map(drop)
}

#[tokio::test]
async fn an_interrupted_apply_names_its_author_and_the_steps_in_progress() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    let open = interrupted(&sandbox).await.unwrap();
    assert_eq!((open.command.as_str(), open.committed), ("up", false));
    assert!(open.author.contains('@') && !open.steps.is_empty(), "{open:?}");
    assert!(left_open(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap().is_some());
    assert!(interrupted(&running_shop().await).await.is_none());
}

#[tokio::test]
async fn an_open_apply_needs_no_decision_while_its_lock_is_held() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    let _locks = sandbox.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let stack = sandbox.stack("shop").await;
    assert!(left_open(sandbox.ctx(), &stack).await.unwrap().is_none(), "it may be under way");
    assert!(find_interrupted(sandbox.ctx(), &stack).await.unwrap().is_some());
}

#[tokio::test]
async fn an_apply_without_a_decision_about_the_interrupted_one_is_refused_with_both_options() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    let before = sandbox.objects().await;
    for recover in [None, Some(Recover::Undo)] {
        let error = plain_apply(&sandbox, recover).await.unwrap_err();
        assert!(matches!(error, OperationError::Apply(ApplyError::Interrupted { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(hints(&error).contains("--resume") && hints(&error).contains("--undo"));
        assert_eq!(sandbox.objects().await, before);
    }
    plain_apply(&sandbox, Some(Recover::Resume)).await.unwrap();
    assert!(interrupted(&sandbox).await.is_none());
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn an_apply_killed_before_any_change_is_closed_without_a_decision() {
    let mut sandbox = running_shop().await;
    sandbox.killed_at((1, Moment::Before), "shop", Command::up(CHANGED)).await;
    sandbox.clock.advance(Duration::from_secs(31));
    assert!(interrupted(&sandbox).await.is_some());
    plain_apply(&sandbox, None).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    let history = sandbox.history("shop").await;
    assert_eq!(
        history.iter().map(|entry| entry.outcome).collect::<Vec<_>>(),
        [Ended::Succeeded, Ended::Undone, Ended::Succeeded]
    );
}

#[tokio::test]
async fn an_apply_killed_while_removing_old_objects_is_finished_and_not_undone() {
    let sandbox = killed_at("RemoveContainer").await;
    let open = interrupted(&sandbox).await.unwrap();
    assert!(open.committed);
    assert!(
        left_open(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap().is_none(),
        "it needs no decision"
    );
    let error = sandbox.run("shop", Command::Undo).await.unwrap_err();
    assert!(matches!(error, OperationError::Apply(ApplyError::PastCommit(_))), "{error:?}");
    assert_eq!(hints(&error), "`devarch apply shop` finishes it");
    plain_apply(&sandbox, None).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    let request = sandbox.engine.request("devarch-shop-db").unwrap();
    assert_eq!(request.spec.environment["MARK"].reveal(), "1");
}

#[tokio::test]
async fn an_undo_without_an_interrupted_apply_does_nothing() {
    let sandbox = running_shop().await;
    let before = (sandbox.objects().await, sandbox.engine.changes());
    let locks = sandbox.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let cancel = CancellationToken::new();
    let undone = undo_interrupted(sandbox.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await.unwrap();
    assert_eq!(undone, None);
    assert_eq!((sandbox.objects().await, sandbox.engine.changes()), before);
}

#[tokio::test]
async fn an_undo_after_two_kills_restores_the_state_before_the_first() {
    let mut sandbox = running_shop().await;
    let before = sandbox.objects().await;
    let start = sandbox.save();
    for second in 1..12 {
        sandbox.restore(&start).await;
        sandbox.killed_at((6, Moment::After), "shop", Command::up(version("1"))).await;
        sandbox.clock.advance(Duration::from_secs(31));
        let end = sandbox.killed_at((second, Moment::After), "shop", Command::Resume).await;
        sandbox.clock.advance(Duration::from_secs(31));
        if let End::Killed(call) = end {
            match sandbox.run("shop", Command::Undo).await {
                Ok(()) => {
                    assert_eq!(sandbox.objects().await.containers, before.containers, "{second}: {call}");
                }
                Err(refused) => {
                    assert!(
                        matches!(refused, OperationError::Apply(ApplyError::PastCommit(_))),
                        "{refused:?}"
                    );
                }
            }
            assert!(interrupted(&sandbox).await.is_none(), "{second}: {call}");
        }
    }
}

#[tokio::test]
async fn a_killed_undo_is_finished_by_the_next_undo() {
    let mut sandbox = killed_at("Start devarch-shop-db").await;
    let start = sandbox.save();
    let mut killed = 0;
    for nth in 1.. {
        sandbox.restore(&start).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", Command::Undo).await;
        sandbox.clock.advance(Duration::from_secs(31));
        let End::Killed(call) = end else { break };
        killed += 1;
        sandbox.run("shop", Command::Undo).await.unwrap_or_else(|error| panic!("{call}: {error}"));
        assert!(sandbox.objects().await.names().iter().eq(RUNNING), "{call}");
        let request = sandbox.engine.request("devarch-shop-db").unwrap();
        assert_eq!(request.spec.environment["MARK"].reveal(), "0", "{call}");
    }
    assert!(killed >= 3, "{killed}");
}

#[tokio::test]
async fn an_undo_that_cannot_start_the_old_container_is_reported_and_can_be_repeated() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    sandbox.engine.inject(Fault {
        call: Call::Start,
        on: "db".to_owned(),
        times: 20,
        effect: Effect::Refused(Kind::DiskFull),
    });
    let error = sandbox.run("shop", Command::Undo).await.unwrap_err();
    let OperationError::Apply(ApplyError::Stuck { remains, .. }) = &error else { panic!("{error:?}") };
    assert!(remains.iter().any(|step| step.contains("start")), "{remains:?}");
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(hints(&error).contains("--undo"));
    assert!(interrupted(&sandbox).await.is_some(), "it stays open");
    sandbox.engine.mend();
    sandbox.run("shop", Command::Undo).await.unwrap();
    assert!(sandbox.objects().await.names().iter().eq(RUNNING));
    assert!(interrupted(&sandbox).await.is_none());
}

#[tokio::test]
async fn a_container_removed_by_hand_is_reported_and_the_rest_is_undone() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    sandbox.remove_by_hand("devarch-shop-web").await;
    let locks = sandbox.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let cancel = CancellationToken::new();
    let undone =
        undo_interrupted(sandbox.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await.unwrap().unwrap();
    assert!(
        undone
            .iter()
            .any(|reported| reported
                == "container devarch-shop-web was removed; `devarch up` creates it again"),
        "{undone:?}"
    );
    let names = sandbox.objects().await.names();
    assert!(names.contains("container devarch-shop-db runs"), "{names:?}");
}

#[tokio::test]
async fn recovery_waits_for_a_call_that_outlives_its_caller() {
    let mut sandbox = running_shop().await;
    sandbox.killed_at((4, Moment::After), "shop", Command::up(CHANGED)).await;
    let began = sandbox.clock.running();
    sandbox.run("shop", Command::Resume).await.unwrap();
    let waited = sandbox.clock.running().saturating_sub(began);
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn an_apply_whose_rollback_failed_stays_open_and_is_finished_later() {
    let sandbox = running_shop().await;
    sandbox.engine.inject(Fault {
        call: Call::Start,
        on: "db".to_owned(),
        times: 60,
        effect: Effect::Refused(Kind::DiskFull),
    });
    let error = sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert!(error.to_string().contains("devarch"), "{error}");
    assert!(interrupted(&sandbox).await.is_some());
    let last = sandbox.status("shop").await.last_apply.unwrap();
    assert_eq!(last.stands, Stands::Interrupted);
    sandbox.engine.mend();
    sandbox.clock.advance(Duration::from_secs(31));
    sandbox.run("shop", Command::Resume).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(interrupted(&sandbox).await.is_none());
}

#[tokio::test]
async fn a_rollback_survives_an_unreachable_engine() {
    let sandbox = running_shop().await;
    let before = sandbox.objects().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    sandbox.engine.inject(Fault {
        call: Call::Containers,
        on: String::new(),
        times: 0,
        effect: Effect::Refused(Kind::NotRunning),
    });
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert_eq!(sandbox.objects().await.containers, before.containers);
    assert_eq!(sandbox.engine.networks().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_that_succeeded_meanwhile_is_not_run_again_by_an_undo() {
    const JOB: &str = "devarch-shop-job";
    let mut sandbox = Sandbox::new().await;
    let job = r#"job: {template: busybox, job: true, restart: "no", command: [sh, -c, "sleep 5"]}"#;
    let yml =
        |mark: &str| shop(&[job, &format!("web: {{template: busybox, environment: {{MARK: \"{mark}\"}}}}")]);
    let ends = async {
        while sandbox.objects().await.containers.get(JOB).is_none_or(|job| job.state != RunState::Running) {
            tokio::task::yield_now().await;
        }
        sandbox.engine.end(JOB, 0);
    };
    join(sandbox.run("shop", Command::up(yml("0"))), ends).await.0.unwrap();
    let id = sandbox.objects().await.containers[JOB].id.clone();
    sandbox.engine.start(&id).await.unwrap();
    sandbox.killed_at((4, Moment::After), "shop", Command::up(yml("1"))).await;
    sandbox.clock.advance(Duration::from_secs(31));
    sandbox.engine.end(JOB, 0);
    let made = sandbox.engine.changes().len();
    sandbox.run("shop", Command::Undo).await.unwrap();
    assert!(
        !sandbox.engine.changes()[made..].iter().any(|call| call.contains(JOB)),
        "{:?}",
        sandbox.engine.changes()
    );
}

#[tokio::test]
async fn an_undo_that_lost_its_lock_does_nothing() {
    let sandbox = killed_at("Stop devarch-shop-db").await;
    let locks = sandbox.lock("shop", "apply", Duration::ZERO).await.unwrap();
    sandbox.release("shop", true).await.unwrap();
    let (before, cancel) = (sandbox.engine.changes(), CancellationToken::new());
    let undone = undo_interrupted(sandbox.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await;
    let error = undone.unwrap_err();
    assert!(matches!(error, OperationError::Apply(ApplyError::LockLost { .. })), "{error:?}");
    assert_eq!(sandbox.engine.changes(), before);
    assert!(interrupted(&sandbox).await.is_some(), "it is left to who has the lock");
}
