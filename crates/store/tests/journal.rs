//! The contract of plans and the journal, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    id::{ApplyId, PlanId, StackId},
    stack::Stack,
};
use devarch_store::{
    Apply, ApplyOutcome, JournalError, LetGo, StackError, StackLock, StepRecord, Store, StoreError,
};
use sandbox::{
    Sandbox,
    samples::{apply, lock, plan, stack},
};

contract_tests!(
    a_plan_is_read_as_it_was_saved,
    a_plan_that_expired_long_ago_is_deleted,
    a_plan_is_applied_once,
    a_plan_of_another_stack_is_not_applied,
    an_apply_is_read_as_it_was_written,
    steps_are_recorded_before_they_are_performed,
    an_interrupted_apply_is_unfinished_until_another_ends_it,
    old_applies_are_deleted_except_unfinished_ones,
    the_journal_of_one_stack_is_not_written_under_the_lock_of_another,
    a_deleted_stack_leaves_no_journal,
    hundreds_of_steps_are_journalled_concurrently,
);

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn locked(store: &Store, name: &str) -> (Stack, StackLock) {
    let stack = stack(name, &["db"]);
    store.create_stack(&stack).await.unwrap();
    let lock = lock(store, &stack.id).await;
    (stack, lock)
}

fn ids(applies: &[Apply]) -> Vec<&str> {
    applies.iter().map(|apply| apply.id.as_str()).collect()
}

async fn a_plan_is_read_as_it_was_saved(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    let saved = plan("p", &shop.id, 1_700_000_000_000);
    let refused = store.save_plan(&saved).await;
    assert!(matches!(refused, Err(StoreError::Stack(StackError::Gone { .. }))));
    store.create_stack(&shop).await.unwrap();
    store.save_plan(&saved).await.unwrap();
    assert_eq!(store.plan(&saved.id).await.unwrap(), Some(saved));
    assert_eq!(store.plan(&PlanId::new("q")).await.unwrap(), None);
}

async fn a_plan_that_expired_long_ago_is_deleted(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    let new = plan("new", &shop.id, 1_700_000_000_000);
    let mut old = plan("old", &shop.id, new.made_at - 8 * DAY);
    old.expires_at = new.made_at - 7 * DAY - 1;
    let mut recent = plan("recent", &shop.id, new.made_at - 8 * DAY);
    recent.expires_at = new.made_at - 7 * DAY;
    for plan in [&old, &recent] {
        store.save_plan(plan).await.unwrap();
    }
    assert!(store.plan(&old.id).await.unwrap().is_some());
    store.save_plan(&new).await.unwrap();
    assert_eq!(store.plan(&old.id).await.unwrap(), None);
    assert_eq!(store.plan(&recent.id).await.unwrap(), Some(recent));
    assert_eq!(sandbox.count("plans").await, 2);
}

async fn a_plan_is_applied_once(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    let saved = plan("p", &shop.id, 1);
    store.save_plan(&saved).await.unwrap();
    let with_plan = |id: &str| Apply { plan: Some(saved.id.clone()), ..apply(id, &shop.id) };
    store.begin_apply(&lock, &with_plan("first")).await.unwrap();
    let used = store.begin_apply(&lock, &with_plan("second")).await.unwrap_err();
    assert!(
        matches!(&used, StoreError::Journal(JournalError::PlanUsed { by, .. }) if by.as_str() == "first"),
        "{used}"
    );
    assert!(used.to_string().contains("plan p was applied already, by apply first"));
    assert_eq!(ids(&store.applies(&shop.id, 10).await.unwrap()), ["first"]);
    let known = store.plan(&saved.id).await.unwrap().unwrap();
    assert_eq!(known.applied_by, Some(ApplyId::new("first")));
}

async fn a_plan_of_another_stack_is_not_applied(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    let (other, _) = locked(&store, "other").await;
    store.save_plan(&plan("p", &other.id, 1)).await.unwrap();
    for id in ["p", "none"] {
        let apply = Apply { plan: Some(PlanId::new(id)), ..apply("a", &shop.id) };
        let refused = store.begin_apply(&lock, &apply).await;
        assert!(matches!(refused, Err(StoreError::Journal(JournalError::NoPlan { .. }))));
    }
    assert_eq!(store.plan(&PlanId::new("p")).await.unwrap().unwrap().applied_by, None);
    assert_eq!(sandbox.count("applies").await, 0);
}

async fn an_apply_is_read_as_it_was_written(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    let mut written = apply("a", &shop.id);
    written.resumes = Some(ApplyId::new("earlier"));
    store.begin_apply(&lock, &written).await.unwrap();
    assert_eq!(store.apply(&written.id).await.unwrap(), Some(written.clone()));
    assert!(!format!("{written:?}").contains("s3cret"));

    store.commit_apply(&lock, &written.id, 7).await.unwrap();
    for outcome in [
        ApplyOutcome::Succeeded,
        ApplyOutcome::RolledBack,
        ApplyOutcome::Failed,
        ApplyOutcome::Resumed,
        ApplyOutcome::Undone,
    ] {
        store.end_apply(&lock, &written.id, outcome, 9, Some("no space")).await.unwrap();
        let expected = Apply {
            committed_at: Some(7),
            ended_at: Some(9),
            outcome,
            error: Some("no space".to_owned()),
            ..written.clone()
        };
        assert_eq!(store.apply(&written.id).await.unwrap(), Some(expected));
    }
    assert_eq!(store.apply(&ApplyId::new("none")).await.unwrap(), None);
}

