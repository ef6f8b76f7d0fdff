//! Back to an earlier definition: which one, what of it returns, and what stays as it is now.

use crate::{
    harness::{Command, World, hints, parsed},
    stacks::{CHANGED, WITHOUT_WEB, running_shop, shop},
};
use devarch_app::{Ended, ErrorKind, NotFound, OperationError, draft_rollback};
use devarch_core::name::StackName;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Fault};

fn stack() -> StackName {
    parsed("shop")
}

fn mark(world: &World) -> String {
    world.engine.request("devarch-shop-db").unwrap().spec.environment["MARK"].reveal().to_owned()
}

async fn at(world: &World, marks: &[&'static str]) {
    for mark in marks {
        world.run("shop", Command::Set("db", "environment.MARK", mark)).await.unwrap();
        world.run("shop", Command::apply()).await.unwrap();
    }
}

#[tokio::test]
async fn a_stack_that_never_had_another_definition_has_nothing_to_return_to() {
    let world = running_shop().await;
    for _ in 0..2 {
        let error = world.run("shop", Command::Rollback).await.unwrap_err();
        assert!(matches!(error, OperationError::NotFound(NotFound::Apply { id: None, .. })), "{error:?}");
        assert_eq!(
            (error.kind(), hints(&error).as_str()),
            (ErrorKind::NotFound, "`devarch history shop` lists all")
        );
        world.run("shop", Command::Stop).await.unwrap();
        world.run("shop", Command::Start).await.unwrap();
    }
}

#[tokio::test]
async fn a_rollback_of_a_rollback_returns_to_what_was_rolled_back() {
    let world = running_shop().await;
    at(&world, &["1"]).await;
    for expected in ["0", "1", "0"] {
        world.run("shop", Command::Rollback).await.unwrap();
        assert_eq!(mark(&world), expected);
    }
}

#[tokio::test]
async fn an_edit_that_was_never_applied_is_given_up_by_a_rollback() {
    let world = running_shop().await;
    at(&world, &["1"]).await;
    world.run("shop", Command::Set("db", "environment.MARK", "never")).await.unwrap();
    world.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&world), "1", "the last that was applied");
}

#[tokio::test]
async fn an_apply_that_failed_is_no_state_to_return_to() {
    let world = running_shop().await;
    at(&world, &["1"]).await;
    world.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    world.run("shop", Command::up(CHANGED.replace("MARK: \"1\"", "MARK: \"2\"").leak())).await.unwrap_err();
    let endings: Vec<Ended> = world.history("shop").await.iter().map(|entry| entry.outcome).collect();
    assert_eq!(endings, [Ended::RolledBack, Ended::Succeeded, Ended::Succeeded]);
    world.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&world), "1");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_down_is_no_state_to_return_to() {
    let world = running_shop().await;
    world.run("shop", Command::up(CHANGED)).await.unwrap();
    world.run("shop", Command::Set("db", "environment.MARK", "never")).await.unwrap();
    world.run("shop", Command::Down).await.unwrap();
    world.run("shop", Command::up(CHANGED)).await.unwrap();
    world.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&world), "0", "what was taken down had never run as it was defined then");
}

#[tokio::test]
async fn an_instance_that_was_removed_since_returns_with_its_data() {
    let world = running_shop().await;
    world.engine.write_volume("devarch-shop-db-data", "rows");
    world.run("shop", Command::up(WITHOUT_WEB)).await.unwrap();
    assert!(!world.objects().await.containers.contains_key("devarch-shop-web"));
    world.run("shop", Command::Rollback).await.unwrap();
    assert!(world.objects().await.containers.contains_key("devarch-shop-web"));
    assert_eq!(world.engine.volume_content("devarch-shop-db-data"), "rows");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn names_and_host_ports_that_a_stack_has_now_stay() {
    let world = running_shop().await;
    at(&world, &["1"]).await;
    world.run("shop", Command::Rename("store")).await.unwrap();
    world.run("store", Command::apply()).await.unwrap();
    let ports = |stack: &devarch_core::stack::Stack| -> Vec<_> {
        stack.instances.values().map(|instance| instance.ports.clone()).collect()
    };
    let before = world.stack("store").await;
    world.run("store", Command::Rollback).await.unwrap();
    let after = world.stack("store").await;
    assert_eq!((&after.id, ports(&after)), (&before.id, ports(&before)));
    let request = world.engine.request("devarch-store-db").unwrap();
    assert_eq!(request.spec.environment["MARK"].reveal(), "0");
}

#[tokio::test]
async fn a_rollback_is_planned_before_anything_of_it_is_saved() {
    let world = running_shop().await;
    at(&world, &["1"]).await;
    let before = world.stack("shop").await;
    let draft = draft_rollback(world.ctx(), &stack(), None).await.unwrap();
    assert_ne!(draft.stack.instances, before.instances);
    assert_eq!(world.stack("shop").await, before);
    assert_eq!(mark(&world), "1");
}

#[tokio::test]
async fn the_file_counts_as_loaded_as_it_was_so_that_the_next_up_brings_it_back() {
    let world = running_shop().await;
    world.run("shop", Command::up(CHANGED)).await.unwrap();
    world.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&world), "0");
    world.run("shop", Command::up(CHANGED)).await.unwrap();
    assert_eq!(mark(&world), "1");
}

#[tokio::test]
async fn a_template_returns_as_it_was_even_where_the_catalog_has_another() {
    let world = World::new().await;
    let catalog = world.project().join("catalog");
    std::fs::create_dir_all(&catalog).unwrap();
    let write = |mark: &str| {
        let text = format!("name: tool\nimage: busybox:1.37\nenvironment: {{MARK: \"{mark}\"}}\n");
        std::fs::write(catalog.join("tool.yaml"), text).unwrap();
    };
    write("0");
    world.run("shop", Command::up(shop(&["db: {template: tool}"]))).await.unwrap();
    write("1");
    devarch_app::upgrade_templates(world.ctx(), &stack(), None).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(mark(&world), "1");
    std::fs::remove_file(catalog.join("tool.yaml")).unwrap();
    world.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&world), "0");
}

#[tokio::test]
async fn without_the_key_a_definition_with_secrets_can_not_be_returned_to() {
    let mut world = World::new().await;
    let yml = |mark: &str| {
        shop(&[&format!(
            "db: {{template: busybox, environment: {{MARK: \"{mark}\", PW: {{value: hush, secret: true}}}}}}"
        )])
    };
    for mark in ["0", "1"] {
        world.run("shop", Command::up(yml(mark))).await.unwrap();
    }
    world.lose_key().await;
    let before = world.objects().await;
    world.run("shop", Command::Rollback).await.unwrap_err();
    assert_eq!(world.objects().await, before);
}
