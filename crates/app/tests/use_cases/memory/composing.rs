//! Stacks as Compose files: in any state, with everything Compose can express and a note about the rest.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{LINKED, SHOP, shop, shop_of},
};
use devarch_app::{Composed, Conflict, OperationError, Written, compose_stack, write_compose};
use devarch_core::compose::ConfigPlace;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Fault};
use std::{os::unix::fs::PermissionsExt as _, path::Path};

async fn composed(sandbox: &Sandbox, place: ConfigPlace) -> Result<Composed, OperationError> {
    compose_stack(sandbox.ctx(), &parsed("shop"), place).await
}

async fn yaml(sandbox: &Sandbox) -> String {
    composed(sandbox, ConfigPlace::Inline).await.unwrap().file.to_yaml().unwrap()
}

async fn written(sandbox: &Sandbox, into: &Path, secrets: bool) -> Result<Written, OperationError> {
    let composed = composed(sandbox, ConfigPlace::Beside).await.unwrap();
    write_compose(sandbox.ctx(), &composed.file, into, secrets).await
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn the_compose_file_is_the_same_before_during_and_after_an_up() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let before = yaml(&sandbox).await;
    sandbox.run("shop", Command::apply()).await.unwrap();
    let up = yaml(&sandbox).await;
    sandbox.run("shop", Command::Down).await.unwrap();
    let down = yaml(&sandbox).await;
    assert_eq!(up, down);
    assert_eq!(before, up, "also before its first apply");
    for part in ["db:", "web:", "busybox:1.37", "condition: service_healthy", "hello"] {
        assert!(up.contains(part), "{part} is not in\n{up}");
    }
}

#[tokio::test]
async fn a_disabled_stack_is_composed_as_if_it_were_enabled() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let up = yaml(&sandbox).await;
    sandbox.enable("shop", false).await.unwrap();
    assert_eq!(yaml(&sandbox).await, up);
}

#[tokio::test]
async fn without_an_engine_the_file_is_composed_with_a_note() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let asked = composed(&sandbox, ConfigPlace::Inline).await.unwrap();
    assert!(asked.unasked.is_none());
    sandbox.engine.inject(Fault::refused(Call::Containers, "", Kind::NotRunning));
    let unasked = composed(&sandbox, ConfigPlace::Inline).await.unwrap();
    assert!(unasked.unasked.is_some());
    for part in ["db:", "web:", "busybox:1.37"] {
        assert!(unasked.file.to_yaml().unwrap().contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_definition_that_cannot_be_planned_is_not_composed() {
    let sandbox = Sandbox::new().await;
    let yml = shop_of(
        "secrets: {KEY: }",
        &[],
        &["web: {template: busybox, environment: {KEY: \"${secret:KEY}\"}}"],
    );
    sandbox.import("shop", yml).await;
    let error = composed(&sandbox, ConfigPlace::Inline).await.unwrap_err();
    assert!(error.to_string().contains("devarch secret set"), "{error}");
}

#[tokio::test]
async fn a_link_to_another_stack_is_left_out_with_a_note() {
    let sandbox = Sandbox::new().await;
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
    sandbox.run("shop", Command::up(LINKED)).await.unwrap();
    let composed = composed(&sandbox, ConfigPlace::Inline).await.unwrap();
    assert_eq!(composed.left_out.len(), 1);
    assert!(composed.left_out[0].contains("api reaches infra/db"), "{:?}", composed.left_out);
}

const FILES: &str = r#"web: {template: busybox, environment: {PW: {value: "it's hush", secret: true}}, config_files: {/etc/a.conf: {content: plain}, /etc/key: {content: hush, secret: true}}}"#;

#[tokio::test]
async fn secrets_are_written_only_on_request_and_readable_only_by_the_user() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&[FILES])).await;
    let (without, with) = (sandbox.project().join("without"), sandbox.project().join("with"));
    let plain = written(&sandbox, &without, false).await.unwrap();
    assert!(plain.left_out.iter().any(|path| path.contains("key")), "{:?}", plain.left_out);
    assert!(!without.join(".env").exists());
    assert!(plain.files.iter().all(|path| !text(path).contains("hush")), "{:?}", plain.files);
    let all = written(&sandbox, &with, true).await.unwrap();
    assert!(all.left_out.is_empty() && all.files.len() > plain.files.len());
    let variables = text(&with.join(".env"));
    assert!(variables.contains(r"it\'s hush"), "{variables}");
    let mode = with.join(".env").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!text(&with.join("compose.yaml")).contains("hush"), "the file itself refers to it");
}

#[tokio::test]
async fn an_existing_file_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let directory = sandbox.project();
    std::fs::write(directory.join("compose.yaml"), "mine").unwrap();
    let error = written(&sandbox, &directory, false).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Exists { .. })), "{error:?}");
    assert_eq!(hints(&error), "name another directory, or remove it");
    assert_eq!(text(&directory.join("compose.yaml")), "mine");
}

#[tokio::test]
async fn a_large_config_file_is_written_separately_and_left_out_of_inline_output() {
    let sandbox = Sandbox::new().await;
    let large = "line\\n".repeat(6_000);
    let yml = shop(&[&format!(
        "web: {{template: busybox, config_files: {{/etc/a.conf: {{content: \"{large}\"}}}}}}"
    )]);
    sandbox.import("shop", yml).await;
    let inline = composed(&sandbox, ConfigPlace::Inline).await.unwrap();
    assert!(
        inline.left_out.iter().any(|reported| reported.contains("devarch compose --dir DIR")),
        "{:?}",
        inline.left_out
    );
    let files = written(&sandbox, &sandbox.project().join("out"), false).await.unwrap().files;
    assert!(files.iter().any(|path| text(path) == "line\n".repeat(6_000)), "{files:?}");
}
