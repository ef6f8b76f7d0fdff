//! Rollbacks to an earlier definition: which one, what is restored, and what is kept as it is now.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{CHANGED, WITHOUT_WEB, running_shop, shop},
};
use devarch_app::{Ended, ErrorKind, NotFound, OperationError, draft_rollback};
use devarch_core::name::StackName;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Fault};

fn stack() -> StackName {
    parsed("shop")
}

fn mark(sandbox: &Sandbox) -> String {
    sandbox.engine.request("devarch-shop-db").unwrap().spec.environment["MARK"].reveal().to_owned()
}

async fn at(sandbox: &Sandbox, marks: &[&'static str]) {
    for mark in marks {
        sandbox.run("shop", Command::Set("db", "environment.MARK", mark)).await.unwrap();
        sandbox.run("shop", Command::apply()).await.unwrap();
    }
}

#[tokio::test]
async fn a_stack_without_an_earlier_definition_cannot_be_rolled_back() {
    let sandbox = running_shop().await;
    for _ in 0..2 {
        let error = sandbox.run("shop", Command::Rollback).await.unwrap_err();
        assert!(matches!(error, OperationError::NotFound(NotFound::Apply { id: None, .. })), "{error:?}");
        assert_eq!(
            (error.kind(), hints(&error).as_str()),
            (ErrorKind::NotFound, "`devarch history shop` lists all")
        );
        sandbox.run("shop", Command::Stop).await.unwrap();
        sandbox.run("shop", Command::Start).await.unwrap();
    }
}

#[tokio::test]
async fn a_second_rollback_reverts_the_first() {
    let sandbox = running_shop().await;
    at(&sandbox, &["1"]).await;
    for expected in ["0", "1", "0"] {
        sandbox.run("shop", Command::Rollback).await.unwrap();
        assert_eq!(mark(&sandbox), expected);
    }
}

#[tokio::test]
async fn a_rollback_discards_an_edit_that_was_never_applied() {
    let sandbox = running_shop().await;
    at(&sandbox, &["1"]).await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "never")).await.unwrap();
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&sandbox), "1", "the last that was applied");
}

#[tokio::test]
async fn a_failed_apply_is_not_a_rollback_target() {
    let sandbox = running_shop().await;
    at(&sandbox, &["1"]).await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    sandbox.run("shop", Command::up(CHANGED.replace("MARK: \"1\"", "MARK: \"2\"").leak())).await.unwrap_err();
    let endings: Vec<Ended> = sandbox.history("shop").await.iter().map(|entry| entry.outcome).collect();
    assert_eq!(endings, [Ended::RolledBack, Ended::Succeeded, Ended::Succeeded]);
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&sandbox), "1");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_down_is_not_a_rollback_target() {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    sandbox.run("shop", Command::Set("db", "environment.MARK", "never")).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&sandbox), "0", "what was taken down had never run as it was defined then");
}

#[tokio::test]
async fn a_rollback_restores_a_removed_instance_with_its_data() {
    let sandbox = running_shop().await;
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    sandbox.run("shop", Command::up(WITHOUT_WEB)).await.unwrap();
    assert!(!sandbox.objects().await.containers.contains_key("devarch-shop-web"));
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert!(sandbox.objects().await.containers.contains_key("devarch-shop-web"));
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "rows");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_rollback_keeps_current_names_and_host_ports() {
    let sandbox = running_shop().await;
    at(&sandbox, &["1"]).await;
    sandbox.run("shop", Command::Rename("store")).await.unwrap();
    sandbox.run("store", Command::apply()).await.unwrap();
    let ports = |stack: &devarch_core::stack::Stack| -> Vec<_> {
        stack.instances.values().map(|instance| instance.ports.clone()).collect()
    };
    let before = sandbox.stack("store").await;
    sandbox.run("store", Command::Rollback).await.unwrap();
    let after = sandbox.stack("store").await;
    assert_eq!((&after.id, ports(&after)), (&before.id, ports(&before)));
    let request = sandbox.engine.request("devarch-store-db").unwrap();
    assert_eq!(request.spec.environment["MARK"].reveal(), "0");
}

#[tokio::test]
async fn a_rollback_is_planned_before_anything_of_it_is_saved() {
    let sandbox = running_shop().await;
    at(&sandbox, &["1"]).await;
    let before = sandbox.stack("shop").await;
    let draft = draft_rollback(sandbox.ctx(), &stack(), None).await.unwrap();
    assert_ne!(draft.stack.instances, before.instances);
    assert_eq!(sandbox.stack("shop").await, before);
    assert_eq!(mark(&sandbox), "1");
}

#[tokio::test]
async fn the_next_up_after_a_rollback_applies_the_file_again() {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&sandbox), "0");
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    assert_eq!(mark(&sandbox), "1");
}

#[tokio::test]
async fn a_rollback_restores_a_template_even_if_the_catalog_has_another() {
    let sandbox = Sandbox::new().await;
    let catalog = sandbox.project().join("catalog");
    std::fs::create_dir_all(&catalog).unwrap();
    let write = |mark: &str| {
        let text = format!("name: tool\nimage: busybox:1.37\nenvironment: {{MARK: \"{mark}\"}}\n");
        std::fs::write(catalog.join("tool.yaml"), text).unwrap();
    };
    write("0");
    sandbox.run("shop", Command::up(shop(&["db: {template: tool}"]))).await.unwrap();
    write("1");
    devarch_app::upgrade_templates(sandbox.ctx(), &stack(), None).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(mark(&sandbox), "1");
    std::fs::remove_file(catalog.join("tool.yaml")).unwrap();
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(mark(&sandbox), "0");
}

#[tokio::test]
async fn without_the_key_a_definition_with_secrets_cannot_be_rolled_back_to() {
    let mut sandbox = Sandbox::new().await;
    let yml = |mark: &str| {
        shop(&[&format!(
            "db: {{template: busybox, environment: {{MARK: \"{mark}\", PW: {{value: hush, secret: true}}}}}}"
        )])
    };
    for mark in ["0", "1"] {
        sandbox.run("shop", Command::up(yml(mark))).await.unwrap();
    }
    sandbox.lose_key().await;
    let before = sandbox.objects().await;
    sandbox.run("shop", Command::Rollback).await.unwrap_err();
    assert_eq!(sandbox.objects().await, before);
}
