//! What the store reports when its database can't be used.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_store::{Fault, OpeningError, Store, StoreError, StoreUrl};
use sandbox::{
    Sandbox,
    samples::{rich, stack},
};
use std::{
    error::Error,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

contract_tests!(a_newer_schema_is_refused, the_constraints_hold_without_the_store);

async fn a_newer_schema_is_refused(sandbox: Sandbox) {
    sandbox.open().await.create_stack(&rich()).await.unwrap();
    if sandbox.text.starts_with("sqlite:") {
        sandbox.execute("PRAGMA user_version = 99").await.unwrap();
    } else {
        let newer = "INSERT INTO _sqlx_migrations \
                     (version, description, success, checksum, execution_time) \
                     VALUES (99, 'later', true, '', 0)";
        sandbox.execute(newer).await.unwrap();
    }
    let refused = Store::open(&sandbox.url(), "here", &sandbox.key).await.unwrap_err();
    assert!(matches!(refused, StoreError::Opening(OpeningError::Newer { found: 99, known: 4, .. })));
    assert!(refused.to_string().contains("newer devarch"));
    assert_eq!(sandbox.count("stacks").await, 1);
}

async fn the_constraints_hold_without_the_store(sandbox: Sandbox) {
    let store = sandbox.open().await;
    store.create_stack(&rich()).await.unwrap();
    store.create_stack(&stack("other", &["i"])).await.unwrap();
    let other = "(SELECT id FROM instances WHERE name = 'i')";
    for statement in [
        "UPDATE stacks SET name = 'shop' WHERE name = 'other'".to_owned(),
        "UPDATE stacks SET host = 'here', subnet = '10.213.4.0/26' WHERE name = 'other'".to_owned(),
        "UPDATE instances SET container_name = 'devarch-shop-db' WHERE name = 'i'".to_owned(),
        "UPDATE instances SET name = 'db' WHERE name = 'web'".to_owned(),
        "UPDATE instances SET slot = 0 WHERE name = 'web'".to_owned(),
        "UPDATE volumes SET physical_name = 'devarch-shop-db-data'".to_owned(),
        format!("INSERT INTO ports VALUES ({other}, 'here', 1, 'udp', '0.0.0.0', 20001)"),
    ] {
        let refused = sandbox.execute(&statement).await.unwrap_err();
        let unique = refused.as_database_error().unwrap().is_unique_violation();
        assert!(unique, "{statement}: {refused}");
    }
    let templates = sandbox.execute("DELETE FROM templates").await.unwrap_err();
    assert!(templates.as_database_error().unwrap().is_foreign_key_violation());
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn sqlite(path: &Path) -> StoreUrl {
    StoreUrl::Sqlite(path.to_owned())
}

fn key(database: &Path) -> PathBuf {
    database.with_file_name("secret.key")
}

#[tokio::test]
async fn the_database_file_is_private() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/b/devarch.db");
    let store = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    store.create_stack(&rich()).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let files: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(files.len(), 6, "database, log, its index, lock, key file, its lock: {files:?}");
    for file in files {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;

    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn an_emptied_sqlite_database_beside_the_key_of_its_store_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("devarch.db");
    let store = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    store.create_stack(&rich()).await.unwrap();
    store.identity().await.unwrap();
    store.close().await;
    let keys = fs::read(key(&path)).unwrap();
    fs::write(&path, "").unwrap();
    for _ in 0..2 {
        let refused = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Opening(OpeningError::Emptied { .. })), "{refused:?}");
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
        let hint = refused.hint().unwrap();
        assert!(hint.contains("from a backup") && hint.contains("remove the empty file"), "{hint}");
    }
    assert_eq!((fs::read(&path).unwrap(), fs::read(key(&path)).unwrap()), (Vec::new(), keys));
    fs::remove_file(&path).unwrap();
    let new = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    assert_eq!(new.stack_names().await.unwrap(), []);
}

#[tokio::test]
async fn an_empty_sqlite_database_without_a_key_becomes_a_store() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("devarch.db");
    fs::write(&path, "").unwrap();
    let store = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    store.create_stack(&rich()).await.unwrap();
}

#[tokio::test]
async fn root_creates_no_files_in_a_home_of_another_user() {
    let home = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(home.path(), Some(12345), None).is_err() {
        println!("SKIPPED: only root can give a directory away");
        return;
    }
    for path in [home.path().join("devarch.db"), home.path().join("not/there/devarch.db")] {
        let refused = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::Opening(OpeningError::OthersHome { owner: 12345, .. })),
            "{refused:?}"
        );
        assert!(refused.hint().unwrap().contains("without sudo"), "{refused}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

fn database_fault(error: &StoreError) -> Fault {
    match error {
        StoreError::Database(error) => error.fault,
        other => panic!("{other:?} is not the database's"),
    }
}

#[tokio::test]
async fn a_damaged_database_is_reported_and_left_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("devarch.db");
    let garbage = b"this is not a database at all. ".repeat(300);
    fs::write(&path, &garbage).unwrap();
    let refused = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap_err();
    assert_eq!(database_fault(&refused), Fault::Damaged);
    assert!(refused.to_string().contains(path.to_str().unwrap()));
    assert_eq!(fs::read(&path).unwrap(), garbage);
}

#[tokio::test]
async fn a_row_that_does_not_parse_is_reported_as_damaged() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("devarch.db");
    let store = Store::open(&sqlite(&path), "here", &key(&path)).await.unwrap();
    store.create_stack(&rich()).await.unwrap();
    let sandbox = Sandbox::at(format!("sqlite:{}", path.display()), key(&path));
    sandbox.execute("UPDATE instances SET overrides = '{' WHERE name = 'web'").await.unwrap();
    let refused = store.stacks().await.unwrap_err();
    assert_eq!(database_fault(&refused), Fault::Damaged);
    assert!(refused.source().unwrap().to_string().contains("devarch-shop-web"));
}

#[tokio::test]
async fn a_file_in_place_of_the_directory_is_reported() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&sqlite(&file.join("devarch.db")), "here", &key(&file)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Opening(OpeningError::File { path, .. }) if *path == file),
        "{refused:?}"
    );
}

/// The messages of an error and its causes.
fn message(error: &StoreError) -> String {
    let mut message = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}

#[tokio::test]
async fn an_unreachable_server_is_reported_at_once_and_without_the_password() {
    let begun = std::time::Instant::now();
    let url = "postgres://me:topsecret@127.0.0.1:1/team?options=-c%20x%3Dtopsecret";
    let refused =
        Store::open(&url.parse().unwrap(), "here", Path::new("/nowhere/secret.key")).await.unwrap_err();
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!(database_fault(&refused), Fault::Unreachable);
    assert!(refused.to_string().contains("postgres://me@127.0.0.1:1/team"));
    assert!(!message(&refused).contains("topsecret"));
}

#[test]
fn a_password_that_postgres_refuses_is_not_shown() {
    sandbox::on_postgres(async |sandbox: Sandbox| {
        let (login, server) = sandbox.text.rsplit_once('@').unwrap();
        let (user, _) = login.rsplit_once(':').unwrap();
        let url = format!("{user}:topsecret@{server}");
        let refused = Store::open(&url.parse().unwrap(), "here", &sandbox.key).await.unwrap_err();
        assert_eq!(database_fault(&refused), Fault::Unreachable);
        assert!(!message(&refused).contains("topsecret"));
    });
}
