//! The contract of large contents of config files, on both databases.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

#[macro_use]
mod sandbox;

use devarch_core::{
    content::{ContentDigest, ContentRef, LARGE},
    plan::{AppliedSpec, SpecState},
    secret::{Secret, Stored},
    stack::Stack,
    template::{ConfigContent, ConfigFile},
};
use devarch_store::{ExposedContents, LetGo, StackError, Store, StoreError};
use sandbox::{
    Sandbox,
    samples::{applied, apply, get, lock, named, stack, stack_name},
};
use serde_json::json;
use std::collections::BTreeSet;

contract_tests!(
    a_content_is_stored_once_and_read_in_parts,
    a_stack_that_names_a_missing_content_is_rejected,
    a_content_is_deleted_with_the_last_definition_that_names_it,
    the_space_of_contents_is_freed_when_their_stack_is_deleted,
    contents_that_an_earlier_version_wrote_into_definitions_are_extracted_once,
    a_content_with_a_value_that_becomes_secret_is_removed_from_history,
);

/// An incompressible text of this many bytes.
fn text(of: &str, bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        let digest = ContentDigest::from_text(&format!("{of}{}", text.len()));
        text.push_str(digest.as_str());
    }
    text.truncate(bytes);
    text
}

fn with_file(stack: &mut Stack, instance: &str, content: ConfigContent) {
    let file = ConfigFile { content, mode: None, owner: None };
    get(stack, instance).overrides.config_files = [("/etc/large".to_owned(), Some(file))].into();
}

/// A stack with an instance whose file has that text.
async fn shop(store: &Store, text: &str) -> Stack {
    store.keep_content(text).await.unwrap();
    let mut shop = stack("shop", &["db", "web"]);
    with_file(&mut shop, "web", ConfigContent::Kept(ContentRef::from_text(text)));
    store.create_stack(&shop).await.unwrap();
    load(store).await
}

async fn load(store: &Store) -> Stack {
    store.stack(&stack_name("shop")).await.unwrap().unwrap()
}

async fn save(store: &Store, change: impl FnOnce(&mut Stack)) {
    let before = load(store).await;
    let mut after = before.clone();
    change(&mut after);
    store.save_stack(&before, &after, &LetGo::default()).await.unwrap();
}

fn occurrences(bytes: &[u8], text: &str) -> usize {
    // Rows are cut into pages: what a page has of it is enough.
    bytes.windows(512).filter(|window| *window == &text.as_bytes()[1024..1536]).count()
}

async fn a_content_is_stored_once_and_read_in_parts(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let large = text("a", 2_500_000);
    let digest = store.keep_content(&large).await.unwrap();
    assert_eq!(store.keep_content(&large).await.unwrap(), digest);
    assert_eq!(sandbox.count("contents").await, 3);
    let mut read = Vec::new();
    for at in 0.. {
        let Some(part) = store.content_part(&digest, at).await.unwrap() else { break };
        assert!(part.len() <= 1 << 20);
        read.extend(part);
    }
    assert!(read == large.as_bytes());
    assert!(store.content(&digest).await.unwrap().as_deref() == Some(large.as_str()));
    let other = ContentDigest::from_text("other");
    assert_eq!(store.content(&other).await.unwrap(), None);
    let both = BTreeSet::from([digest.clone(), other.clone()]);
    assert_eq!(store.missing_contents(both).await.unwrap(), [other].into());

    sandbox.execute("DELETE FROM contents WHERE part = 1").await.unwrap();
    let damaged = store.content(&digest).await.unwrap_err();
    assert!(matches!(damaged, StoreError::Database(_)), "{damaged}");
}

async fn a_stack_that_names_a_missing_content_is_rejected(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let kept = ContentRef::from_text("nobody kept it");
    let mut shop = stack("shop", &["web"]);
    with_file(&mut shop, "web", ConfigContent::Kept(kept.clone()));
    let refused = store.create_stack(&shop).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Stack(StackError::NoContent { digest }) if *digest == kept.sha256),
        "{refused}"
    );
    assert_eq!(sandbox.count("stacks").await, 0);
    let before = stack("shop", &["web"]);
    store.create_stack(&before).await.unwrap();
    let (before, mut after) = (load(&store).await, load(&store).await);
    with_file(&mut after, "web", ConfigContent::Kept(kept));
    let refused = store.save_stack(&before, &after, &LetGo::default()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stack(StackError::NoContent { .. })), "{refused}");
    assert!(load(&store).await == before);
}

