//! Applies that never ended: found, gone on with, or undone; more than one in a row; and none of it twice.

use crate::{
    harness::{Command, End, World, hints, parsed},
    stacks::{CHANGED, RUNNING, SHOP, running_shop, shop},
};
use devarch_app::{
    ApplyError, ApplyOptions, Ended, ErrorKind, Interrupted, LockRequest, OperationError, PrepareOptions,
    Recover, Stands, acquire_locks, apply, find_interrupted, find_stack, left_open, prepare,
    undo_interrupted,
};
use devarch_core::{name::StackName, observed::RunState, surroundings::Clock as _};
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

/// Another version of the shop's provider.
fn version(mark: &str) -> &'static str {
    SHOP.replace("MARK: \"0\"", &format!("MARK: \"{mark}\"")).leak()
}

/// A stack whose replacement was killed right after that call, long enough ago.
async fn killed_at(call: &str) -> World {
    let mut world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume("devarch-shop-db-data", "rows");
    let start = world.save();
    for nth in 1..30 {
        world.restore(&start).await;
        let end = world.killed_at((nth, Moment::After), "shop", Command::up(CHANGED)).await;
        if matches!(end, End::Killed(at) if at.starts_with(call)) {
            world.clock.advance(Duration::from_secs(31));
            return world;
        }
    }
    panic!("no call {call}")
}

async fn interrupted(world: &World) -> Option<Interrupted> {
    find_interrupted(world.ctx(), &world.stack("shop").await).await.unwrap()
}

/// `apply` without a word on what was interrupted.
async fn plain_apply(world: &World, recover: Option<Recover>) -> Result<(), OperationError> {
    let stack = find_stack(world.ctx(), &stack()).await?;
    let request = LockRequest { operation: "apply".to_owned(), timeout: Duration::ZERO, plan: None };
    let locks = acquire_locks(world.ctx(), &stack, &request, &|_| {}).await?;
    let prepared = Box::pin(prepare(world.ctx(), &stack.name, &PrepareOptions::default())).await?;
    let cancel = CancellationToken::new();
    let options = ApplyOptions { command: "apply", recover, events: &|_| {}, cancel: &cancel };
    let done = Box::pin(apply(world.ctx(), locks.own(), &prepared.approved(), options)).await;
    locks.release().await;
    done.map(drop)
}

#[tokio::test]
async fn an_interrupted_apply_names_its_author_and_what_was_under_way() {
    let world = killed_at("Stop devarch-shop-db").await;
    let open = interrupted(&world).await.unwrap();
    assert_eq!((open.command.as_str(), open.committed), ("up", false));
    assert!(open.author.contains('@') && !open.steps.is_empty(), "{open:?}");
    assert!(left_open(world.ctx(), &world.stack("shop").await).await.unwrap().is_some());
    assert!(interrupted(&running_shop().await).await.is_none());
}

#[tokio::test]
async fn while_its_lock_is_held_an_open_apply_needs_no_decision() {
    let world = killed_at("Stop devarch-shop-db").await;
    let _locks = world.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let stack = world.stack("shop").await;
    assert!(left_open(world.ctx(), &stack).await.unwrap().is_none(), "it may be under way");
    assert!(find_interrupted(world.ctx(), &stack).await.unwrap().is_some());
}

