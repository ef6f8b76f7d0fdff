//! The contract of the store, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    kept::KeptValues,
    name::InstanceName,
    plan::SpecState,
    stack::{Instance, Stack},
};
use devarch_store::{Applied, LetGo, StackError, Store, StoreError, TakenWhat};
use sandbox::{
    Sandbox,
    samples::{
        add, applied, at, engine, get, kept_values, named, pinned, rename, rich, stack, stack_name, tcp,
        volume,
    },
};
use std::{collections::BTreeMap, sync::Arc};

contract_tests!(
    the_identity_is_created_once,
    a_created_stack_is_loaded_unchanged,
    a_chain_of_edits_equals_one_creation,
    an_edit_that_changes_nothing_writes_nothing,
    an_edit_of_an_older_revision_is_refused,
    one_of_two_concurrent_edits_is_refused,
    a_deleted_stack_cannot_be_edited,
    a_stack_name_is_used_once,
    two_names_that_look_alike_are_rejected_and_the_first_is_named,
    a_rename_into_anothers_container_name_is_refused,
    a_physical_volume_has_one_owner,
    a_host_port_has_one_owner,
    a_wildcard_address_and_a_specific_one_cannot_share_a_port,
    each_host_has_its_own_ports,
    host_ports_name_their_owners,
    subnets_do_not_overlap_on_one_host,
    a_refused_edit_leaves_nothing,
    rename_keeps_ids_ports_and_volumes,
    instances_can_swap_names_slots_and_ports,
    binding_to_an_engine_is_not_an_edit,
    binding_leaves_what_is_not_given_and_an_edit_can_clear_it,
    volumes_kept_on_the_engine_are_recorded,
    a_volume_that_never_reached_an_engine_is_not_kept,
    values_are_kept_and_deleted_with_their_volume,
    an_unused_template_body_is_deleted_and_a_used_one_is_shared,
    applied_outlives_its_instance,
    the_recipe_of_each_container_is_kept_until_one_is_left,
    nothing_can_be_applied_to_a_deleted_stack,
    eight_writers_do_not_see_database_is_locked,
);

async fn load(store: &Store, name: &str) -> Stack {
    store.stack(&stack_name(name)).await.unwrap().unwrap()
}

#[track_caller]
fn assert_taken(error: &StoreError, expected: TakenWhat, value: &str, owner: &str) {
    let StoreError::Stack(StackError::Taken { what, value: found, owner: by }) = error else {
        panic!("{error:?} is not about something taken");
    };
    assert_eq!((*what, found.as_str(), by.as_deref()), (expected, value, Some(owner)));
}

/// The edit from what is stored to the result of `change`.
async fn edit(store: &Store, name: &str, change: impl FnOnce(&mut Stack)) -> Result<i64, StoreError> {
    let before = load(store, name).await;
    let mut after = before.clone();
    change(&mut after);
    store.save_stack(&before, &after, &LetGo::default()).await
}

async fn the_identity_is_created_once(sandbox: Sandbox) {
    let (first, second) = tokio::join!(sandbox.open(), sandbox.open());
    let identity = first.identity().await.unwrap();
    assert_eq!(identity, second.identity().await.unwrap());
    assert_eq!(identity, sandbox.open().await.identity().await.unwrap());
    assert_ne!(**identity.hash_key.as_ref().unwrap(), [0; 32]);
    let printed = format!("{identity:?}");
    assert!(printed.contains(identity.id.as_str()) && !printed.contains("hash_key"));
}

async fn a_created_stack_is_loaded_unchanged(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let (rich, small) = (rich(), stack("a", &["b"]));
    store.create_stack(&rich).await.unwrap();
    store.create_stack(&small).await.unwrap();
    assert_eq!(load(&store, "shop").await, rich);
    assert_eq!(store.stacks().await.unwrap(), [small, rich.clone()]);
    let names = store.stack_names().await.unwrap();
    assert_eq!(names, [stack_name("a"), stack_name("shop")]);
    assert_eq!(store.stack(&stack_name("none")).await.unwrap(), None);
    let project = rich.project.as_deref().unwrap();
    assert_eq!(store.stack_names_in(project).await.unwrap(), [stack_name("shop")]);
    assert_eq!(store.stack_names_in("elsewhere").await.unwrap(), []);
}