async fn steps_are_recorded_before_they_are_performed(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let (shop, lock) = locked(&store, "shop").await;
    let apply = apply("a", &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    let begun = |at, begun_at| StepRecord { at, begun_at, ended_at: None, error: None };
    store.step_begun(&lock, &apply.id, 10, 1).await.unwrap();
    store.step_begun(&lock, &apply.id, 2, 2).await.unwrap();
    assert_eq!(other.apply_steps(&apply.id).await.unwrap(), [begun(2, 2), begun(10, 1)]);

    store.step_ended(&lock, &apply.id, 2, 3, Some("no")).await.unwrap();
    let failed = StepRecord { ended_at: Some(3), error: Some("no".to_owned()), ..begun(2, 2) };
    assert_eq!(other.apply_steps(&apply.id).await.unwrap(), [failed, begun(10, 1)]);
    // Repeated.
    store.step_begun(&lock, &apply.id, 2, 4).await.unwrap();
    assert_eq!(other.apply_steps(&apply.id).await.unwrap(), [begun(2, 4), begun(10, 1)]);

    let never_begun = store.step_ended(&lock, &apply.id, 3, 3, None).await;
    assert!(matches!(never_begun, Err(StoreError::Journal(JournalError::NotJournalled { .. }))));
}

async fn an_interrupted_apply_is_unfinished_until_another_ends_it(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, first) = locked(&store, "shop").await;
    let interrupted = apply("one", &shop.id);
    store.begin_apply(&first, &interrupted).await.unwrap();
    drop(first);
    assert_eq!(ids(&store.unfinished_applies(&shop.id).await.unwrap()), ["one"]);

    let second = lock(&store, &shop.id).await;
    // Started on a machine whose clock is behind.
    let resumed = Apply { resumes: Some(interrupted.id.clone()), started_at: 5, ..apply("two", &shop.id) };
    store.begin_apply(&second, &resumed).await.unwrap();
    assert_eq!(ids(&store.unfinished_applies(&shop.id).await.unwrap()), ["one", "two"]);
    store.end_apply(&second, &interrupted.id, ApplyOutcome::Resumed, 6, None).await.unwrap();
    assert_eq!(ids(&store.unfinished_applies(&shop.id).await.unwrap()), ["two"]);
    assert_eq!(ids(&store.applies(&shop.id, 10).await.unwrap()), ["two", "one"]);
    assert_eq!(ids(&store.applies(&shop.id, 1).await.unwrap()), ["two"]);
}

async fn old_applies_are_deleted_except_unfinished_ones(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    for number in 0..205 {
        let apply = apply(&number.to_string(), &shop.id);
        store.begin_apply(&lock, &apply).await.unwrap();
        store.step_begun(&lock, &apply.id, 0, 1).await.unwrap();
        if number != 1 {
            store.end_apply(&lock, &apply.id, ApplyOutcome::Succeeded, 2, None).await.unwrap();
        }
    }
    let kept = store.applies(&shop.id, 1000).await.unwrap();
    let mut expected: Vec<String> = (5..205).rev().map(|number| number.to_string()).collect();
    expected.push("1".to_owned());
    assert_eq!(ids(&kept), expected);
    assert_eq!(sandbox.count("apply_steps").await, 201);
}

async fn the_journal_of_one_stack_is_not_written_under_the_lock_of_another(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    let (_, others) = locked(&store, "other").await;
    let apply = apply("a", &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    store.step_begun(&lock, &apply.id, 0, 1).await.unwrap();
    let id = &apply.id;
    for refused in [
        store.begin_apply(&others, &sandbox::samples::apply("b", &shop.id)).await,
        store.step_begun(&others, id, 0, 2).await,
        store.step_ended(&others, id, 0, 2, None).await,
        store.commit_apply(&others, id, 2).await,
        store.end_apply(&others, id, ApplyOutcome::Succeeded, 2, None).await,
    ] {
        assert!(
            matches!(refused, Err(StoreError::Journal(JournalError::NotJournalled { .. }))),
            "{refused:?}"
        );
    }
    assert_eq!(ids(&store.applies(&shop.id, 10).await.unwrap()), ["a"]);
    assert_eq!(store.apply(id).await.unwrap(), Some(apply.clone()));
    assert_eq!(store.apply_steps(id).await.unwrap()[0].begun_at, 1);
}

async fn a_deleted_stack_leaves_no_journal(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    store.save_plan(&plan("p", &shop.id, 1)).await.unwrap();
    let apply = apply("a", &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    store.step_begun(&lock, &apply.id, 0, 1).await.unwrap();
    store.delete_stack(&shop, &LetGo::default()).await.unwrap();
    for table in ["plans", "applies", "apply_steps", "locks"] {
        assert_eq!(sandbox.count(table).await, 0, "{table}");
    }
}

async fn hundreds_of_steps_are_journalled_concurrently(sandbox: Sandbox) {
    const STEPS: u32 = 300;
    let store = sandbox.open().await;
    let (shop, lock) = locked(&store, "shop").await;
    let apply = apply("a", &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    let step = async |at: u32| {
        store.step_begun(&lock, &apply.id, at, 1).await.unwrap();
        store.step_ended(&lock, &apply.id, at, 2, None).await.unwrap();
    };
    futures_util::future::join_all((0..STEPS).map(step)).await;
    let steps = store.apply_steps(&apply.id).await.unwrap();
    assert_eq!(steps.len(), STEPS as usize);
    assert!(steps.iter().all(|step| step.ended_at == Some(2)));
}

/// Checked by the compiler: a lock is shared with an apply wherever its steps run.
#[expect(dead_code, reason = "it is compiled, not run")]
fn a_lock_can_be_shared_by_parallel_steps(lock: StackLock) -> impl Send + Sync + 'static {
    fn stack(lock: &StackLock) -> &StackId {
        lock.stack()
    }
    let _ = stack(&lock);
    lock
}
