//! Locks and saved plans: one command at a time changes a stack, and a saved plan is applied exactly as saved or not
//! at all.

use crate::{
    harness::{Command, Sandbox},
    stacks::{CHANGED, SHOP},
};
use devarch_app::{ApplyError, Conflict, Ending, OperationError, Outdated};
use devarch_engine::EngineErrorKind as Kind;
use devarch_store::{LockError, StoreError};
use devarch_testkit::{
    memory::{Call, Fault},
    proxy::Moment,
};
use futures_util::future::join;
use std::time::Duration;

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox
}

fn is_locked(error: &OperationError) -> bool {
    matches!(error, OperationError::Store(StoreError::Lock(LockError::Held { .. })))
}

#[tokio::test]
async fn a_held_lock_names_its_holder_and_excludes_others() {
    let sandbox = running().await;
    let held = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    let locks = sandbox.locks().await;
    assert_eq!(locks.len(), 1);
    assert!(locks[0].alive && locks[0].operation == "up" && locks[0].stack.as_str() == "shop", "{locks:?}");
    let refused = sandbox.lock("shop", "down", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    held.release().await;
    assert!(sandbox.locks().await.is_empty());
    sandbox.lock("shop", "down", Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_command_waits_for_the_lock_and_continues_once_it_is_free() {
    let sandbox = running().await;
    let held = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    let made = sandbox.engine.changes().len();
    let (ended, ()) = join(sandbox.run("shop", Command::up(CHANGED)), async {
        tokio::task::yield_now().await;
        assert_eq!(sandbox.engine.changes().len(), made, "nothing is done while it waits");
        held.release().await;
    })
    .await;
    ended.unwrap();
    assert!(sandbox.engine.changes().len() > made);
}

#[tokio::test]
async fn reading_and_planning_never_wait_for_a_lock() {
    let sandbox = running().await;
    let _held = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(sandbox.status("shop").await.lock.is_some());
    assert_eq!(sandbox.history("shop").await.len(), 1);
}

#[tokio::test]
async fn the_lock_of_a_dead_process_is_free() {
    let mut sandbox = running().await;
    sandbox.killed_at((3, Moment::Before), "shop", Command::up(CHANGED)).await;
    assert!(sandbox.locks().await.is_empty());
    sandbox.lock("shop", "apply", Duration::ZERO).await.unwrap().release().await;
}

#[tokio::test]
async fn a_held_lock_is_released_only_by_force() {
    let sandbox = running().await;
    let _held = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    let refused = sandbox.release("shop", false).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    let released = sandbox.release("shop", true).await.unwrap().unwrap();
    assert_eq!(released.operation, "up");
    sandbox.lock("shop", "down", Duration::ZERO).await.unwrap().release().await;
    assert!(sandbox.release("shop", true).await.unwrap().is_none(), "it is free");
}

#[tokio::test]
async fn a_command_that_lost_its_lock_executes_no_further_step() {
    let sandbox = running().await;
    let lost = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    sandbox.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    sandbox.release("shop", true).await.unwrap();
    let (before, made) = (sandbox.objects().await, sandbox.engine.changes());
    let stopped = sandbox.apply_under(&lost, "shop").await.unwrap_err();
    assert!(
        matches!(&stopped, OperationError::Store(StoreError::Lock(LockError::Lost { .. })))
            || matches!(&stopped, OperationError::Apply(ApplyError::Failed(failure)) if matches!(failure.ending, Ending::LockLost)),
        "{stopped:?}"
    );
    assert_eq!(sandbox.engine.changes(), made);
    assert_eq!(sandbox.objects().await, before);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_lock_lost_during_an_apply_leaves_a_journal_from_which_the_next_command_succeeds() {
    for next in [Command::Resume, Command::Undo] {
        let sandbox = running().await;
        let before = sandbox.objects().await;
        // The third call is still running when another command takes the lock.
        let reached = sandbox.engine.break_at(3, devarch_testkit::memory::Effect::Hangs(Moment::After));
        {
            let at_work = sandbox.run("shop", Command::up(CHANGED));
            tokio::pin!(at_work);
            tokio::select! {
                () = reached.notified() => {}
                ended = &mut at_work => panic!("{ended:?}"),
            }
            sandbox.release("shop", true).await.unwrap();
        }
        sandbox.engine.mend();
        assert!(sandbox.is_interrupted("shop").await);
        let undone = matches!(next, Command::Undo);
        sandbox.run("shop", next).await.unwrap();
        assert_eq!(sandbox.objects().await.containers == before.containers, undone);
        sandbox.run("shop", Command::apply()).await.unwrap();
        assert_eq!(sandbox.plan("shop").await, None);
        assert!(sandbox.locks().await.is_empty());
    }
}

#[tokio::test]
async fn a_saved_plan_is_applied_once_and_only_while_its_assumptions_hold() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let (first, second) = (sandbox.save_plan("shop", false).await, sandbox.save_plan("shop", false).await);
    sandbox.apply_plan(&first).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    let made = sandbox.engine.changes();
    let again = sandbox.apply_plan(&first).await.unwrap_err();
    assert!(
        matches!(again, OperationError::Conflict(Conflict::Outdated(Outdated::SavedPlan { .. }))),
        "{again:?}"
    );
    let stale = sandbox.apply_plan(&second).await.unwrap_err();
    assert!(
        matches!(stale, OperationError::Conflict(Conflict::Outdated(Outdated::Plan { .. }))),
        "{stale:?}"
    );
    assert_eq!(sandbox.engine.changes(), made);
}

#[tokio::test]
async fn a_saved_plan_is_refused_after_a_change_of_container_port_or_definition() {
    let changes: [fn(&Sandbox); 2] = [
        |sandbox| sandbox.engine.end("devarch-shop-web", 1),
        |sandbox| sandbox.engine.stick("devarch-shop-db"),
    ];
    for change in changes {
        let sandbox = running().await;
        sandbox.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
        let plan = sandbox.save_plan("shop", false).await;
        change(&sandbox);
        let made = sandbox.engine.changes();
        let stale = sandbox.apply_plan(&plan).await.unwrap_err();
        assert!(
            matches!(stale, OperationError::Conflict(Conflict::Outdated(Outdated::Plan { .. }))),
            "{stale:?}"
        );
        assert_eq!(sandbox.engine.changes(), made);
    }
}

#[tokio::test]
async fn a_saved_plan_expires() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let plan = sandbox.save_plan("shop", false).await;
    sandbox.clock.advance(Duration::from_mins(16));
    let made = sandbox.engine.changes();
    let refused = sandbox.apply_plan(&plan).await.unwrap_err();
    assert!(
        matches!(refused, OperationError::Conflict(Conflict::Outdated(Outdated::SavedPlan { .. }))),
        "{refused:?}"
    );
    assert_eq!(sandbox.engine.changes(), made);
}

#[tokio::test]
async fn a_lock_kept_for_a_plan_admits_only_that_plan() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let plan = sandbox.save_plan("shop", true).await;
    let locks = sandbox.locks().await;
    assert!(!locks[0].alive && locks[0].plan.as_ref() == Some(&plan), "{locks:?}");
    let refused = sandbox.lock("shop", "down", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    sandbox.apply_plan(&plan).await.unwrap();
    assert!(sandbox.locks().await.is_empty(), "it ends with the plan");
    sandbox.save_plan("shop", true).await;
    assert!(sandbox.release("shop", false).await.unwrap().is_some(), "no command is at work");
    sandbox.lock("shop", "down", Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_failed_command_keeps_no_lock() {
    let sandbox = running().await;
    sandbox.engine.inject(Fault::refused(Call::CreateContainer, "db", Kind::DiskFull));
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert!(sandbox.locks().await.is_empty());
}

#[tokio::test]
async fn linked_stacks_are_locked_together() {
    let sandbox = Sandbox::new().await;
    sandbox.run("infra", Command::up(crate::stacks::LINKED)).await.unwrap();
    sandbox.run("shop", Command::up(crate::stacks::LINKED)).await.unwrap();
    let held = sandbox.lock("shop", "up", Duration::ZERO).await.unwrap();
    let locked: Vec<String> = sandbox.locks().await.iter().map(|lock| lock.stack.to_string()).collect();
    assert_eq!(locked, ["infra", "shop"]);
    let refused = sandbox.lock("infra", "up", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    held.release().await;
    assert!(sandbox.locks().await.is_empty());
}