type Step<'a> = Box<dyn FnOnce(&mut Stack) + 'a>;

async fn a_chain_of_edits_equals_one_creation(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let mut goal = rich();
    let mut first = stack("first", &["web", "extra"]);
    first.id = goal.id.clone();
    store.create_stack(&first).await.unwrap();

    let instance = |name: &str| -> (InstanceName, Instance) {
        let name: InstanceName = named(name);
        let instance = goal.instances[&name].clone();
        (name, instance)
    };
    let steps: [Step<'_>; 5] = [
        Box::new(|stack| stack.name = goal.name.clone()),
        Box::new(|stack| stack.instances = BTreeMap::from([instance("db"), instance("web")])),
        Box::new(|stack| {
            let web = get(stack, "web");
            web.overrides = devarch_core::template::Overrides::default();
            web.ports.insert(tcp(80), at("127.0.0.1", 20077));
        }),
        Box::new(|stack| {
            stack.instances.extend([instance("worker"), instance("web")]);
        }),
        Box::new(|stack| *stack = Stack { revision: stack.revision, ..goal.clone() }),
    ];
    for (name, step) in ["first", "shop", "shop", "shop", "shop"].into_iter().zip(steps) {
        edit(&store, name, step).await.unwrap();
    }
    goal.revision = 6;
    assert_eq!(load(&store, "shop").await, goal);
}

async fn an_edit_that_changes_nothing_writes_nothing(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    assert_eq!(edit(&store, "shop", |_| {}).await.unwrap(), 1);
    assert_eq!(load(&store, "shop").await.revision, 1);
}

async fn an_edit_of_an_older_revision_is_refused(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("shop", &["db"])).await.unwrap();
    let old = load(&store, "shop").await;
    assert_eq!(edit(&store, "shop", |stack| stack.enabled = false).await.unwrap(), 2);

    let mut late = old.clone();
    add(&mut late, "late", None);
    let refused = store.save_stack(&old, &late, &LetGo::default()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Stack(StackError::Changed { stack }) if stack.as_str() == "shop"));
    assert!(matches!(
        store.delete_stack(&old, &LetGo::default()).await,
        Err(StoreError::Stack(StackError::Changed { .. }))
    ));
    let now = load(&store, "shop").await;
    assert_eq!((now.instances.len(), now.enabled, now.revision), (1, false, 2));
}

async fn one_of_two_concurrent_edits_is_refused(sandbox: Sandbox) {
    let (one, other) = (sandbox.open().await, sandbox.open().await);
    one.create_stack(&stack("shop", &["db"])).await.unwrap();
    for _ in 0..10 {
        let before = load(&one, "shop").await;
        let mut after = before.clone();
        after.enabled = !before.enabled;
        let let_go = LetGo::default();
        let both = tokio::join!(
            one.save_stack(&before, &after, &let_go),
            other.save_stack(&before, &after, &let_go)
        );
        assert!(both.0.is_ok() != both.1.is_ok(), "{both:?}");
        assert_eq!(load(&one, "shop").await.revision, before.revision + 1);
    }
}

async fn a_deleted_stack_cannot_be_edited(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    let before = load(&store, "shop").await;
    store.delete_stack(&before, &LetGo::default()).await.unwrap();
    assert_eq!(store.stacks().await.unwrap(), []);
    assert_eq!(store.host_ports().await.unwrap(), []);
    let after = Stack { enabled: false, ..before.clone() };
    let refused = store.save_stack(&before, &after, &LetGo::default()).await;
    assert!(matches!(refused, Err(StoreError::Stack(StackError::Changed { .. }))));
    let bound = store.bind_stack(&before.id, Some(&engine("e")), None).await;
    assert!(matches!(bound, Err(StoreError::Stack(StackError::Gone { .. }))));
}

