//! A stack's stored secrets: set, listed, shown on request, removed; and erased where they were plain before.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{shop, shop_of},
};
use devarch_app::{
    Conflict, ErrorKind, InUse, NotFound, OperationError, SecretError, SecretInfo, Unreadable,
    generate_secret, keep_imported_secrets, list_secrets, reveal_secret, secret_mask,
};
use devarch_core::{
    name::{InstanceName, StackName},
    secret::{Charset, Generate, Secret},
};
use std::collections::BTreeMap;

fn stack() -> StackName {
    parsed("shop")
}

async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().await;
    let yml = shop_of(
        "secrets: {KEY: , MADE: {generate: 24}}",
        &[],
        &[
            "web: {template: busybox, environment: {KEY: \"k=${secret:KEY}\", PW: {generate: 20}, MODE: dev}}",
            "db: {template: busybox, secrets: [KEY]}",
        ],
    );
    sandbox.import("shop", yml).await;
    sandbox
}

async fn list(sandbox: &Sandbox) -> Vec<SecretInfo> {
    list_secrets(sandbox.ctx(), &stack()).await.unwrap()
}

async fn reveal(sandbox: &Sandbox, instance: Option<&str>, name: &str) -> Result<String, OperationError> {
    let instance: Option<InstanceName> = instance.map(parsed);
    let secret = reveal_secret(sandbox.ctx(), &stack(), instance.as_ref(), name).await?;
    Ok(secret.reveal().to_owned())
}

#[tokio::test]
async fn secrets_are_listed_with_their_users_and_never_their_values() {
    let sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "hush-hush").await.unwrap();
    let all = list(&sandbox).await;
    let names: Vec<_> = all.iter().map(|info| (info.name.as_str(), info.set, info.used_by.len())).collect();
    assert_eq!(names, [("KEY", true, 2), ("MADE", true, 0), ("PW", true, 1)]);
    assert_eq!(all[2].instance, Some(parsed("web")));
    let uses: Vec<String> = all[0].used_by.iter().map(ToString::to_string).collect();
    assert!(uses.contains(&"web.environment.KEY".to_owned()), "{uses:?}");
    assert!(!serde_json::to_string(&all).unwrap().contains("hush-hush"));
}

#[tokio::test]
async fn a_secret_in_use_that_was_never_set_is_listed_as_missing() {
    let sandbox = sandbox().await;
    let all = list(&sandbox).await;
    assert_eq!((all[0].name.as_str(), all[0].set, all[0].changed_at), ("KEY", false, None));
    sandbox.clock.advance(std::time::Duration::from_secs(5));
    sandbox.set_secret("shop", "KEY", "a").await.unwrap();
    let first = list(&sandbox).await[0].changed_at.unwrap();
    sandbox.clock.advance(std::time::Duration::from_secs(5));
    sandbox.set_secret("shop", "KEY", "b").await.unwrap();
    assert_eq!(list(&sandbox).await[0].changed_at.unwrap() - first, 5_000);
}

#[tokio::test]
async fn setting_a_secret_reports_whether_it_existed() {
    let sandbox = sandbox().await;
    assert!(!sandbox.set_secret("shop", "KEY", "a").await.unwrap());
    assert!(sandbox.set_secret("shop", "KEY", "b").await.unwrap());
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), "b");
}

#[tokio::test]
async fn an_invalid_secret_is_refused_and_the_previous_value_kept() {
    let sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "first").await.unwrap();
    for value in ["", "a\0b"] {
        let error = sandbox.set_secret("shop", "KEY", value).await.unwrap_err();
        assert!(matches!(error, OperationError::Secret(SecretError::Unfit { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), "first");
    sandbox.set_secret("shop", "KEY", "  spaces and \"quotes\"\n").await.unwrap();
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), "  spaces and \"quotes\"\n");
}

