//! Images: which are pulled and built, and when.

use crate::{
    harness::{Command, Sandbox},
    stacks::{BUILT, NEWER, SHOP, UPGRADED},
};
use devarch_app::{ErrorKind, ImageOptions, PrepareOptions};
use devarch_core::template::PullPolicy;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Fault, plain_image};

/// Returns how often a call was made to the engine.
fn count(sandbox: &Sandbox, call: &str) -> usize {
    sandbox.engine.changes().iter().filter(|change| change.starts_with(call)).count()
}

fn of_image(image: &str, more: &str) -> &'static str {
    format!(
        "version: \"1\"\nstacks:\n  shop:\n    instances:\n      web:\n        template: busybox\n        exports: []\n        image: {image}\n        {more}\n"
    )
    .leak()
}

async fn id_of(sandbox: &Sandbox) -> String {
    sandbox.objects().await.containers["devarch-shop-web"].id.to_string()
}

#[tokio::test]
async fn a_missing_image_is_pulled_once_before_anything_is_stopped() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    let made = sandbox.engine.changes().len();
    sandbox.run("shop", Command::up(UPGRADED)).await.unwrap();
    assert_eq!(sandbox.engine.changes()[made], format!("PullImage {NEWER}"));
    sandbox.run("shop", Command::up(UPGRADED)).await.unwrap();
    assert_eq!(count(&sandbox, "PullImage"), 1);
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn an_unavailable_image_changes_and_saves_nothing() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.objects().await;
    let failed = sandbox.run("shop", Command::up(UPGRADED)).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Failed, "{failed:?}");
    assert_eq!(sandbox.objects().await, before);
    assert_eq!(sandbox.plan("shop").await, None, "the definition is the one that runs");
    assert_eq!(sandbox.history("shop").await.len(), 1);
}

#[tokio::test]
async fn an_image_is_not_pulled_against_its_policy() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(of_image(NEWER, "pull_policy: never"))).await.unwrap_err();
    assert!(sandbox.engine.changes().is_empty(), "{:?}", sandbox.engine.changes());
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(of_image(NEWER, "pull_policy: never"))).await.unwrap();
    assert_eq!(count(&sandbox, "PullImage"), 0);
}

#[tokio::test]
async fn an_always_pulled_tag_replaces_the_container_only_if_it_moved() {
    let sandbox = Sandbox::new().await;
    let always = || Command::up(of_image(NEWER, "pull_policy: always"));
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", always()).await.unwrap();
    let first = id_of(&sandbox).await;
    sandbox.run("shop", always()).await.unwrap();
    assert_eq!((count(&sandbox, "PullImage"), id_of(&sandbox).await), (2, first.clone()));
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c1c1"));
    sandbox.run("shop", always()).await.unwrap();
    assert_ne!(id_of(&sandbox).await, first);
    assert_eq!(sandbox.objects().await.containers["devarch-shop-web"].image_id.as_str(), "sha256:c1c1");
}

#[tokio::test]
async fn a_tag_moved_in_the_registry_is_ignored_until_a_pull_is_requested() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    let first = id_of(&sandbox).await;
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c1c1"));
    sandbox.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    assert_eq!((sandbox.plan("shop").await, id_of(&sandbox).await), (None, first.clone()));
    let images = ImageOptions { pull: Some(PullPolicy::Always), build: false };
    let pulling = PrepareOptions { images, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(of_image(NEWER, ""), pulling)).await.unwrap();
    assert_ne!(id_of(&sandbox).await, first);
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn offline_existing_images_run_and_required_lookups_fail_without_changes() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    assert_eq!(count(&sandbox, "PullImage"), 0);
    let before = sandbox.objects().await;
    sandbox.engine.inject(Fault::refused(Call::PullImage, "", Kind::Other));
    sandbox.run("shop", Command::up(of_image(NEWER, "pull_policy: always"))).await.unwrap_err();
    assert_eq!(sandbox.objects().await, before);
    sandbox.run("shop", Command::Stop).await.unwrap();
    sandbox.run("shop", Command::Start).await.unwrap();
    assert_eq!(id_of(&sandbox).await, before.containers["devarch-shop-web"].id.to_string());
}

#[tokio::test]
async fn an_image_with_a_digest_is_requested_by_digest_only() {
    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let sandbox = Sandbox::new().await;
    let pinned = format!("busybox@{DIGEST}");
    sandbox.engine.add_to_registry(&pinned, plain_image("sha256:d0d0"));
    sandbox.run("shop", Command::up(of_image(&pinned, ""))).await.unwrap();
    assert_eq!(
        sandbox.engine.changes().iter().find(|call| call.starts_with("PullImage")).unwrap(),
        &format!("PullImage {pinned}")
    );
    let request = sandbox.engine.request("devarch-shop-web").unwrap();
    assert_eq!(request.spec.image, pinned);
    sandbox.run("shop", Command::up(of_image(&pinned, ""))).await.unwrap();
    assert_eq!(count(&sandbox, "PullImage"), 1);
}

#[tokio::test]
async fn a_locally_moved_tag_is_drift_that_an_apply_corrects() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    sandbox.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    let first = id_of(&sandbox).await;
    sandbox.engine.add_image(NEWER, plain_image("sha256:c1c1"));
    assert!(sandbox.plan("shop").await.is_some());
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_ne!(id_of(&sandbox).await, first);
    assert_eq!(sandbox.plan("shop").await, None);
}

/// Returns the stack with the built image, with a build argument.
fn built_with(argument: &str) -> &'static str {
    BUILT
        .replace("build: {context: .,", &format!("build: {{context: ., args: {{MARK: \"{argument}\"}},"))
        .leak()
}

#[tokio::test]
async fn an_image_is_rebuilt_only_if_its_context_changed() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(built_with("1"))).await.unwrap();
    let first = sandbox.objects().await.containers["devarch-shop-api"].clone();
    sandbox.run("shop", Command::up(built_with("1"))).await.unwrap();
    assert_eq!(count(&sandbox, "BuildImage"), 1);
    sandbox.run("shop", Command::up(built_with("2"))).await.unwrap();
    let second = sandbox.objects().await.containers["devarch-shop-api"].clone();
    assert_eq!(count(&sandbox, "BuildImage"), 2);
    assert!(first.id != second.id && first.image_id != second.image_id, "{second:?}");
    std::fs::write(sandbox.project().join("main.rs"), "fn main() {}").unwrap();
    assert!(sandbox.plan("shop").await.is_some(), "a file of its context is new");
    sandbox.run("shop", Command::up(built_with("2"))).await.unwrap();
    assert_eq!(count(&sandbox, "BuildImage"), 3);
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_failed_build_keeps_running_containers_and_the_definition() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(BUILT)).await.unwrap();
    let before = sandbox.objects().await;
    let broken = BUILT.replace("busybox:1.37\\n", "busybox:1.37\\nRUN exit 3\\n").leak();
    sandbox.run("shop", Command::up(broken)).await.unwrap_err();
    assert_eq!(sandbox.objects().await, before);
    assert_eq!(sandbox.history("shop").await.len(), 1);
    // Its devarch.yml is a file of its context.
    sandbox.run("shop", Command::up(BUILT)).await.unwrap();
    assert_eq!((sandbox.objects().await, sandbox.plan("shop").await), (before, None));
}