async fn a_stack_name_is_used_once(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("shop", &[])).await.unwrap();
    store.create_stack(&stack("other", &[])).await.unwrap();
    let owner = "the stack made from /home/me/shop";
    let refused = store.create_stack(&stack("shop", &[])).await.unwrap_err();
    assert_taken(&refused, TakenWhat::StackName, "shop", owner);
    let renamed = edit(&store, "other", |stack| stack.name = named("shop")).await;
    assert_taken(&renamed.unwrap_err(), TakenWhat::StackName, "shop", owner);
}

async fn two_names_that_look_alike_are_rejected_and_the_first_is_named(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("a-b", &["c"])).await.unwrap();
    let refused = store.create_stack(&stack("a", &["b-c"])).await.unwrap_err();
    let owner = "instance 'c' of stack 'a-b'";
    assert_taken(&refused, TakenWhat::ContainerName, "devarch-a-b-c", owner);
    assert_eq!(
        refused.to_string(),
        "container name devarch-a-b-c is already taken by instance 'c' of stack 'a-b'"
    );
}

async fn a_rename_into_anothers_container_name_is_refused(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("a-b", &["c"])).await.unwrap();
    store.create_stack(&stack("a", &["x"])).await.unwrap();
    let owner = "instance 'c' of stack 'a-b'";
    let instance = edit(&store, "a", |stack| rename(stack, "x", "b-c")).await;
    assert_taken(&instance.unwrap_err(), TakenWhat::ContainerName, "devarch-a-b-c", owner);

    store.create_stack(&stack("y", &["b-c"])).await.unwrap();
    edit(&store, "a", |stack| stack.name = named("z")).await.unwrap();
    let whole = edit(&store, "y", |stack| stack.name = named("a")).await;
    assert_taken(&whole.unwrap_err(), TakenWhat::ContainerName, "devarch-a-b-c", owner);
}

async fn a_physical_volume_has_one_owner(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("a", &["b"])).await.unwrap();
    let mut other = stack("x", &["y", "z"]);
    get(&mut other, "y").volumes.extend([volume("a", "b", "data")]);
    let refused = store.create_stack(&other).await.unwrap_err();
    let owner = "instance 'b' of stack 'a'";
    assert_taken(&refused, TakenWhat::VolumeName, "devarch-a-b-data", owner);

    for instance in ["y", "z"] {
        get(&mut other, instance).volumes = [volume("x", "y", "data")].into();
    }
    let refused = store.create_stack(&other).await.unwrap_err();
    let StoreError::Stack(StackError::Taken { what: TakenWhat::VolumeName, owner: Some(owner), .. }) =
        refused
    else {
        panic!("{refused:?}");
    };
    assert!(owner.ends_with("of stack 'x'"), "{owner}");
}

async fn a_host_port_has_one_owner(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let mut first = stack("first", &[]);
    add(&mut first, "db", Some(5432));
    store.create_stack(&first).await.unwrap();
    let owner = "instance 'db' of stack 'first'";

    let mut second = stack("second", &[]);
    add(&mut second, "db", Some(5432));
    let refused = store.create_stack(&second).await.unwrap_err();
    assert_taken(&refused, TakenWhat::HostPort, "127.0.0.1:5432/tcp", owner);

    let own = edit(&store, "first", |stack| add(stack, "db2", Some(5432))).await;
    assert_taken(&own.unwrap_err(), TakenWhat::HostPort, "127.0.0.1:5432/tcp", owner);

    get(&mut second, "db").ports = [(tcp(1), at("127.0.0.2", 5432))].into();
    store.create_stack(&second).await.unwrap();
    edit(&store, "first", |stack| get(stack, "db").ports.clear()).await.unwrap();
    let freed = edit(&store, "second", |stack| {
        get(stack, "db").ports = [(tcp(1), at("127.0.0.1", 5432))].into();
    });
    freed.await.unwrap();
}