async fn a_content_is_deleted_with_the_last_definition_that_names_it(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let large = text("a", LARGE + 1);
    let shop = shop(&store, &large).await;
    // Two instances, a template and the history name it.
    let kept = || ConfigContent::Kept(ContentRef::from_text(&large));
    save(&store, |stack| with_file(stack, "db", kept())).await;
    assert_eq!(sandbox.count("contents").await, 1);
    let held = lock(&store, &shop.id).await;
    let mut begun = apply("apply-1", &shop.id);
    begun.definition.open = json!({ "file": kept() }).to_string();
    store.begin_apply(&held, &begun).await.unwrap();
    held.release().await.unwrap();
    save(&store, |stack| get(stack, "web").overrides.config_files.clear()).await;
    save(&store, |stack| get(stack, "db").overrides.config_files.clear()).await;
    assert_eq!(sandbox.count("contents").await, 1, "a rollback needs it");
    let last = load(&store).await;
    store.delete_stack(&last, &LetGo::default()).await.unwrap();
    assert_eq!(sandbox.count("contents").await, 0);

    // An edit without a history releases it at once.
    self::shop(&store, &large).await;
    save(&store, |stack| get(stack, "web").overrides.config_files.clear()).await;
    assert_eq!(sandbox.count("contents").await, 0);
}

async fn the_space_of_contents_is_freed_when_their_stack_is_deleted(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let before = sandbox.bytes().await.len();
    let large = text("a", 12 << 20);
    let shop = shop(&store, &large).await;
    let with = sandbox.bytes().await;
    assert!(with.len() > before + large.len() && with.len() < before + 3 * large.len());
    store.delete_stack(&shop, &LetGo::default()).await.unwrap();
    let after = sandbox.bytes().await;
    assert!(after.len() < before + (5 << 20), "{} bytes, {before} before", after.len());
    assert_eq!(occurrences(&after, &large), 0);
}

async fn contents_that_an_earlier_version_wrote_into_definitions_are_extracted_once(sandbox: Sandbox) {
    let store = sandbox.open().await;
    let large = text("a", LARGE + 1);
    let mut shop = stack("shop", &["db", "web"]);
    for instance in ["db", "web"] {
        with_file(&mut shop, instance, ConfigContent::Content(large.clone()));
    }
    store.create_stack(&shop).await.unwrap();
    let mut made = applied("1:old");
    let spec = json!({"image": "x", "config_files": {"/etc/large": {"content": large, "mode": "0644"}}});
    made.spec.open = spec.to_string();
    let web = shop.instances[&named("web")].id.clone();
    store.record_applied(&shop.id, &web, &made).await.unwrap();
    let held = lock(&store, &shop.id).await;
    let mut begun = apply("apply-1", &shop.id);
    let file = json!({"instances": {"web": {"config_files": {"/etc/large": {"content": large}}}}});
    begun.definition.open = file.to_string();
    store.begin_apply(&held, &begun).await.unwrap();
    held.release().await.unwrap();
    store.close().await;
    let back = if sandbox.text.starts_with("sqlite:") {
        "PRAGMA user_version = 3"
    } else {
        "DELETE FROM _sqlx_migrations WHERE version = 4; DROP TABLE contents"
    };
    sandbox.execute(back).await.unwrap();

    for _ in 0..2 {
        let store = sandbox.open().await;
        let kept = ContentRef::from_text(&large);
        let now = load(&store).await;
        for name in ["db", "web"] {
            let files = &now.instances[&named(name)].overrides.config_files;
            assert_eq!(files["/etc/large"].as_ref().unwrap().content, ConfigContent::Kept(kept.clone()));
        }
        let applied = store.applied(&shop.id).await.unwrap();
        let remembered =
            AppliedSpec::read("1:old".to_owned(), &applied[&web][0].spec, SpecState::Completed).unwrap();
        assert_eq!(remembered.spec["config_files"]["/etc/large"]["content"], json!(kept));
        let begun = store.apply(&begun.id).await.unwrap().unwrap();
        assert!(begun.definition.open.contains(kept.sha256.as_str()), "{}", begun.definition.open);
        assert!(store.content(&kept.sha256).await.unwrap() == Some(large.clone()));
        assert_eq!(sandbox.count("contents").await, 1);
        store.close().await;
    }
}

async fn a_content_with_a_value_that_becomes_secret_is_removed_from_history(sandbox: Sandbox) {
    const VALUE: &str = "hunter2-in-a-large-file";
    let store = sandbox.open().await;
    let large = format!("{}{VALUE}", text("a", LARGE));
    let shop = shop(&store, &large).await;
    let kept = ContentRef::from_text(&large);
    let held = lock(&store, &shop.id).await;
    let mut begun = apply("apply-1", &shop.id);
    begun.definition.open = json!({"file": {"kept": kept}}).to_string();
    store.begin_apply(&held, &begun).await.unwrap();
    held.release().await.unwrap();
    let redefine = |was: Stored, exposed: &ExposedContents| {
        assert_eq!(exposed[&kept.sha256].reveal(), large);
        Stored { open: json!({"file": "secret"}).to_string(), ..was }
    };
    let values = [Secret::new(VALUE)];
    assert!(store.scrub(&shop.id, &values, &redefine).await.unwrap());
    let now = store.apply(&begun.id).await.unwrap().unwrap();
    assert_eq!(now.definition.open, json!({"file": "secret"}).to_string());
    assert_eq!(sandbox.count("contents").await, 1, "the stack still names it");
    save(&store, |stack| get(stack, "web").overrides.config_files.clear()).await;
    store.wipe().await.unwrap();
    assert_eq!(sandbox.count("contents").await, 0);
    let bytes = sandbox.bytes().await;
    assert!(!bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes()));
}
