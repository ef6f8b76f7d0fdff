//! The contract of recorded objects, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    id::{ApplyId, EngineId, StackId},
    ownership::{CreatedObject, Listed, ObjectKind, Owner},
    spec::label,
};
use devarch_store::{LetGo, Settlement, StepMark, Store};
use sandbox::{
    Sandbox,
    samples::{apply, lock, stack},
};
use std::collections::BTreeMap;

contract_tests!(
    an_object_is_recorded_before_it_is_created_and_identified_by_its_id_afterwards,
    a_recreated_volume_belongs_to_the_later_apply,
    objects_are_recorded_beyond_their_stack_until_they_are_seen_removed,
    stacks_applied_before_ids_were_recorded_are_migrated_once,
    objects_of_another_engine_are_not_judged,
);

const WHEN: i64 = 1_700_000_000_000;

fn engine() -> EngineId {
    EngineId::new("engine-1")
}

fn object(kind: ObjectKind, apply: &ApplyId, stack: &StackId, id: Option<&str>) -> CreatedObject {
    CreatedObject {
        kind,
        name: "devarch-shop-db".to_owned(),
        id: id.map(str::to_owned),
        stack: stack.clone(),
        instance: None,
        apply: apply.clone(),
        hash: "1:aa".to_owned(),
    }
}

async fn labels(store: &Store, stack: &StackId, apply: &str) -> BTreeMap<String, String> {
    let own = store.identity().await.unwrap().id.to_string();
    let labels = [
        (label::STORE_ID, own.as_str()),
        (label::STACK_ID, stack.as_str()),
        (label::APPLY_ID, apply),
        (label::CONFIG_HASH, "1:aa"),
    ];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

async fn owner(store: &Store, listed: Listed<'_>) -> Owner {
    store.ownership(Some(&engine())).await.unwrap().owner(listed)
}

async fn an_object_is_recorded_before_it_is_created_and_identified_by_its_id_afterwards(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    let lock = lock(&store, &shop.id).await;
    let apply = apply("one", &shop.id);
    store.begin_apply(&lock, &apply).await.unwrap();
    let labels = labels(&store, &shop.id, "one").await;
    let listed = |id, name| Listed { kind: ObjectKind::Container, id, name, labels: &labels };
    assert_eq!(owner(&store, listed("c1", "devarch-shop-db")).await, Owner::Unremembered);

    let mark = StepMark { apply: &apply.id, at: 0, when: WHEN };
    let begun = object(ObjectKind::Container, &apply.id, &shop.id, None);
    store.creation_begun(&lock, mark, &engine(), &begun).await.unwrap();
    let ours = Owner::Stack { stack: shop.id.clone(), apply: Some(apply.id.clone()) };
    assert_eq!(owner(&store, listed("c1", "devarch-shop-db")).await, ours);
    assert_eq!(owner(&store, listed("c1", "my-own")).await, Owner::Unremembered);

    let created = object(ObjectKind::Container, &apply.id, &shop.id, Some("c1"));
    store.creation_ended(&lock, mark, &engine(), &created).await.unwrap();
    assert_eq!(owner(&store, listed("c1", "renamed-by-hand")).await, ours);
    assert_eq!(owner(&store, listed("c2", "devarch-shop-db")).await, Owner::Unremembered);
    assert_eq!(sandbox.count("objects").await, 1);
}

async fn a_recreated_volume_belongs_to_the_later_apply(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    let lock = lock(&store, &shop.id).await;
    for name in ["one", "two"] {
        let apply = apply(name, &shop.id);
        store.begin_apply(&lock, &apply).await.unwrap();
        let mark = StepMark { apply: &apply.id, at: 0, when: WHEN };
        let id = Some("devarch-shop-db");
        let begun = object(ObjectKind::Volume, &apply.id, &shop.id, None);
        store.creation_begun(&lock, mark, &engine(), &begun).await.unwrap();
        let created = object(ObjectKind::Volume, &apply.id, &shop.id, id);
        store.creation_ended(&lock, mark, &engine(), &created).await.unwrap();
    }
    assert_eq!(sandbox.count("objects").await, 1);
    let labels = labels(&store, &shop.id, "two").await;
    let apply = Some(ApplyId::new("two"));
    let volume = Listed::volume("devarch-shop-db", &labels);
    assert_eq!(owner(&store, volume).await, Owner::Stack { stack: shop.id, apply });
}

async fn objects_are_recorded_beyond_their_stack_until_they_are_seen_removed(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (shop, other) = (stack("shop", &["db"]), stack("other", &["web"]));
    for stack in [&shop, &other] {
        store.create_stack(stack).await.unwrap();
    }
    let held = lock(&store, &shop.id).await;
    let apply = apply("one", &shop.id);
    store.begin_apply(&held, &apply).await.unwrap();
    let mark = StepMark { apply: &apply.id, at: 0, when: WHEN };
    let created = object(ObjectKind::Container, &apply.id, &shop.id, Some("c1"));
    store.creation_ended(&held, mark, &engine(), &created).await.unwrap_err();
    store
        .creation_begun(&held, mark, &engine(), &object(ObjectKind::Container, &apply.id, &shop.id, None))
        .await
        .unwrap();
    store.creation_ended(&held, mark, &engine(), &created).await.unwrap();
    held.release().await.unwrap();
    let shop_now = store.stack(&shop.name).await.unwrap().unwrap();
    store.delete_stack(&shop_now, &LetGo::default()).await.unwrap();
    let ownership = store.ownership(Some(&engine())).await.unwrap();
    assert_eq!(ownership.of_stack(&shop.id).count(), 1);
    assert_eq!(ownership.stack_name(&shop.id), None);

    let held = lock(&store, &other.id).await;
    let settlement = Settlement { gone: vec![created], ..Settlement::default() };
    store.settle_objects(&held, &engine(), &settlement).await.unwrap();
    assert_eq!(sandbox.count("objects").await, 0);
}

async fn stacks_applied_before_ids_were_recorded_are_migrated_once(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    sandbox.execute("UPDATE stacks SET engine_id = 'engine-1', unrecorded = (1 = 1)").await.unwrap();
    assert!(store.ownership(Some(&engine())).await.unwrap().is_unrecorded(&shop.id));
    let held = lock(&store, &shop.id).await;
    let found = vec![object(ObjectKind::Container, &ApplyId::new("old"), &shop.id, Some("c1"))];
    let settlement = Settlement { found, void_before: WHEN, ..Settlement::default() };
    store.settle_objects(&held, &engine(), &settlement).await.unwrap();
    let ownership = store.ownership(Some(&engine())).await.unwrap();
    assert!(!ownership.is_unrecorded(&shop.id));
    let none = BTreeMap::new();
    let listed = Listed { kind: ObjectKind::Container, id: "c1", name: "whatever", labels: &none };
    assert!(ownership.is_of(&shop.id, listed));
}

async fn objects_of_another_engine_are_not_judged(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let shop = stack("shop", &["db"]);
    store.create_stack(&shop).await.unwrap();
    let held = lock(&store, &shop.id).await;
    let found = vec![object(ObjectKind::Container, &ApplyId::new("one"), &shop.id, Some("c1"))];
    let settlement = Settlement { found, ..Settlement::default() };
    store.settle_objects(&held, &engine(), &settlement).await.unwrap();
    let elsewhere = store.ownership(Some(&EngineId::new("engine-2"))).await.unwrap();
    assert_eq!(elsewhere.of_stack(&shop.id).count(), 0);
    assert_eq!(store.ownership(None).await.unwrap().of_stack(&shop.id).count(), 0);
}