#[tokio::test]
async fn an_apply_that_is_not_reported_what_to_do_about_it_is_refused_with_both_ways() {
    let world = killed_at("Stop devarch-shop-db").await;
    let before = world.objects().await;
    for recover in [None, Some(Recover::Undo)] {
        let error = plain_apply(&world, recover).await.unwrap_err();
        assert!(matches!(error, OperationError::Apply(ApplyError::Interrupted { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(hints(&error).contains("--resume") && hints(&error).contains("--undo"));
        assert_eq!(world.objects().await, before);
    }
    plain_apply(&world, Some(Recover::Resume)).await.unwrap();
    assert!(interrupted(&world).await.is_none());
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn an_apply_that_changed_nothing_before_it_was_killed_is_closed_without_a_question() {
    let mut world = running_shop().await;
    world.killed_at((1, Moment::Before), "shop", Command::up(CHANGED)).await;
    world.clock.advance(Duration::from_secs(31));
    assert!(interrupted(&world).await.is_some());
    plain_apply(&world, None).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    let history = world.history("shop").await;
    assert_eq!(
        history.iter().map(|entry| entry.outcome).collect::<Vec<_>>(),
        [Ended::Succeeded, Ended::Undone, Ended::Succeeded]
    );
}

#[tokio::test]
async fn what_was_only_removing_the_old_is_finished_and_not_undone() {
    let world = killed_at("RemoveContainer").await;
    let open = interrupted(&world).await.unwrap();
    assert!(open.committed);
    assert!(
        left_open(world.ctx(), &world.stack("shop").await).await.unwrap().is_none(),
        "it needs no decision"
    );
    let error = world.run("shop", Command::Undo).await.unwrap_err();
    assert!(matches!(error, OperationError::Apply(ApplyError::PastCommit(_))), "{error:?}");
    assert_eq!(hints(&error), "`devarch apply shop` finishes it");
    plain_apply(&world, None).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    let request = world.engine.request("devarch-shop-db").unwrap();
    assert_eq!(request.spec.environment["MARK"].reveal(), "1");
}

#[tokio::test]
async fn an_undo_without_anything_interrupted_does_nothing() {
    let world = running_shop().await;
    let before = (world.objects().await, world.engine.changes());
    let locks = world.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let cancel = CancellationToken::new();
    let undone = undo_interrupted(world.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await.unwrap();
    assert_eq!(undone, None);
    assert_eq!((world.objects().await, world.engine.changes()), before);
}

#[tokio::test]
async fn after_two_kills_in_a_row_an_undo_leads_to_before_the_first() {
    let mut world = running_shop().await;
    let before = world.objects().await;
    let start = world.save();
    for second in 1..12 {
        world.restore(&start).await;
        world.killed_at((6, Moment::After), "shop", Command::up(version("1"))).await;
        world.clock.advance(Duration::from_secs(31));
        let end = world.killed_at((second, Moment::After), "shop", Command::Resume).await;
        world.clock.advance(Duration::from_secs(31));
        if let End::Killed(call) = end {
            match world.run("shop", Command::Undo).await {
                Ok(()) => assert_eq!(world.objects().await.containers, before.containers, "{second}: {call}"),
                Err(refused) => {
                    assert!(
                        matches!(refused, OperationError::Apply(ApplyError::PastCommit(_))),
                        "{refused:?}"
                    );
                }
            }
            assert!(interrupted(&world).await.is_none(), "{second}: {call}");
        }
    }
}

#[tokio::test]
async fn an_undo_that_is_killed_is_undone_by_the_next() {
    let mut world = killed_at("Start devarch-shop-db").await;
    let start = world.save();
    let mut killed = 0;
    for nth in 1.. {
        world.restore(&start).await;
        let end = world.killed_at((nth, Moment::After), "shop", Command::Undo).await;
        world.clock.advance(Duration::from_secs(31));
        let End::Killed(call) = end else { break };
        killed += 1;
        world.run("shop", Command::Undo).await.unwrap_or_else(|error| panic!("{call}: {error}"));
        assert!(world.objects().await.names().iter().eq(RUNNING), "{call}");
        let request = world.engine.request("devarch-shop-db").unwrap();
        assert_eq!(request.spec.environment["MARK"].reveal(), "0", "{call}");
    }
    assert!(killed >= 3, "{killed}");
}

#[tokio::test]
async fn an_undo_that_can_not_start_the_old_container_is_reported_and_can_be_repeated() {
    let world = killed_at("Stop devarch-shop-db").await;
    world.engine.inject(Fault {
        call: Call::Start,
        on: "db".to_owned(),
        times: 20,
        effect: Effect::Refused(Kind::DiskFull),
    });
    let error = world.run("shop", Command::Undo).await.unwrap_err();
    let OperationError::Apply(ApplyError::Stuck { remains, .. }) = &error else { panic!("{error:?}") };
    assert!(remains.iter().any(|step| step.contains("start")), "{remains:?}");
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(hints(&error).contains("--undo"));
    assert!(interrupted(&world).await.is_some(), "it stays open");
    world.engine.mend();
    world.run("shop", Command::Undo).await.unwrap();
    assert!(world.objects().await.names().iter().eq(RUNNING));
    assert!(interrupted(&world).await.is_none());
}

#[tokio::test]
async fn a_container_that_was_removed_by_hand_meanwhile_is_reported_and_the_rest_is_undone() {
    let world = killed_at("Stop devarch-shop-db").await;
    world.remove_by_hand("devarch-shop-web").await;
    let locks = world.lock("shop", "apply", Duration::ZERO).await.unwrap();
    let cancel = CancellationToken::new();
    let undone =
        undo_interrupted(world.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await.unwrap().unwrap();
    assert!(
        undone
            .iter()
            .any(|reported| reported
                == "container devarch-shop-web was removed; `devarch up` creates it again"),
        "{undone:?}"
    );
    let names = world.objects().await.names();
    assert!(names.contains("container devarch-shop-db runs"), "{names:?}");
}

#[tokio::test]
async fn a_call_that_goes_on_after_its_caller_is_gone_is_waited_for() {
    let mut world = running_shop().await;
    world.killed_at((4, Moment::After), "shop", Command::up(CHANGED)).await;
    let began = world.clock.running();
    world.run("shop", Command::Resume).await.unwrap();
    let waited = world.clock.running().saturating_sub(began);
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn an_apply_that_could_not_be_rolled_back_stays_open_and_is_finished_later() {
    let world = running_shop().await;
    world.engine.inject(Fault {
        call: Call::Start,
        on: "db".to_owned(),
        times: 60,
        effect: Effect::Refused(Kind::DiskFull),
    });
    let error = world.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert!(error.to_string().contains("devarch"), "{error}");
    assert!(interrupted(&world).await.is_some());
    let last = world.status("shop").await.last_apply.unwrap();
    assert_eq!(last.stands, Stands::Interrupted);
    world.engine.mend();
    world.clock.advance(Duration::from_secs(31));
    world.run("shop", Command::Resume).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    assert!(interrupted(&world).await.is_none());
}

#[tokio::test]
async fn an_engine_that_is_away_during_the_rollback_and_returns_finds_it_done() {
    let world = running_shop().await;
    let before = world.objects().await;
    world.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    world.engine.inject(Fault {
        call: Call::Containers,
        on: String::new(),
        times: 0,
        effect: Effect::Refused(Kind::NotRunning),
    });
    world.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert_eq!(world.objects().await.containers, before.containers);
    assert_eq!(world.engine.networks().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_that_ended_well_meanwhile_is_not_run_again_by_an_undo() {
    const JOB: &str = "devarch-shop-job";
    let mut world = World::new().await;
    let job = r#"job: {template: busybox, job: true, restart: "no", command: [sh, -c, "sleep 5"]}"#;
    let yml =
        |mark: &str| shop(&[job, &format!("web: {{template: busybox, environment: {{MARK: \"{mark}\"}}}}")]);
    let ends = async {
        while world.objects().await.containers.get(JOB).is_none_or(|job| job.state != RunState::Running) {
            tokio::task::yield_now().await;
        }
        world.engine.end(JOB, 0);
    };
    join(world.run("shop", Command::up(yml("0"))), ends).await.0.unwrap();
    let id = world.objects().await.containers[JOB].id.clone();
    world.engine.start(&id).await.unwrap();
    world.killed_at((4, Moment::After), "shop", Command::up(yml("1"))).await;
    world.clock.advance(Duration::from_secs(31));
    world.engine.end(JOB, 0);
    let made = world.engine.changes().len();
    world.run("shop", Command::Undo).await.unwrap();
    assert!(
        !world.engine.changes()[made..].iter().any(|call| call.contains(JOB)),
        "{:?}",
        world.engine.changes()
    );
}

#[tokio::test]
async fn an_undo_whose_lock_is_anothers_by_now_does_nothing() {
    let world = killed_at("Stop devarch-shop-db").await;
    let locks = world.lock("shop", "apply", Duration::ZERO).await.unwrap();
    world.release("shop", true).await.unwrap();
    let (before, cancel) = (world.engine.changes(), CancellationToken::new());
    let undone = undo_interrupted(world.ctx(), locks.own(), &stack(), &|_| {}, &cancel).await;
    let error = undone.unwrap_err();
    assert!(matches!(error, OperationError::Apply(ApplyError::LockLost { .. })), "{error:?}");
    assert_eq!(world.engine.changes(), before);
    assert!(interrupted(&world).await.is_some(), "it is left to who has the lock");
}
