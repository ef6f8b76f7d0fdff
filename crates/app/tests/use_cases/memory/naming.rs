//! Stacks and instances: created, renamed, copied, switched; what has a name keeps it, and a taken one is refused with a
//! free one.

use crate::{
    harness::{Command, World, hints, parsed},
    stacks::{SHOP, shop},
};
use devarch_app::{
    Conflict, DefinitionError, ErrorKind, NewInstance, NotFound, OperationError, add_instance,
    config_changes, create_stack, find_instance, remove_instance, rename_stack, set_wanted,
    upgrade_templates,
};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::Wanted,
};

async fn add(world: &World, stack: &str, name: &str, template: &str) -> Result<(), OperationError> {
    let new = NewInstance { name: parsed(name), template: parsed(template) };
    add_instance(world.ctx(), &parsed(stack), &new).await.map(drop)
}

async fn create(world: &World, name: &str) -> Result<(), OperationError> {
    create_stack(world.ctx(), &parsed(name), None).await.map(drop)
}

/// A name that is taken, and what would be accepted.
fn taken(error: &OperationError) -> (String, Option<&str>) {
    match error {
        OperationError::Conflict(Conflict::NameTaken { taken, free }) => (taken.clone(), free.as_deref()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stack_that_is_created_is_empty_and_on_no_engine() {
    let world = World::new().await;
    create(&world, "shop").await.unwrap();
    let stack = world.stack("shop").await;
    assert!(stack.enabled && stack.instances.is_empty() && stack.engine.is_none() && stack.project.is_none());
    assert_eq!(world.plan("shop").await.is_none(), world.engine.changes().is_empty());
}

#[tokio::test]
async fn a_taken_name_of_a_stack_is_refused_with_the_first_free_number() {
    let world = World::new().await;
    for name in ["shop", "shop-2", "other"] {
        create(&world, name).await.unwrap();
    }
    let error = create(&world, "shop").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("shop-3"));
    assert_eq!((error.kind(), hints(&error).as_str()), (ErrorKind::Conflict, "'shop-3' is free"));
    let error = rename_stack(world.ctx(), &parsed("other"), &parsed("shop")).await.unwrap_err();
    assert_eq!(taken(&error).1, Some("shop-3"));
    assert!(world.knows("other").await, "it keeps its name");
}

/// `a-b` with instance `c` and `a` with instance `b-c` would have containers of the same name.
#[tokio::test]
async fn two_stacks_whose_containers_would_have_one_name_are_refused() {
    let world = World::new().await;
    create(&world, "a-b").await.unwrap();
    add(&world, "a-b", "c", "busybox").await.unwrap();
    create(&world, "a").await.unwrap();
    let error = add(&world, "a", "b-c", "busybox").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("b-c-2"));
    assert!(world.stack("a").await.instances.is_empty());
    add(&world, "a", "b-c-2", "busybox").await.unwrap();
    let error = world.rename_instance("a", "b-c-2", "b-c").await.unwrap_err();
    assert!(taken(&error).1.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_clone_or_a_rename_that_would_take_a_containers_name_is_refused_with_a_free_one() {
    let world = World::new().await;
    create(&world, "a").await.unwrap();
    add(&world, "a", "b-web", "busybox").await.unwrap();
    create(&world, "shop").await.unwrap();
    add(&world, "shop", "web", "busybox").await.unwrap();
    for error in [
        world.clone_stack("shop", "a-b").await.unwrap_err(),
        world.run("shop", Command::Rename("a-b")).await.unwrap_err(),
    ] {
        assert_eq!(taken(&error).1, Some("a-b-2"), "{error:?}");
    }
    assert!(!world.knows("a-b").await && world.knows("shop").await);
    world.clone_stack("shop", "a-b-2").await.unwrap();
}

#[tokio::test]
async fn an_instance_is_added_once() {
    let world = World::new().await;
    create(&world, "shop").await.unwrap();
    add(&world, "shop", "web", "busybox").await.unwrap();
    let before = world.stack("shop").await;
    let error = add(&world, "shop", "web", "busybox").await.unwrap_err();
    let (reported, free) = taken(&error);
    assert_eq!((reported.as_str(), free), ("instance 'web' of stack 'shop' already exists", Some("web-2")));
    let error = world.rename_instance("shop", "web", "web").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("web-2"));
    assert_eq!(world.stack("shop").await, before);
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_the_nearest_that_does() {
    let world = World::new().await;
    create(&world, "shop").await.unwrap();
    add(&world, "shop", "web", "busybox").await.unwrap();
    let errors = [
        (add(&world, "shpo", "web", "busybox").await.unwrap_err(), "did you mean 'shop'?"),
        (add(&world, "shop", "db", "postgers").await.unwrap_err(), "did you mean 'postgres'?"),
        (world.rename_instance("shop", "wbe", "front").await.unwrap_err(), "did you mean 'web'?"),
        (
            remove_instance(world.ctx(), &parsed("shop"), &parsed("zzz")).await.unwrap_err(),
            "`devarch instance list shop` lists all",
        ),
        (
            find_instance(world.ctx(), &parsed("shop"), &parsed("weeb")).await.unwrap_err(),
            "did you mean 'web'?",
        ),
        (
            set_wanted(world.ctx(), &parsed("shop"), Some(&parsed("wb")), Wanted::Stopped).await.unwrap_err(),
            "did you mean 'web'?",
        ),
        (
            upgrade_templates(world.ctx(), &parsed("shop"), Some(&parsed("wb"))).await.unwrap_err(),
            "did you mean 'web'?",
        ),
    ];
    for (error, hint) in errors {
        assert!(matches!(error, OperationError::NotFound(_)), "{error:?}");
        assert_eq!(hints(&error), hint, "{error}");
    }
}

#[tokio::test]
async fn names_that_leave_no_room_for_a_containers_name_are_refused() {
    let world = World::new().await;
    let (stack, instance) = ("s".repeat(40), "i".repeat(40));
    create(&world, &stack).await.unwrap();
    let error = add(&world, &stack, &instance, "busybox").await.unwrap_err();
    assert!(matches!(error, OperationError::Definition(DefinitionError::TooLong(_))), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(world.stack(&stack).await.instances.is_empty());
}

#[tokio::test]
async fn a_renamed_instance_is_followed_by_what_depends_on_it() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.rename_instance("shop", "db", "store").await.unwrap();
    let stack = world.stack("shop").await;
    let needs = stack.instances[&parsed("web")].overrides.service.depends_on.clone().unwrap();
    assert_eq!(needs.keys().map(InstanceName::as_str).collect::<Vec<_>>(), ["store"]);
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn one_instance_is_stopped_and_the_others_stay_as_they_are() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    set_wanted(world.ctx(), &parsed("shop"), Some(&parsed("web")), Wanted::Stopped).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    let names = world.objects().await.names();
    assert!(names.contains("container devarch-shop-db runs"), "{names:?}");
    assert!(names.contains("container devarch-shop-web is there"), "{names:?}");
    set_wanted(world.ctx(), &parsed("shop"), Some(&parsed("web")), Wanted::Absent).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert!(!world.objects().await.containers.contains_key("devarch-shop-web"));
}

#[tokio::test]
async fn a_copy_has_the_same_definition_and_nothing_of_the_original() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.set_secret("shop", "KEY", "hush").await.unwrap();
    world.clone_stack("shop", "copy").await.unwrap();
    let (original, copy) = (world.stack("shop").await, world.stack("copy").await);
    assert_eq!(world.secret("copy", "KEY").await.unwrap(), "hush");
    assert_ne!(original.secrets[&parsed("KEY")].id, copy.secrets[&parsed("KEY")].id);
    for (name, theirs) in &original.instances {
        let own = &copy.instances[name];
        assert_ne!(own.id, theirs.id);
        assert_eq!((&own.template, own.slot, own.enabled), (&theirs.template, theirs.slot, theirs.enabled));
        assert!(own.volumes.values().all(|volume| !theirs.volumes.values().any(|other| other == volume)));
    }
    let before = world.objects().await;
    world.run("copy", Command::apply()).await.unwrap();
    let after = world.objects().await;
    for (name, container) in &before.containers {
        assert_eq!(&after.containers[name], container);
    }
    assert_eq!(after.containers.len(), 2 * before.containers.len());
}

#[tokio::test]
async fn what_an_edit_changed_is_reported_field_by_field_and_never_a_secret() {
    let world = World::new().await;
    world.import("shop", shop(&["web: {template: busybox, ports: [\"8080:80\"], environment: {A: x, PW: {value: old-one, secret: true}}}"])).await;
    let changes = async |field: &'static str, value: &'static str| {
        let before = world.stack("shop").await;
        world.run("shop", Command::Set("web", field, value)).await.unwrap();
        let after = world.stack("shop").await;
        let changes = config_changes(world.ctx(), &before, &after, &parsed("web"));
        changes
            .iter()
            .map(|it| format!("{}: {:?} => {:?}", it.field, it.from, it.to))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let reported = changes("environment.A", "y").await;
    assert_eq!(reported, r#"environment.A: Some("x") => Some("y")"#);
    let reported = changes("ports.80", "8081").await;
    assert!(reported.contains("127.0.0.1:8080->80") && reported.contains("127.0.0.1:8081->80"), "{reported}");
    let reported = changes("environment.PW", "{value: new-one, secret: true}").await;
    assert!(
        reported.contains("environment.PW") && !reported.contains("old-one") && !reported.contains("new-one"),
        "{reported}"
    );
    assert_eq!(changes("environment.A", "y").await, "");
}

#[tokio::test]
async fn a_switched_off_stack_keeps_its_definition_and_its_address() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    let before = world.stack("shop").await;
    world.enable("shop", false).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert!(world.objects().await.containers.is_empty());
    world.enable("shop", true).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    let after = world.stack("shop").await;
    assert_eq!((&after.instances, after.subnet), (&before.instances, before.subnet));
    let unknown =
        devarch_app::enable_stack(world.ctx(), &parsed::<StackName>("none"), true).await.unwrap_err();
    assert!(matches!(unknown, OperationError::NotFound(NotFound::Stack { .. })), "{unknown:?}");
}