async fn a_wildcard_address_and_a_specific_one_cannot_share_a_port(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let with = |name: &str, address: &str, port: u16| {
        let mut stack = stack(name, &["i"]);
        get(&mut stack, "i").ports = [(tcp(80), at(address, port))].into();
        stack
    };
    store.create_stack(&with("specific", "127.0.0.1", 8080)).await.unwrap();
    store.create_stack(&with("wide", "0.0.0.0", 9090)).await.unwrap();
    for (address, port, owner) in [
        ("0.0.0.0", 8080, "instance 'i' of stack 'specific'"),
        ("::", 8080, "instance 'i' of stack 'specific'"),
        ("127.0.0.1", 9090, "instance 'i' of stack 'wide'"),
    ] {
        let refused = store.create_stack(&with("late", address, port)).await.unwrap_err();
        let shown = std::net::SocketAddr::new(address.parse().unwrap(), port);
        assert_taken(&refused, TakenWhat::HostPort, &format!("{shown}/tcp"), owner);
    }
}

async fn each_host_has_its_own_ports(sandbox: Sandbox) {
    let (here, there) = (sandbox.open_on("here").await, sandbox.open_on("there").await);
    let mut first = stack("first", &[]);
    add(&mut first, "db", Some(5432));
    here.create_stack(&first).await.unwrap();
    let mut second = stack("second", &[]);
    add(&mut second, "db", Some(5432));
    there.create_stack(&second).await.unwrap();

    let elsewhere = load(&there, "first").await;
    assert!(elsewhere.instances.values().all(|instance| instance.ports.is_empty()));
    edit(&there, "first", |stack| {
        get(stack, "db").ports = [(tcp(5432), at("127.0.0.1", 7777))].into();
    })
    .await
    .unwrap();
    let mut at_home = load(&here, "first").await;
    assert_eq!(get(&mut at_home, "db").ports, first.instances[&named("db")].ports);
    assert_eq!(here.host_ports().await.unwrap().len(), 1);
    assert_eq!(there.host_ports().await.unwrap().len(), 2);
}

async fn host_ports_name_their_owners(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    let ports = store.host_ports().await.unwrap();
    assert_eq!(ports.len(), 3);
    for port in ports {
        assert_eq!((port.stack.as_str(), port.instance.as_str()), ("shop", "db"));
        assert_eq!((port.socket.port, port.socket.protocol), (20001, port.key.protocol));
    }
}

async fn subnets_do_not_overlap_on_one_host(sandbox: Sandbox) {
    let (here, there) = (sandbox.open_on("here").await, sandbox.open_on("there").await);
    let (one, two) = (stack("one", &[]), stack("two", &[]));
    here.create_stack(&one).await.unwrap();
    here.create_stack(&two).await.unwrap();
    let bind = async |store: &Store, stack: &Stack, subnet: &str| {
        let subnet = Some(named(subnet));
        store.bind_stack(&stack.id, Some(&engine("e")), subnet).await
    };
    bind(&here, &one, "10.213.0.0/24").await.unwrap();
    for subnet in ["10.213.0.0/24", "10.213.0.64/26", "10.208.0.0/12"] {
        let refused = bind(&here, &two, subnet).await.unwrap_err();
        assert_taken(&refused, TakenWhat::Subnet, subnet, "stack 'one'");
    }
    bind(&there, &two, "10.213.0.0/24").await.unwrap();
    bind(&here, &two, "10.213.1.0/24").await.unwrap();
    bind(&here, &one, "10.213.0.0/26").await.unwrap();
    let subnets = here.subnets().await.unwrap();
    let expected = [(stack_name("one"), named("10.213.0.0/26")), (stack_name("two"), named("10.213.1.0/24"))];
    assert_eq!(subnets, expected);
}

async fn a_refused_edit_leaves_nothing(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let mut first = stack("first", &[]);
    add(&mut first, "db", Some(5432));
    store.create_stack(&first).await.unwrap();
    let second = stack("second", &["db"]);
    store.create_stack(&second).await.unwrap();
    let refused = edit(&store, "second", |stack| {
        stack.enabled = false;
        add(stack, "more", Some(5432));
        get(stack, "db").template = pinned("mysql");
    });
    refused.await.unwrap_err();
    assert_eq!(load(&store, "second").await, second);
}