#[tokio::test]
async fn a_generated_secret_has_the_requested_length_and_characters() {
    let sandbox = sandbox().await;
    for (charset, fits) in [
        (Charset::Hex, (|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()) as fn(char) -> bool),
        (Charset::Alphanumeric, |c| c.is_ascii_alphanumeric()),
        (Charset::Printable, |c| c.is_ascii_graphic()),
    ] {
        let mut seen = Vec::new();
        for _ in 0..3 {
            generate_secret(sandbox.ctx(), &stack(), &parsed("KEY"), Generate { length: 48, charset })
                .await
                .unwrap();
            let value = sandbox.secret("shop", "KEY").await.unwrap();
            assert!(value.len() == 48 && value.chars().all(fits), "{charset:?}: {value}");
            assert!(!seen.contains(&value));
            seen.push(value);
        }
    }
}

#[tokio::test]
async fn a_secret_value_is_shown_when_requested_by_name() {
    let sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "hush").await.unwrap();
    assert_eq!(reveal(&sandbox, None, "KEY").await.unwrap(), "hush");
    assert_eq!(reveal(&sandbox, Some("web"), "KEY").await.unwrap(), "k=hush", "as its container gets it");
    assert_eq!(reveal(&sandbox, Some("web"), "PW").await.unwrap().len(), 20);
    let error = reveal(&sandbox, Some("web"), "MODE").await.unwrap_err();
    assert!(matches!(error, OperationError::Secret(SecretError::NotSecret { .. })), "{error:?}");
    let error = reveal(&sandbox, None, "KEYS").await.unwrap_err();
    assert_eq!((error.kind(), hints(&error).as_str()), (ErrorKind::NotFound, "did you mean 'KEY'?"));
    let error = reveal(&sandbox, Some("web"), "PWD").await.unwrap_err();
    assert_eq!(hints(&error), "did you mean 'PW'?");
    assert!(reveal(&sandbox, Some("wbe"), "PW").await.is_err());
}

#[tokio::test]
async fn only_an_unused_and_undeclared_secret_is_removed() {
    let sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "hush").await.unwrap();
    sandbox.set_secret("shop", "SPARE", "spare").await.unwrap();
    let error = sandbox.remove_secret("shop", "KEY").await.unwrap_err();
    let OperationError::Conflict(Conflict::InUse(InUse::Secret { users, .. })) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(users.len(), 2, "{users:?}");
    let error = sandbox.remove_secret("shop", "MADE").await.unwrap_err();
    assert!(matches!(error, OperationError::Secret(SecretError::Declared { .. })), "{error:?}");
    sandbox.remove_secret("shop", "SPARE").await.unwrap();
    let error = sandbox.remove_secret("shop", "SPARE").await.unwrap_err();
    assert!(matches!(error, OperationError::NotFound(NotFound::Secret { .. })), "{error:?}");
}

#[tokio::test]
async fn without_the_key_no_secret_is_shown_or_removed_and_the_reason_is_listed() {
    let mut sandbox = sandbox().await;
    sandbox.set_secret("shop", "SPARE", "spare").await.unwrap();
    sandbox.lose_key().await;
    let all = list(&sandbox).await;
    assert!(all.iter().filter(|info| info.set).all(|info| info.locked.is_some()), "{all:?}");
    let error = reveal(&sandbox, None, "SPARE").await.unwrap_err();
    assert!(
        matches!(error, OperationError::Secret(SecretError::Unreadable(Unreadable::Secret { .. }))),
        "{error:?}"
    );
    assert!(sandbox.set_secret("shop", "SPARE", "again").await.is_err(), "it could not be encrypted");
}

