//! Stacks and instances: created, renamed, copied, enabled and disabled; a taken name is refused with a free one.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{SHOP, shop},
};
use devarch_app::{
    Conflict, DefinitionError, ErrorKind, NewInstance, NotFound, OperationError, add_instance,
    config_changes, create_stack, find_instance, remove_instance, rename_stack, set_wanted,
    upgrade_templates,
};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::DesiredRun,
};

async fn add(sandbox: &Sandbox, stack: &str, name: &str, template: &str) -> Result<(), OperationError> {
    let new = NewInstance { name: parsed(name), template: parsed(template) };
    add_instance(sandbox.ctx(), &parsed(stack), &new).await.map(drop)
}

async fn create(sandbox: &Sandbox, name: &str) -> Result<(), OperationError> {
    create_stack(sandbox.ctx(), &parsed(name), None).await.map(drop)
}

/// Returns the taken name of an error, and the free one it suggests.
fn taken(error: &OperationError) -> (String, Option<&str>) {
    match error {
        OperationError::Conflict(Conflict::NameTaken { taken, free }) => (taken.clone(), free.as_deref()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_created_stack_is_empty_and_not_bound_to_an_engine() {
    let sandbox = Sandbox::new().await;
    create(&sandbox, "shop").await.unwrap();
    let stack = sandbox.stack("shop").await;
    assert!(stack.enabled && stack.instances.is_empty() && stack.engine.is_none() && stack.project.is_none());
    assert_eq!(sandbox.plan("shop").await.is_none(), sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn a_taken_stack_name_is_refused_with_the_first_free_number() {
    let sandbox = Sandbox::new().await;
    for name in ["shop", "shop-2", "other"] {
        create(&sandbox, name).await.unwrap();
    }
    let error = create(&sandbox, "shop").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("shop-3"));
    assert_eq!((error.kind(), hints(&error).as_str()), (ErrorKind::Conflict, "'shop-3' is free"));
    let error = rename_stack(sandbox.ctx(), &parsed("other"), &parsed("shop")).await.unwrap_err();
    assert_eq!(taken(&error).1, Some("shop-3"));
    assert!(sandbox.knows("other").await, "it keeps its name");
}

/// `a-b` with instance `c` and `a` with instance `b-c` would have containers with the same name.
#[tokio::test]
async fn stacks_whose_containers_would_share_a_name_are_refused() {
    let sandbox = Sandbox::new().await;
    create(&sandbox, "a-b").await.unwrap();
    add(&sandbox, "a-b", "c", "busybox").await.unwrap();
    create(&sandbox, "a").await.unwrap();
    let error = add(&sandbox, "a", "b-c", "busybox").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("b-c-2"));
    assert!(sandbox.stack("a").await.instances.is_empty());
    add(&sandbox, "a", "b-c-2", "busybox").await.unwrap();
    let error = sandbox.rename_instance("a", "b-c-2", "b-c").await.unwrap_err();
    assert!(taken(&error).1.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_clone_or_rename_that_conflicts_with_a_container_name_is_refused_with_a_free_one() {
    let sandbox = Sandbox::new().await;
    create(&sandbox, "a").await.unwrap();
    add(&sandbox, "a", "b-web", "busybox").await.unwrap();
    create(&sandbox, "shop").await.unwrap();
    add(&sandbox, "shop", "web", "busybox").await.unwrap();
    for error in [
        sandbox.clone_stack("shop", "a-b").await.unwrap_err(),
        sandbox.run("shop", Command::Rename("a-b")).await.unwrap_err(),
    ] {
        assert_eq!(taken(&error).1, Some("a-b-2"), "{error:?}");
    }
    assert!(!sandbox.knows("a-b").await && sandbox.knows("shop").await);
    sandbox.clone_stack("shop", "a-b-2").await.unwrap();
}

#[tokio::test]
async fn adding_an_existing_instance_is_refused() {
    let sandbox = Sandbox::new().await;
    create(&sandbox, "shop").await.unwrap();
    add(&sandbox, "shop", "web", "busybox").await.unwrap();
    let before = sandbox.stack("shop").await;
    let error = add(&sandbox, "shop", "web", "busybox").await.unwrap_err();
    let (reported, free) = taken(&error);
    assert_eq!((reported.as_str(), free), ("instance 'web' of stack 'shop' already exists", Some("web-2")));
    let error = sandbox.rename_instance("shop", "web", "web").await.unwrap_err();
    assert_eq!(taken(&error).1, Some("web-2"));
    assert_eq!(sandbox.stack("shop").await, before);
}

#[tokio::test]
async fn a_missing_name_is_reported_with_the_most_similar_one() {
    let sandbox = Sandbox::new().await;
    create(&sandbox, "shop").await.unwrap();
    add(&sandbox, "shop", "web", "busybox").await.unwrap();
    let errors = [
        (add(&sandbox, "shpo", "web", "busybox").await.unwrap_err(), "did you mean 'shop'?"),
        (add(&sandbox, "shop", "db", "postgers").await.unwrap_err(), "did you mean 'postgres'?"),
        (sandbox.rename_instance("shop", "wbe", "front").await.unwrap_err(), "did you mean 'web'?"),
        (
            remove_instance(sandbox.ctx(), &parsed("shop"), &parsed("zzz")).await.unwrap_err(),
            "`devarch instance list shop` lists all",
        ),
        (
            find_instance(sandbox.ctx(), &parsed("shop"), &parsed("weeb")).await.unwrap_err(),
            "did you mean 'web'?",
        ),
        (
            set_wanted(sandbox.ctx(), &parsed("shop"), Some(&parsed("wb")), DesiredRun::Stopped)
                .await
                .unwrap_err(),
            "did you mean 'web'?",
        ),
        (
            upgrade_templates(sandbox.ctx(), &parsed("shop"), Some(&parsed("wb"))).await.unwrap_err(),
            "did you mean 'web'?",
        ),
    ];
    for (error, hint) in errors {
        assert!(matches!(error, OperationError::NotFound(_)), "{error:?}");
        assert_eq!(hints(&error), hint, "{error}");
    }
}

#[tokio::test]
async fn names_that_leave_no_room_for_a_container_name_are_refused() {
    let sandbox = Sandbox::new().await;
    let (stack, instance) = ("s".repeat(40), "i".repeat(40));
    create(&sandbox, &stack).await.unwrap();
    let error = add(&sandbox, &stack, &instance, "busybox").await.unwrap_err();
    assert!(matches!(error, OperationError::Definition(DefinitionError::TooLong(_))), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(sandbox.stack(&stack).await.instances.is_empty());
}

#[tokio::test]
async fn dependencies_follow_a_renamed_instance() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.rename_instance("shop", "db", "store").await.unwrap();
    let stack = sandbox.stack("shop").await;
    let needs = stack.instances[&parsed("web")].overrides.service.depends_on.clone().unwrap();
    assert_eq!(needs.keys().map(InstanceName::as_str).collect::<Vec<_>>(), ["store"]);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn stopping_one_instance_does_not_affect_the_others() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    set_wanted(sandbox.ctx(), &parsed("shop"), Some(&parsed("web")), DesiredRun::Stopped).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let names = sandbox.objects().await.names();
    assert!(names.contains("container devarch-shop-db runs"), "{names:?}");
    assert!(names.contains("container devarch-shop-web is there"), "{names:?}");
    set_wanted(sandbox.ctx(), &parsed("shop"), Some(&parsed("web")), DesiredRun::Absent).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(!sandbox.objects().await.containers.contains_key("devarch-shop-web"));
}

#[tokio::test]
async fn a_clone_has_the_same_definition_and_no_objects_of_the_original() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.set_secret("shop", "KEY", "hush").await.unwrap();
    sandbox.clone_stack("shop", "copy").await.unwrap();
    let (original, copy) = (sandbox.stack("shop").await, sandbox.stack("copy").await);
    assert_eq!(sandbox.secret("copy", "KEY").await.unwrap(), "hush");
    assert_ne!(original.secrets[&parsed("KEY")].id, copy.secrets[&parsed("KEY")].id);
    for (name, theirs) in &original.instances {
        let own = &copy.instances[name];
        assert_ne!(own.id, theirs.id);
        assert_eq!((&own.template, own.slot, own.enabled), (&theirs.template, theirs.slot, theirs.enabled));
        assert!(own.volumes.values().all(|volume| !theirs.volumes.values().any(|other| other == volume)));
    }
    let before = sandbox.objects().await;
    sandbox.run("copy", Command::apply()).await.unwrap();
    let after = sandbox.objects().await;
    for (name, container) in &before.containers {
        assert_eq!(&after.containers[name], container);
    }
    assert_eq!(after.containers.len(), 2 * before.containers.len());
}

#[tokio::test]
async fn changes_of_an_edit_are_reported_by_field_without_secrets() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&["web: {template: busybox, ports: [\"8080:80\"], environment: {A: x, PW: {value: old-one, secret: true}}}"])).await;
    let changes = async |field: &'static str, value: &'static str| {
        let before = sandbox.stack("shop").await;
        sandbox.run("shop", Command::Set("web", field, value)).await.unwrap();
        let after = sandbox.stack("shop").await;
        let changes = config_changes(sandbox.ctx(), &before, &after, &parsed("web"));
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
async fn a_disabled_stack_keeps_its_definition_and_addresses() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.stack("shop").await;
    sandbox.enable("shop", false).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty());
    sandbox.enable("shop", true).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let after = sandbox.stack("shop").await;
    assert_eq!((&after.instances, after.subnet), (&before.instances, before.subnet));
    let unknown =
        devarch_app::enable_stack(sandbox.ctx(), &parsed::<StackName>("none"), true).await.unwrap_err();
    assert!(matches!(unknown, OperationError::NotFound(NotFound::Stack { .. })), "{unknown:?}");
}