async fn rename_keeps_ids_ports_and_volumes(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let before = rich();
    store.create_stack(&before).await.unwrap();
    let id = before.instances[&named("db")].id.clone();
    store.record_applied(&before.id, &id, &applied("h")).await.unwrap();

    edit(&store, "shop", |stack| rename(stack, "db", "postgres")).await.unwrap();
    edit(&store, "shop", |stack| stack.name = named("store")).await.unwrap();

    let after = load(&store, "store").await;
    assert_eq!(after.id, before.id);
    assert_eq!(after.instances[&named("postgres")], before.instances[&named("db")]);
    assert_eq!(after.instances[&named("web")], before.instances[&named("web")]);
    assert_eq!(store.applied(&before.id).await.unwrap().len(), 1);
    assert_eq!(store.kept_volumes().await.unwrap(), []);
    assert_eq!(store.host_ports().await.unwrap()[0].instance.as_str(), "postgres");
    // The old names are free again, the old volumes' are not.
    let refused = store.create_stack(&stack("shop", &["db"])).await.unwrap_err();
    let owner = "instance 'postgres' of stack 'store'";
    assert_taken(&refused, TakenWhat::VolumeName, "devarch-shop-db-data", owner);
    store.create_stack(&stack("shop", &["other"])).await.unwrap();
}

async fn instances_can_swap_names_slots_and_ports(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let mut first = stack("a", &[]);
    add(&mut first, "b-c", Some(1000));
    add(&mut first, "c", Some(1001));
    store.create_stack(&first).await.unwrap();
    edit(&store, "a", |stack| {
        let (mut one, mut other) = (
            stack.instances.remove(&named::<InstanceName>("b-c")).unwrap(),
            stack.instances.remove(&named::<InstanceName>("c")).unwrap(),
        );
        std::mem::swap(&mut one.slot, &mut other.slot);
        std::mem::swap(&mut one.ports, &mut other.ports);
        std::mem::swap(&mut one.volumes, &mut other.volumes);
        stack.instances = BTreeMap::from([(named("c"), one), (named("b-c"), other)]);
        // Now 'c' has the container name that 'b-c' had.
        stack.name = named("a-b");
    })
    .await
    .unwrap();
    let after = load(&store, "a-b").await;
    let (c, b_c) = (&after.instances[&named("c")], &after.instances[&named("b-c")]);
    assert_eq!(c.id, first.instances[&named("b-c")].id);
    assert_eq!((c.slot, b_c.slot), (1, 0));
    assert_eq!(c.ports, first.instances[&named("c")].ports);
    assert_eq!(c.volumes, first.instances[&named("c")].volumes);
    assert_eq!(b_c.volumes, first.instances[&named("b-c")].volumes);
}

async fn binding_to_an_engine_is_not_an_edit(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let before = stack("shop", &["db"]);
    store.create_stack(&before).await.unwrap();
    let subnet = Some(named("10.213.0.0/26"));
    store.bind_stack(&before.id, Some(&engine("e")), subnet).await.unwrap();
    let bound = load(&store, "shop").await;
    assert_eq!((&bound.engine, bound.subnet), (&Some(engine("e")), subnet));
    assert_eq!(bound.revision, before.revision);
    // An edit that started before does not undo it.
    let after = Stack { enabled: false, ..before.clone() };
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    assert_eq!(load(&store, "shop").await.engine, Some(engine("e")));
}

async fn binding_leaves_what_is_not_given_and_an_edit_can_clear_it(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let new = stack("shop", &["db"]);
    store.create_stack(&new).await.unwrap();
    let subnet = Some(named("10.213.0.0/26"));
    store.bind_stack(&new.id, None, subnet).await.unwrap();
    store.bind_stack(&new.id, Some(&engine("e")), None).await.unwrap();
    let before = load(&store, "shop").await;
    assert_eq!((&before.engine, before.subnet), (&Some(engine("e")), subnet));
    let after = Stack { subnet: None, ..before.clone() };
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
    let cleared = load(&store, "shop").await;
    assert_eq!((&cleared.engine, cleared.subnet), (&Some(engine("e")), None));
    assert_eq!(store.subnets().await.unwrap(), []);
}

