//! The contract of stack locks, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    id::{ApplyId, PlanId, StackId},
    stack::Stack,
};
use devarch_store::{Lease, LetGo, LockError, LockInfo, StackError, StackLock, Store, StoreError};
use sandbox::{
    Sandbox,
    samples::{apply, author, lock, owner, stack, stack_name},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

contract_tests!(
    a_lock_has_one_holder_at_a_time,
    each_stack_has_its_own_lock,
    a_wait_that_times_out_reports_the_holder_of_the_lock,
    a_waiting_process_gets_the_lock_when_it_is_free,
    a_lock_that_is_dropped_is_free,
    a_lock_released_by_force_is_lost_before_the_next_step,
    a_free_lock_is_not_released,
    a_lease_outlives_its_lock_and_admits_only_its_plan,
    a_lease_expires,
    a_lease_ends_when_its_plan_is_applied,
    an_unused_lease_can_be_released,
    reading_and_editing_do_not_wait_for_a_lock,
    a_deleted_stack_has_no_lock,
);

async fn shop(store: &Store) -> Stack {
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    shop
}

/// Tries once.
async fn attempt(store: &Store, stack: &StackId, with: Option<&PlanId>) -> Result<StackLock, StoreError> {
    store.lock(stack, &owner("bob"), Duration::ZERO, with, &|_| {}).await
}

#[track_caller]
fn holder(refused: Result<StackLock, StoreError>) -> LockInfo {
    match refused {
        Err(StoreError::Lock(LockError::Held { holder, .. })) => *holder,
        other => panic!("{other:?} does not say who holds the lock"),
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn a_lock_has_one_holder_at_a_time(sandbox: Sandbox) {
    static INSIDE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    let inside = &INSIDE[usize::from(sandbox.text.starts_with("sqlite:"))];
    let shop = shop(&sandbox.open().await).await;
    let lockers: Vec<_> = (0..6)
        .map(|locker| {
            let (sandbox, shop) = (sandbox.clone(), shop.id.clone());
            tokio::spawn(async move {
                let store = sandbox.open().await;
                for round in 0..5 {
                    let lock = lock(&store, &shop).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let apply = apply(&format!("{locker}-{round}"), &shop);
                    store.begin_apply(&lock, &apply).await.unwrap();
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    if round % 2 == 0 {
                        lock.release().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for locker in lockers {
        locker.await.unwrap();
    }
}

async fn each_stack_has_its_own_lock(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let other = stack("other", &["db"]);
    store.create_stack(&other).await.unwrap();
    let _shop = lock(&store, &shop.id).await;
    let _other = attempt(&store, &other.id, None).await.unwrap();
    let held = store.locks().await.unwrap();
    let names: Vec<&str> = held.iter().map(|held| held.name.as_str()).collect();
    assert_eq!(names, ["other", "shop"]);
    assert!(held.iter().all(|held| held.alive && held.lease.is_none()));
    assert_eq!(held[1].owner, owner("ann"));
}

async fn a_wait_that_times_out_reports_the_holder_of_the_lock(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let shop = shop(&store).await;
    let _lock = lock(&store, &shop.id).await;
    let notifications = AtomicUsize::new(0);
    let waiting = |held: &LockInfo| {
        assert_eq!(held.owner, owner("ann"));
        notifications.fetch_add(1, Ordering::SeqCst);
    };
    let patience = Duration::from_millis(300);
    let refused = other.lock(&shop.id, &owner("bob"), patience, None, &waiting).await.unwrap_err();
    assert_eq!(notifications.load(Ordering::SeqCst), 1);
    assert_eq!(
        refused.to_string(),
        "stack 'shop' is locked by `apply shop` of ann@laptop (process 4242) since 2023-11-14 22:13:20 UTC"
    );
    assert_eq!(
        refused.hint().unwrap(),
        "wait for it, longer with --lock-timeout, or release it with `devarch lock release shop --force`"
    );
    let held = holder(Err(refused));
    assert_eq!((held.owner, held.alive, held.stack), (owner("ann"), true, shop.id.clone()));
    assert!(holder(attempt(&store, &shop.id, None).await).alive, "also in the same program");
}

async fn a_waiting_process_gets_the_lock_when_it_is_free(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let shop = shop(&store).await;
    let held = std::sync::Mutex::new(Some(lock(&store, &shop.id).await));
    // Released when the other starts to wait.
    let waiting = |_: &LockInfo| drop(held.lock().unwrap().take());
    let patience = Duration::from_secs(30);
    let lock = other.lock(&shop.id, &owner("bob"), patience, None, &waiting).await.unwrap();
    assert_eq!(store.locks().await.unwrap()[0].owner, owner("bob"));
    lock.release().await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
}

async fn a_lock_that_is_dropped_is_free(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let first = lock(&store, &shop.id).await;
    let fence = first.fence();
    drop(first);
    let second = lock(&store, &shop.id).await;
    assert_eq!((second.fence(), second.stack()), (fence, &shop.id));
    // The previous holder does not clear the current one.
    let third = {
        drop(second);
        lock(&store, &shop.id).await
    };
    assert_eq!(store.locks().await.unwrap().len(), 1);
    third.release().await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
}

async fn a_lock_released_by_force_is_lost_before_the_next_step(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let shop = shop(&store).await;
    let old = lock(&store, &shop.id).await;
    let apply = apply("a", &shop.id);
    store.begin_apply(&old, &apply).await.unwrap();
    let bob = author("bob");
    let refused = other.release_lock(&shop.id, false, &bob).await.unwrap_err();
    assert!(matches!(refused, StoreError::Lock(LockError::Held { .. })));
    store.step_begun(&old, &apply.id, 0, 1).await.unwrap();

    let released = other.release_lock(&shop.id, true, &bob).await.unwrap().unwrap();
    assert_eq!((released.owner, released.alive), (owner("ann"), true));
    assert_eq!(store.locks().await.unwrap(), []);
    let lost = store.step_begun(&old, &apply.id, 1, 1).await.unwrap_err();
    assert!(matches!(&lost, StoreError::Lock(LockError::Lost { by: Some(by), .. }) if *by == bob));
    let expected =
        "the lock of stack 'shop' is lost: bob@laptop (process 4242) released it by force; nothing more";
    assert!(lost.to_string().starts_with(expected), "{lost}");
    let new = attempt(&other, &shop.id, None).await.unwrap();
    assert!(new.fence() > old.fence());
    let lost = store.step_ended(&old, &apply.id, 0, 2, None).await.unwrap_err();
    assert!(matches!(lost, StoreError::Lock(LockError::Lost { .. })));

    // Nor does the old one's end free the new one.
    old.release().await.unwrap();
    assert!(holder(attempt(&store, &shop.id, None).await).alive);
    other.step_ended(&new, &apply.id, 0, 2, None).await.unwrap();
    assert_eq!(store.apply_steps(&apply.id).await.unwrap().len(), 1);
}

async fn a_free_lock_is_not_released(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let release = async || store.release_lock(&shop.id, true, &author("bob")).await.unwrap();
    assert_eq!(release().await, None);
    lock(&store, &shop.id).await.release().await.unwrap();
    assert_eq!(release().await, None);
}

async fn a_lease_outlives_its_lock_and_admits_only_its_plan(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let shop = shop(&store).await;
    let lease = Lease { plan: PlanId::new("p"), until: now() + 3_600_000 };
    let planner = lock(&store, &shop.id).await;
    store.lease(&planner, &lease).await.unwrap();
    planner.release().await.unwrap();

    let held = holder(attempt(&other, &shop.id, None).await);
    assert_eq!((held.alive, held.owner, held.lease), (false, owner("ann"), Some(lease.clone())));
    let another = attempt(&other, &shop.id, Some(&PlanId::new("q"))).await;
    assert!(another.unwrap_err().to_string().contains("reserved for plan p until "));
    assert_eq!(store.locks().await.unwrap().len(), 1);

    let applier = attempt(&other, &shop.id, Some(&lease.plan)).await.unwrap();
    assert!(holder(attempt(&store, &shop.id, Some(&lease.plan)).await).alive);
    applier.release().await.unwrap();
    assert_eq!(holder(attempt(&store, &shop.id, None).await).lease, Some(lease));
}

async fn a_lease_expires(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let planner = lock(&store, &shop.id).await;
    let lease = Lease { plan: PlanId::new("p"), until: now() - 1 };
    store.lease(&planner, &lease).await.unwrap();
    planner.release().await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
    let lock = attempt(&store, &shop.id, None).await.unwrap();
    assert_eq!(store.locks().await.unwrap()[0].lease, None);
    drop(lock);
}

async fn a_lease_ends_when_its_plan_is_applied(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let plan = sandbox::samples::plan("p", &shop.id, now());
    store.save_plan(&plan).await.unwrap();
    let planner = lock(&store, &shop.id).await;
    store.lease(&planner, &Lease { plan: plan.id.clone(), until: plan.expires_at }).await.unwrap();
    drop(planner);
    let patience = Duration::from_secs(30);
    let applier = store.lock(&shop.id, &owner("bob"), patience, Some(&plan.id), &|_| {}).await.unwrap();
    let mut apply = apply("a", &shop.id);
    apply.plan = Some(plan.id.clone());
    store.begin_apply(&applier, &apply).await.unwrap();
    applier.release().await.unwrap();
    attempt(&store, &shop.id, None).await.unwrap();
}

async fn an_unused_lease_can_be_released(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let planner = lock(&store, &shop.id).await;
    let lease = Lease { plan: PlanId::new("p"), until: now() + 3_600_000 };
    store.lease(&planner, &lease).await.unwrap();
    let bob = author("bob");
    assert!(store.release_lock(&shop.id, false, &bob).await.is_err());
    planner.release().await.unwrap();
    let released = store.release_lock(&shop.id, false, &bob).await.unwrap().unwrap();
    assert_eq!(released.lease, Some(lease));
    attempt(&store, &shop.id, None).await.unwrap();
}

async fn reading_and_editing_do_not_wait_for_a_lock(sandbox: Sandbox) {
    let (store, other) = (sandbox.open().await, sandbox.open().await);
    let shop = shop(&store).await;
    let lock = lock(&store, &shop.id).await;
    store.begin_apply(&lock, &apply("a", &shop.id)).await.unwrap();
    assert_eq!(other.stacks().await.unwrap(), std::slice::from_ref(&shop));
    assert_eq!(other.unfinished_applies(&shop.id).await.unwrap().len(), 1);
    assert_eq!(other.locks().await.unwrap().len(), 1);
    let after = Stack { enabled: false, ..shop.clone() };
    assert_eq!(other.save_stack(&shop, &after, &LetGo::default()).await.unwrap(), 2);
    other.save_plan(&sandbox::samples::plan("p", &shop.id, now())).await.unwrap();
    store.step_begun(&lock, &devarch_core::id::ApplyId::new("a"), 0, 1).await.unwrap();
}

async fn a_deleted_stack_has_no_lock(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = shop(&store).await;
    let lock = lock(&store, &shop.id).await;
    let read = store.stack(&stack_name("shop")).await.unwrap().unwrap();
    store.delete_stack(&read, &LetGo::default()).await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
    let refused = store.begin_apply(&lock, &apply("a", &shop.id)).await;
    assert!(matches!(refused, Err(StoreError::Stack(StackError::Gone { .. }))));
    lock.release().await.unwrap();
    let refused = attempt(&store, &shop.id, None).await;
    assert!(matches!(refused, Err(StoreError::Stack(StackError::Gone { .. }))));
}

#[test]
fn lock_files_are_private_and_kept() {
    sandbox::on_sqlite(async |sandbox: Sandbox| {
        use std::os::unix::fs::PermissionsExt as _;
        let store = sandbox.open().await;
        let shop = shop(&store).await;
        lock(&store, &shop.id).await.release().await.unwrap();
        let database = std::path::Path::new(sandbox.text.strip_prefix("sqlite:").unwrap());
        let directory = database.parent().unwrap().join("locks");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join(format!("{}.1.lock", shop.id))), 0o600);
    });
}

#[test]
fn a_lock_whose_file_was_removed_is_lost_to_the_next_holder() {
    sandbox::on_sqlite(async |sandbox: Sandbox| {
        let (store, other) = (sandbox.open().await, sandbox.open().await);
        let shop = shop(&store).await;
        let old = lock(&store, &shop.id).await;
        let apply = apply("a", &shop.id);
        store.begin_apply(&old, &apply).await.unwrap();
        let database = std::path::Path::new(sandbox.text.strip_prefix("sqlite:").unwrap());
        std::fs::remove_dir_all(database.parent().unwrap().join("locks")).unwrap();
        let _new = lock(&other, &shop.id).await;
        let lost = store.step_begun(&old, &apply.id, 0, 1).await.unwrap_err();
        assert!(matches!(&lost, StoreError::Lock(LockError::Lost { by: None, .. })));
        old.release().await.unwrap();
        assert!(holder(attempt(&store, &shop.id, None).await).alive);
    });
}

/// Ends the sessions of this sandbox's database that hold a lock, like a restart of the server.
async fn end_sessions_with_locks(sandbox: &Sandbox) {
    let locked = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' \
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sandbox.execute(locked).await.unwrap();
}

/// The lock of a stack, whose session is ended as by a restart of the server.
async fn cut_off(sandbox: &Sandbox, store: &Store, stack: &StackId) -> StackLock {
    let lock = lock(store, stack).await;
    store.begin_apply(&lock, &apply("a", stack)).await.unwrap();
    end_sessions_with_locks(sandbox).await;
    while !store.locks().await.unwrap().is_empty() {}
    lock
}

#[test]
fn a_lock_whose_connection_was_cut_is_reacquired_on_postgres() {
    sandbox::on_postgres(async |sandbox: Sandbox| {
        let (store, other) = (sandbox.open().await, sandbox.open().await);
        let shop = shop(&store).await;
        let cut = cut_off(&sandbox, &store, &shop.id).await;
        let apply = ApplyId::new("a");
        let steps = (0..6).map(|at| store.step_begun(&cut, &apply, at, 1));
        for written in futures_util::future::join_all(steps).await {
            written.unwrap();
        }
        assert!(holder(attempt(&other, &shop.id, None).await).alive, "it keeps others out again");
        assert!(store.holds(&cut).await.unwrap());
        cut.release().await.unwrap();
        attempt(&other, &shop.id, None).await.unwrap();
    });
}

#[test]
fn a_lock_that_another_process_took_meanwhile_is_lost_on_postgres() {
    sandbox::on_postgres(async |sandbox: Sandbox| {
        let (store, other) = (sandbox.open().await, sandbox.open().await);
        let shop = shop(&store).await;
        let cut = cut_off(&sandbox, &store, &shop.id).await;
        let new = lock(&other, &shop.id).await;
        let is_lost = async || {
            let lost = store.step_begun(&cut, &ApplyId::new("a"), 0, 1).await.unwrap_err();
            assert!(matches!(&lost, StoreError::Lock(LockError::Lost { by: None, .. })), "{lost:?}");
            assert!(lost.to_string().contains("another command may hold it now"), "{lost}");
            assert!(matches!(store.holds(&cut).await, Err(StoreError::Lock(LockError::Lost { .. }))));
        };
        is_lost().await;
        assert!(holder(attempt(&store, &shop.id, None).await).alive, "the new one still has it");
        new.release().await.unwrap();
        is_lost().await;
        cut.release().await.unwrap();
    });
}

#[test]
fn a_lock_that_was_cut_off_has_one_holder_at_a_time_on_postgres() {
    sandbox::on_postgres(async |sandbox: Sandbox| {
        let store = sandbox.open().await;
        let shop = shop(&store).await;
        for _ in 0..10 {
            let cut = cut_off(&sandbox, &store, &shop.id).await;
            let apply = ApplyId::new("a");
            let other = sandbox.open().await;
            let (again, taken) =
                tokio::join!(store.step_begun(&cut, &apply, 0, 1), attempt(&other, &shop.id, None));
            assert_ne!(again.is_ok(), taken.is_ok(), "{again:?} {taken:?}");
            cut.release().await.unwrap();
            sandbox.execute("DELETE FROM applies").await.unwrap();
        }
    });
}

#[test]
fn locks_held_for_the_same_work_end_together_on_postgres() {
    sandbox::on_postgres(async |sandbox: Sandbox| {
        let (store, other) = (sandbox.open().await, sandbox.open().await);
        let (shop, infra) = (shop(&store).await, stack("infra", &["db"]));
        store.create_stack(&infra).await.unwrap();
        let both = lock(&store, &shop.id).await.with(vec![lock(&store, &infra.id).await]);
        let apply = apply("a", &shop.id);
        store.begin_apply(&both, &apply).await.unwrap();
        end_sessions_with_locks(&sandbox).await;
        while !store.locks().await.unwrap().is_empty() {}
        store.step_begun(&both, &apply.id, 0, 1).await.unwrap();
        assert_eq!(store.locks().await.unwrap().len(), 2, "both were taken again");
        other.release_lock(&infra.id, true, &author("bob")).await.unwrap();
        let lost = store.step_begun(&both, &apply.id, 1, 1).await.unwrap_err();
        assert!(
            matches!(&lost, StoreError::Lock(LockError::Lost { stack, .. }) if *stack == infra.name),
            "{lost}"
        );
        both.release().await.unwrap();
        assert_eq!(store.locks().await.unwrap(), []);
    });
}