#[tokio::test]
async fn secrets_of_an_import_are_stored_with_a_new_or_an_existing_stack() {
    let sandbox = Sandbox::new().await;
    std::fs::write(sandbox.project().join("devarch.yml"), shop(&["web: {template: busybox}"])).unwrap();
    let keep = async |value: &str| {
        let secrets = BTreeMap::from([(parsed("TOKEN"), Secret::new(value))]);
        keep_imported_secrets(sandbox.ctx(), &sandbox.project(), &stack(), &secrets).await
    };
    keep("").await.unwrap_err();
    assert!(!sandbox.knows("shop").await, "all or nothing");
    keep("first").await.unwrap();
    assert_eq!(sandbox.secret("shop", "TOKEN").await.unwrap(), "first");
    keep("second").await.unwrap();
    assert_eq!(sandbox.secret("shop", "TOKEN").await.unwrap(), "second");
    assert!(sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn a_mask_hides_current_secrets_and_those_of_existing_containers() {
    let sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "the-old-value").await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    sandbox.set_secret("shop", "KEY", "the-new-value").await.unwrap();
    let mask = secret_mask(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap();
    let text = mask.text("a the-old-value and the-new-value b").into_owned();
    assert!(!text.contains("the-old-value") && !text.contains("the-new-value"), "{text}");
    assert!(text.starts_with("a ") && text.ends_with(" b"), "{text}");
    assert_eq!(mask.text("nothing to hide"), "nothing to hide");
}

#[tokio::test]
async fn without_the_key_a_mask_hides_everything() {
    let mut sandbox = sandbox().await;
    sandbox.set_secret("shop", "KEY", "the-value").await.unwrap();
    sandbox.lose_key().await;
    let mask = secret_mask(sandbox.ctx(), &sandbox.stack("shop").await).await.unwrap();
    let text = mask.text("nothing to hide").into_owned();
    assert!(!text.contains("nothing"), "{text}");
}

/// Returns whether a text is anywhere in the home's files.
fn in_files(sandbox: &Sandbox, text: &str) -> bool {
    let found = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    sandbox.home_files().iter().any(|(_, bytes)| found(bytes))
}

const PLAIN: &str = "a-password-that-was-plain";

fn with_password(value: &str) -> &'static str {
    shop(&[&format!("web: {{template: busybox, environment: {{PW: {value}, MARK: \"1\"}}}}")])
}

#[tokio::test]
async fn a_value_that_becomes_a_secret_is_erased_from_plans_history_and_files() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(with_password("x"))).await.unwrap();
    for (field, value) in [("environment.PW", PLAIN), ("environment.MARK", "2")] {
        sandbox.run("shop", Command::Set("web", field, value)).await.unwrap();
        sandbox.save_plan("shop", false).await;
        sandbox.run("shop", Command::apply()).await.unwrap();
    }
    assert!(in_files(&sandbox, PLAIN), "it was plain");
    let secret = "{value: a-password-that-was-plain, secret: true}";
    sandbox.run("shop", Command::Set("web", "environment.PW", secret)).await.unwrap();
    assert!(!in_files(&sandbox, PLAIN), "it is a secret now, and was overwritten");
    let history = sandbox.history_of("shop", None).await.unwrap();
    assert!(!serde_json::to_string(&history).unwrap().contains(PLAIN));
    sandbox.run("shop", Command::apply()).await.unwrap();
    let environment = sandbox.engine.request("devarch-shop-web").unwrap().spec.environment;
    assert_eq!(environment["PW"].reveal(), PLAIN);
}

#[tokio::test]
async fn a_rollback_to_a_formerly_plain_value_restores_it_as_a_secret() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(with_password(PLAIN))).await.unwrap();
    let secret = format!("{{value: {PLAIN}, secret: true}}");
    sandbox.run("shop", Command::up(with_password(&secret))).await.unwrap();
    sandbox.run("shop", Command::up(with_password("{value: another-password, secret: true}"))).await.unwrap();
    let first = sandbox.history("shop").await.last().unwrap().apply.to_string();
    sandbox.roll_back_to("shop", &first).await.unwrap();
    let environment = sandbox.engine.request("devarch-shop-web").unwrap().spec.environment;
    assert_eq!(environment["PW"].reveal(), PLAIN);
    assert!(environment["PW"].is_secret());
    assert!(!in_files(&sandbox, PLAIN));
}

#[tokio::test]
async fn a_large_config_file_whose_text_becomes_a_secret_is_erased() {
    let sandbox = Sandbox::new().await;
    let large = format!("{}{PLAIN}\\n", "line\\n".repeat(6_000));
    let yml = |more: &str| -> &'static str {
        shop(&[&format!(
            "web: {{template: busybox, config_files: {{/a.conf: {{content: \"{large}\"{more}}}}}}}"
        )])
    };
    sandbox.run("shop", Command::up(yml(""))).await.unwrap();
    assert!(in_files(&sandbox, PLAIN));
    sandbox.run("shop", Command::up(yml(", secret: true"))).await.unwrap();
    assert!(!in_files(&sandbox, PLAIN));
    assert_eq!(sandbox.plan("shop").await, None);
}