async fn volumes_kept_on_the_engine_are_recorded(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    let kept = async || {
        let kept = store.kept_volumes().await.unwrap();
        let names = kept.iter().map(|kept| kept.physical.to_string());
        names.collect::<Vec<_>>()
    };
    edit(&store, "shop", |stack| get(stack, "db").volumes.clear()).await.unwrap();
    assert_eq!(kept().await, ["devarch-older-name-db-wal", "devarch-shop-db-data"]);
    // An instance that defines its volume again gets it back.
    edit(&store, "shop", |stack| {
        get(stack, "db").volumes = [volume("shop", "db", "data")].into();
    })
    .await
    .unwrap();
    assert_eq!(kept().await, ["devarch-older-name-db-wal"]);

    let last = load(&store, "shop").await;
    store.delete_stack(&last, &LetGo::default()).await.unwrap();
    let all = ["devarch-older-name-db-wal", "devarch-shop-db-data", "devarch-shop-web-data"];
    assert_eq!(kept().await, all);
    let web = store.kept_volumes().await.unwrap().pop().unwrap();
    assert_eq!((web.stack.as_str(), web.instance.as_str(), web.volume.as_str()), ("shop", "web", "data"));
    assert_eq!((&web.stack_id, &web.engine), (&last.id, &engine("engine-1").id));
    assert_eq!(web.instance_id, last.instances[&named("web")].id);
    assert!(web.deleted_at.elapsed().unwrap().as_secs() < 60);

    store.forget_kept_volumes(&web.engine, &[&web.physical]).await.unwrap();
    assert_eq!(kept().await, all[..2]);
}

async fn values_are_kept_and_deleted_with_their_volume(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    let (_, data) = volume("shop", "db", "data");
    let copy = data.copy(1);
    let let_go = LetGo {
        gone: [volume("shop", "web", "data").1].into(),
        values: BTreeMap::from([(data.clone(), kept_values("hunter2"))]),
        copies: BTreeMap::from([(copy.clone(), data.clone())]),
    };
    store.delete_stack(&load(&store, "shop").await, &let_go).await.unwrap();
    let values = async || {
        let kept = store.kept_volumes().await.unwrap().into_iter();
        kept.map(|kept| (kept.physical, kept.values)).collect::<BTreeMap<_, _>>()
    };
    let (_, wal) = volume("older-name", "db", "wal");
    let all = BTreeMap::from([
        (data.clone(), kept_values("hunter2")),
        (copy.clone(), kept_values("hunter2")),
        (wal.clone(), KeptValues::default()),
    ]);
    assert!(values().await == all, "what is gone is not remembered");

    // A stack of the same name that never had a container on the volume has no values of its data.
    let again = Stack { revision: 1, ..rich() };
    store.create_stack(&again).await.unwrap();
    store.delete_stack(&load(&store, "shop").await, &LetGo::default()).await.unwrap();
    assert!(values().await[&data] == kept_values("hunter2"));
    let known = store.kept_volumes().await.unwrap();
    let known = known.iter().find(|kept| kept.physical == data).unwrap();
    assert_ne!(known.stack_id, again.id);

    store.forget_kept_volumes(&engine("engine-1").id, &[&data, &copy]).await.unwrap();
    assert!(values().await.values().all(KeptValues::is_empty));
}

async fn a_volume_that_never_reached_an_engine_is_not_kept(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let stack = stack("shop", &["db"]);
    store.create_stack(&stack).await.unwrap();
    store.delete_stack(&stack, &LetGo::default()).await.unwrap();
    assert_eq!(store.kept_volumes().await.unwrap(), []);
}

