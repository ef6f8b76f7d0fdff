//! The key of a home's secrets: exported, imported, replaced, and lost.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::shop_of,
};
use devarch_app::{ErrorKind, OperationError, SecretError, export_key, import_key, key_loss, rotate_key};
use devarch_core::secret::Secret;
use devarch_store::{KeyError, StoreError};
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "the-value-of-the-user";

fn passphrase() -> Secret {
    Secret::new("correct horse battery staple")
}

/// Creates a stack with an encrypted value of each kind.
async fn with_secrets() -> Sandbox {
    let sandbox = Sandbox::new().await;
    let yml = shop_of(
        "secrets: {KEY: , MADE: {generate: 24}}",
        &[],
        &[
            "db: {template: busybox, environment: {PW: {generate: 20}}, volumes: [\"data:/data\"]}",
            "web: {template: busybox, environment: {KEY: \"${secret:KEY}\", PIN: {value: \"4711-0815\", secret: true}}}",
        ],
    );
    sandbox.import("shop", yml).await;
    sandbox.set_secret("shop", "KEY", KEY).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    sandbox
}

#[tokio::test]
async fn an_exported_key_decrypts_the_secrets_after_its_loss() {
    let mut sandbox = with_secrets().await;
    let exported = export_key(sandbox.ctx(), &passphrase()).await.unwrap();
    assert!(!import_key(sandbox.ctx(), &exported, &passphrase()).await.unwrap(), "it is there");
    sandbox.lose_key().await;
    assert_eq!(sandbox.secret("shop", "KEY").await, None);
    let error = import_key(sandbox.ctx(), &exported, &Secret::new("wrong")).await.unwrap_err();
    assert!(matches!(error, OperationError::Store(StoreError::Key(KeyError::Export(_)))), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(import_key(sandbox.ctx(), &exported, &passphrase()).await.unwrap(), "it was not there");
    sandbox.reopen().await;
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), KEY);
    assert_eq!(sandbox.plan("shop").await, None, "nothing is replaced");
}

#[tokio::test]
async fn only_a_complete_key_of_this_store_is_imported() {
    let (sandbox, other) = (with_secrets().await, Sandbox::new().await);
    let exported = export_key(sandbox.ctx(), &passphrase()).await.unwrap();
    let cut: String = exported.lines().take(2).collect::<Vec<_>>().join("\n");
    let changed = exported.replacen(|c: char| c.is_ascii_digit(), "7", 40);
    for text in ["", "no key", &cut, &changed] {
        assert!(import_key(sandbox.ctx(), text, &passphrase()).await.is_err(), "{text:?}");
    }
    let theirs = export_key(other.ctx(), &passphrase()).await.unwrap();
    assert!(import_key(sandbox.ctx(), &theirs, &passphrase()).await.is_err(), "another store's");
    assert!(
        export_key(sandbox.ctx(), &Secret::new("")).await.is_err(),
        "a key is never exported without a passphrase"
    );
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), KEY);
}

#[tokio::test]
async fn a_new_key_reencrypts_every_value_and_the_old_key_decrypts_none() {
    let mut sandbox = with_secrets().await;
    let (old, before) = (sandbox.home_files(), sandbox.objects().await);
    let rotation = rotate_key(sandbox.ctx()).await.unwrap();
    assert!(rotation.values >= 4 && rotation.from != rotation.to && rotation.left.is_none(), "{rotation:?}");
    sandbox.reopen().await;
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), KEY);
    assert_eq!((sandbox.plan("shop").await, sandbox.objects().await), (None, before));
    let key = old.iter().find(|(name, _)| name == "secret.key").unwrap();
    let path = sandbox.home().join("secret.key");
    std::fs::write(&path, &key.1).unwrap();
    sandbox.reopen().await;
    assert_eq!(sandbox.secret("shop", "KEY").await, None);
}

#[tokio::test]
async fn values_lost_with_a_key_are_listed_before_they_are_discarded() {
    let mut sandbox = with_secrets().await;
    let error = key_loss(sandbox.ctx()).await.unwrap_err();
    assert!(matches!(error, OperationError::Store(StoreError::Key(KeyError::KeyThere))), "{error:?}");
    sandbox.lose_key().await;
    let loss = key_loss(sandbox.ctx()).await.unwrap();
    let texts = |all: Vec<String>| all.join(", ");
    assert_eq!(texts(loss.unset.iter().map(ToString::to_string).collect()), "shop KEY");
    assert_eq!(texts(loss.said.iter().map(ToString::to_string).collect()), "shop/web environment.PIN");
    assert_eq!(
        texts(loss.remade.iter().map(ToString::to_string).collect()),
        "shop secrets.MADE, shop/db environment.PW"
    );
    assert_eq!(
        loss.volumes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["devarch-shop-db-data of shop/db"]
    );
    assert!(loss.why.contains("secret.key"), "{}", loss.why);
    assert_eq!(key_loss(sandbox.ctx()).await.unwrap(), loss, "listing gives up nothing");
}

#[tokio::test]
async fn inline_values_are_missing_after_a_reset_until_they_are_set_again() {
    let mut sandbox = with_secrets().await;
    sandbox.lose_key().await;
    sandbox.reset_key().await.unwrap();
    sandbox.set_secret("shop", "KEY", KEY).await.unwrap();
    let before = sandbox.objects().await;
    let error = sandbox.run("shop", Command::apply()).await.unwrap_err();
    assert!(error.to_string().contains("web"), "{error}");
    assert_eq!(sandbox.objects().await, before);
    sandbox
        .run("shop", Command::Set("web", "environment.PIN", "{value: again, secret: true}"))
        .await
        .unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.engine.request("devarch-shop-web").unwrap().spec.environment["PIN"].reveal(), "again");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn values_kept_with_an_unused_volume_are_listed_as_lost() {
    let mut sandbox = with_secrets().await;
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    sandbox.lose_key().await;
    let loss = sandbox.reset_key().await.unwrap();
    assert_eq!(
        loss.volumes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["devarch-shop-db-data of shop/db"]
    );
    assert!(loss.unset.is_empty() && loss.remade.is_empty() && loss.replaced.is_empty(), "{loss:?}");
}

#[tokio::test]
async fn a_key_file_readable_by_other_users_is_refused_with_the_fix() {
    let mut sandbox = with_secrets().await;
    let path = sandbox.home().join("secret.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.reopen().await;
    let error = sandbox.set_secret("shop", "KEY", "x").await.unwrap_err();
    assert!(error.to_string().contains("secret.key"), "{error}");
    assert!(error.hints().concat().contains("chmod 600"), "{error:?}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.reopen().await;
    assert_eq!(sandbox.secret("shop", "KEY").await.unwrap(), KEY);
}

#[tokio::test]
async fn new_instances_are_refused_while_the_stores_own_key_cannot_be_read() {
    let mut sandbox = with_secrets().await;
    sandbox.lose_key().await;
    let new = devarch_app::NewInstance { name: parsed("more"), template: parsed("busybox") };
    let error = devarch_app::add_instance(sandbox.ctx(), &parsed("shop"), &new).await.unwrap_err();
    assert!(matches!(error, OperationError::Secret(SecretError::Locked(_))), "{error:?}");
    assert_eq!(sandbox.stack("shop").await.instances.len(), 2);
}
