//! One command at a time works on a stack, and a saved plan is applied as it was or not at all.

use crate::{
    harness::{Command, World},
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

async fn running() -> World {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world
}

fn is_locked(error: &OperationError) -> bool {
    matches!(error, OperationError::Store(StoreError::Lock(LockError::Held { .. })))
}

#[tokio::test]
async fn a_lock_that_is_held_says_whose_it_is_and_keeps_others_out() {
    let world = running().await;
    let held = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    let locks = world.locks().await;
    assert_eq!(locks.len(), 1);
    assert!(locks[0].alive && locks[0].operation == "up" && locks[0].stack.as_str() == "shop", "{locks:?}");
    let refused = world.lock("shop", "down", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    held.release().await;
    assert!(world.locks().await.is_empty());
    world.lock("shop", "down", Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_command_waits_for_the_lock_and_goes_on_once_it_is_free() {
    let world = running().await;
    let held = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    let made = world.engine.changes().len();
    let (ended, ()) = join(world.run("shop", Command::up(CHANGED)), async {
        tokio::task::yield_now().await;
        assert_eq!(world.engine.changes().len(), made, "nothing is done while it waits");
        held.release().await;
    })
    .await;
    ended.unwrap();
    assert!(world.engine.changes().len() > made);
}

#[tokio::test]
async fn reading_and_planning_never_wait_for_a_lock() {
    let world = running().await;
    let _held = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    assert!(world.status("shop").await.lock.is_some());
    assert_eq!(world.history("shop").await.len(), 1);
}

#[tokio::test]
async fn the_lock_of_a_dead_process_is_free() {
    let mut world = running().await;
    world.killed_at((3, Moment::Before), "shop", Command::up(CHANGED)).await;
    assert!(world.locks().await.is_empty());
    world.lock("shop", "apply", Duration::ZERO).await.unwrap().release().await;
}

#[tokio::test]
async fn a_lock_that_is_held_is_only_released_by_force() {
    let world = running().await;
    let _held = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    let refused = world.release("shop", false).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    let released = world.release("shop", true).await.unwrap().unwrap();
    assert_eq!(released.operation, "up");
    world.lock("shop", "down", Duration::ZERO).await.unwrap().release().await;
    assert!(world.release("shop", true).await.unwrap().is_none(), "it is free");
}

#[tokio::test]
async fn who_lost_the_lock_makes_no_further_step_and_leaves_the_rest_to_who_has_it() {
    let world = running().await;
    let lost = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    world.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    world.release("shop", true).await.unwrap();
    let (before, made) = (world.objects().await, world.engine.changes());
    let stopped = world.apply_under(&lost, "shop").await.unwrap_err();
    assert!(
        matches!(&stopped, OperationError::Store(StoreError::Lock(LockError::Lost { .. })))
            || matches!(&stopped, OperationError::Apply(ApplyError::Failed(failure)) if matches!(failure.ending, Ending::LockLost)),
        "{stopped:?}"
    );
    assert_eq!(world.engine.changes(), made);
    assert_eq!(world.objects().await, before);
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_lock_that_is_lost_in_the_middle_of_an_apply_leaves_a_journal_from_which_the_next_command_ends_right()
 {
    for next in [Command::Resume, Command::Undo] {
        let world = running().await;
        let before = world.objects().await;
        // The third call goes on while another command takes the lock away.
        let reached = world.engine.break_at(3, devarch_testkit::memory::Effect::Hangs(Moment::After));
        {
            let at_work = world.run("shop", Command::up(CHANGED));
            tokio::pin!(at_work);
            tokio::select! {
                () = reached.notified() => {}
                ended = &mut at_work => panic!("{ended:?}"),
            }
            world.release("shop", true).await.unwrap();
        }
        world.engine.mend();
        assert!(world.is_interrupted("shop").await);
        let undone = matches!(next, Command::Undo);
        world.run("shop", next).await.unwrap();
        assert_eq!(world.objects().await.containers == before.containers, undone);
        world.run("shop", Command::apply()).await.unwrap();
        assert_eq!(world.plan("shop").await, None);
        assert!(world.locks().await.is_empty());
    }
}

#[tokio::test]
async fn a_saved_plan_is_applied_once_and_only_while_what_it_was_made_from_holds() {
    let world = running().await;
    world.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let (first, second) = (world.save_plan("shop", false).await, world.save_plan("shop", false).await);
    world.apply_plan(&first).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    let made = world.engine.changes();
    let again = world.apply_plan(&first).await.unwrap_err();
    assert!(
        matches!(again, OperationError::Conflict(Conflict::Outdated(Outdated::SavedPlan { .. }))),
        "{again:?}"
    );
    let stale = world.apply_plan(&second).await.unwrap_err();
    assert!(
        matches!(stale, OperationError::Conflict(Conflict::Outdated(Outdated::Plan { .. }))),
        "{stale:?}"
    );
    assert_eq!(world.engine.changes(), made);
}

#[tokio::test]
async fn a_saved_plan_is_refused_where_a_container_a_port_or_the_definition_is_another() {
    let changes: [fn(&World); 2] =
        [|world| world.engine.end("devarch-shop-web", 1), |world| world.engine.stick("devarch-shop-db")];
    for change in changes {
        let world = running().await;
        world.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
        let plan = world.save_plan("shop", false).await;
        change(&world);
        let made = world.engine.changes();
        let stale = world.apply_plan(&plan).await.unwrap_err();
        assert!(
            matches!(stale, OperationError::Conflict(Conflict::Outdated(Outdated::Plan { .. }))),
            "{stale:?}"
        );
        assert_eq!(world.engine.changes(), made);
    }
}

#[tokio::test]
async fn a_saved_plan_expires() {
    let world = running().await;
    world.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let plan = world.save_plan("shop", false).await;
    world.clock.advance(Duration::from_mins(16));
    let made = world.engine.changes();
    let refused = world.apply_plan(&plan).await.unwrap_err();
    assert!(
        matches!(refused, OperationError::Conflict(Conflict::Outdated(Outdated::SavedPlan { .. }))),
        "{refused:?}"
    );
    assert_eq!(world.engine.changes(), made);
}

#[tokio::test]
async fn a_lock_that_is_kept_for_a_plan_lets_only_that_plan_through() {
    let world = running().await;
    world.run("shop", Command::Set("db", "environment.MARK", "6")).await.unwrap();
    let plan = world.save_plan("shop", true).await;
    let locks = world.locks().await;
    assert!(!locks[0].alive && locks[0].plan.as_ref() == Some(&plan), "{locks:?}");
    let refused = world.lock("shop", "down", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    world.apply_plan(&plan).await.unwrap();
    assert!(world.locks().await.is_empty(), "it ends with the plan");
    world.save_plan("shop", true).await;
    assert!(world.release("shop", false).await.unwrap().is_some(), "no command is at work");
    world.lock("shop", "down", Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_failed_command_keeps_no_lock() {
    let world = running().await;
    world.engine.inject(Fault::refused(Call::CreateContainer, "db", Kind::DiskFull));
    world.run("shop", Command::up(CHANGED)).await.unwrap_err();
    assert!(world.locks().await.is_empty());
}

#[tokio::test]
async fn stacks_that_are_linked_are_locked_together() {
    let world = World::new().await;
    world.run("infra", Command::up(crate::stacks::LINKED)).await.unwrap();
    world.run("shop", Command::up(crate::stacks::LINKED)).await.unwrap();
    let held = world.lock("shop", "up", Duration::ZERO).await.unwrap();
    let locked: Vec<String> = world.locks().await.iter().map(|lock| lock.stack.to_string()).collect();
    assert_eq!(locked, ["infra", "shop"]);
    let refused = world.lock("infra", "up", Duration::ZERO).await.unwrap_err();
    assert!(is_locked(&refused), "{refused:?}");
    held.release().await;
    assert!(world.locks().await.is_empty());
}