async fn an_unused_template_body_is_deleted_and_a_used_one_is_shared(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&stack("one", &["a", "b"])).await.unwrap();
    store.create_stack(&stack("two", &["a"])).await.unwrap();
    let stacks = store.stacks().await.unwrap();
    let bodies: Vec<_> = stacks
        .iter()
        .flat_map(|stack| stack.instances.values())
        .map(|instance| Arc::as_ptr(&instance.template.template))
        .collect();
    assert!(bodies.len() == 3 && bodies.iter().all(|body| *body == bodies[0]));

    let redis = pinned("redis");
    edit(&store, "two", |stack| {
        get(stack, "a").template = redis.clone();
    })
    .await
    .unwrap();
    assert_eq!(sandbox.count("templates").await, 2);
    edit(&store, "two", |stack| stack.instances.clear()).await.unwrap();
    assert_eq!(sandbox.count("templates").await, 1);
    store.delete_stack(&load(&store, "one").await, &LetGo::default()).await.unwrap();
    assert_eq!(sandbox.count("templates").await, 0);
}

async fn applied_outlives_its_instance(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let stack = rich();
    store.create_stack(&stack).await.unwrap();
    let id = stack.instances[&named("db")].id.clone();
    let first = applied("one");
    store.record_applied(&stack.id, &id, &first).await.unwrap();
    assert!(!format!("{first:?}").contains("s3cret"));

    edit(&store, "shop", |stack| stack.instances.clear()).await.unwrap();
    let known = store.applied(&stack.id).await.unwrap();
    assert_eq!(known, BTreeMap::from([(id.clone(), vec![first])]));
    store.mark_removed(&stack.id, &id).await.unwrap();
    assert_eq!(store.applied(&stack.id).await.unwrap()[&id][0].state, SpecState::Removed);
}

async fn the_recipe_of_each_container_is_kept_until_one_is_left(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let stack = rich();
    store.create_stack(&stack).await.unwrap();
    let [db, web] = ["db", "web"].map(|name| stack.instances[&named(name)].id.clone());
    store.record_applied(&stack.id, &web, &applied("one")).await.unwrap();
    for hash in ["one", "two", "three"] {
        store.record_applied(&stack.id, &db, &applied(hash)).await.unwrap();
    }
    let mut again = applied("one");
    again.image_id = None;
    store.record_applied(&stack.id, &db, &again).await.unwrap();
    let known = store.applied(&stack.id).await.unwrap();
    assert_eq!(known[&db], [again, applied("three"), applied("two")]);

    store.settle_applied(&stack.id, &[(&db, "three")]).await.unwrap();
    let known = store.applied(&stack.id).await.unwrap();
    let made = Applied { state: SpecState::Completed, ..applied("three") };
    assert_eq!(known, BTreeMap::from([(db.clone(), vec![made]), (web, vec![applied("one")])]));
    store.mark_removed(&stack.id, &db).await.unwrap();
    assert_eq!(store.applied(&stack.id).await.unwrap()[&db][0].state, SpecState::Removed);
    store.record_applied(&stack.id, &db, &applied("three")).await.unwrap();
    assert_eq!(store.applied(&stack.id).await.unwrap()[&db], [applied("three")]);
}

async fn nothing_can_be_applied_to_a_deleted_stack(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let stack = stack("shop", &["db"]);
    let id = stack.instances[&named("db")].id.clone();
    let refused = store.record_applied(&stack.id, &id, &applied("h")).await;
    assert!(matches!(refused, Err(StoreError::Stack(StackError::Gone { .. }))));
}

async fn eight_writers_do_not_see_database_is_locked(sandbox: Sandbox) {
    const EDITS: i64 = 20;
    sandbox.open().await.create_stack(&stack("shared", &["db"])).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move {
                let store = sandbox.open().await;
                let own = format!("own-{writer}");
                store.create_stack(&stack(&own, &["db"])).await.unwrap();
                for edit_number in 0..EDITS {
                    edit(&store, &own, |stack| stack.enabled = !stack.enabled).await.unwrap();
                    let mut revision = None;
                    while revision.is_none() {
                        let shared = edit(&store, "shared", |stack| {
                            stack.project = Some(format!("/{writer}/{edit_number}"));
                        });
                        revision = match shared.await {
                            Err(StoreError::Stack(StackError::Changed { .. })) => None,
                            other => Some(other.unwrap()),
                        };
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let store = sandbox.open().await;
    assert_eq!(load(&store, "shared").await.revision, 1 + 8 * EDITS);
    assert_eq!(load(&store, "own-7").await.revision, 1 + EDITS);
}
