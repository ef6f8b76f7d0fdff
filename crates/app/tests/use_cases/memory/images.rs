//! Images: what is pulled and built, and when.

use crate::{
    harness::{Command, World},
    stacks::{BUILT, NEWER, SHOP, UPGRADED},
};
use devarch_app::{ErrorKind, ImageOptions, PrepareOptions};
use devarch_core::template::PullPolicy;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Fault, plain_image};

/// How often the engine was asked for something.
fn count(world: &World, call: &str) -> usize {
    world.engine.changes().iter().filter(|change| change.starts_with(call)).count()
}

fn of_image(image: &str, more: &str) -> &'static str {
    format!(
        "version: \"1\"\nstacks:\n  shop:\n    instances:\n      web:\n        template: busybox\n        exports: []\n        image: {image}\n        {more}\n"
    )
    .leak()
}

async fn id_of(world: &World) -> String {
    world.objects().await.containers["devarch-shop-web"].id.to_string()
}

#[tokio::test]
async fn an_image_that_is_missing_is_pulled_once_and_before_anything_is_stopped() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    let made = world.engine.changes().len();
    world.run("shop", Command::up(UPGRADED)).await.unwrap();
    assert_eq!(world.engine.changes()[made], format!("PullImage {NEWER}"));
    world.run("shop", Command::up(UPGRADED)).await.unwrap();
    assert_eq!(count(&world, "PullImage"), 1);
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn an_image_that_can_not_be_had_leaves_everything_as_it_is_and_saves_nothing() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    let before = world.objects().await;
    let failed = world.run("shop", Command::up(UPGRADED)).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Failed, "{failed:?}");
    assert_eq!(world.objects().await, before);
    assert_eq!(world.plan("shop").await, None, "the definition is the one that runs");
    assert_eq!(world.history("shop").await.len(), 1);
}

#[tokio::test]
async fn an_image_that_must_not_be_pulled_is_not() {
    let world = World::new().await;
    world.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", Command::up(of_image(NEWER, "pull_policy: never"))).await.unwrap_err();
    assert!(world.engine.changes().is_empty(), "{:?}", world.engine.changes());
    world.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", Command::up(of_image(NEWER, "pull_policy: never"))).await.unwrap();
    assert_eq!(count(&world, "PullImage"), 0);
}

#[tokio::test]
async fn a_tag_that_is_looked_up_each_time_replaces_the_container_only_where_it_moved() {
    let world = World::new().await;
    let always = || Command::up(of_image(NEWER, "pull_policy: always"));
    world.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", always()).await.unwrap();
    let first = id_of(&world).await;
    world.run("shop", always()).await.unwrap();
    assert_eq!((count(&world, "PullImage"), id_of(&world).await), (2, first.clone()));
    world.engine.add_to_registry(NEWER, plain_image("sha256:c1c1"));
    world.run("shop", always()).await.unwrap();
    assert_ne!(id_of(&world).await, first);
    assert_eq!(world.objects().await.containers["devarch-shop-web"].image_id.as_str(), "sha256:c1c1");
}

#[tokio::test]
async fn a_tag_that_moved_in_the_registry_is_no_change_until_it_is_asked_for() {
    let world = World::new().await;
    world.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    let first = id_of(&world).await;
    world.engine.add_to_registry(NEWER, plain_image("sha256:c1c1"));
    world.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    assert_eq!((world.plan("shop").await, id_of(&world).await), (None, first.clone()));
    let images = ImageOptions { pull: Some(PullPolicy::Always), build: false };
    let pulling = PrepareOptions { images, ..PrepareOptions::default() };
    world.run("shop", Command::Up(of_image(NEWER, ""), pulling)).await.unwrap();
    assert_ne!(id_of(&world).await, first);
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn offline_what_is_there_runs_and_what_has_to_be_looked_up_fails_without_a_change() {
    let world = World::new().await;
    world.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    assert_eq!(count(&world, "PullImage"), 0);
    let before = world.objects().await;
    world.engine.inject(Fault::refused(Call::PullImage, "", Kind::Other));
    world.run("shop", Command::up(of_image(NEWER, "pull_policy: always"))).await.unwrap_err();
    assert_eq!(world.objects().await, before);
    world.run("shop", Command::Stop).await.unwrap();
    world.run("shop", Command::Start).await.unwrap();
    assert_eq!(id_of(&world).await, before.containers["devarch-shop-web"].id.to_string());
}

#[tokio::test]
async fn an_image_by_its_digest_is_asked_for_by_its_digest_alone() {
    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let world = World::new().await;
    let pinned = format!("busybox@{DIGEST}");
    world.engine.add_to_registry(&pinned, plain_image("sha256:d0d0"));
    world.run("shop", Command::up(of_image(&pinned, ""))).await.unwrap();
    assert_eq!(
        world.engine.changes().iter().find(|call| call.starts_with("PullImage")).unwrap(),
        &format!("PullImage {pinned}")
    );
    let request = world.engine.request("devarch-shop-web").unwrap();
    assert_eq!(request.spec.image, pinned);
    world.run("shop", Command::up(of_image(&pinned, ""))).await.unwrap();
    assert_eq!(count(&world, "PullImage"), 1);
}

#[tokio::test]
async fn an_image_whose_tag_moved_here_is_drift_that_an_apply_ends() {
    let world = World::new().await;
    world.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    world.run("shop", Command::up(of_image(NEWER, ""))).await.unwrap();
    let first = id_of(&world).await;
    world.engine.add_image(NEWER, plain_image("sha256:c1c1"));
    assert!(world.plan("shop").await.is_some());
    world.run("shop", Command::apply()).await.unwrap();
    assert_ne!(id_of(&world).await, first);
    assert_eq!(world.plan("shop").await, None);
}

/// The built image with an argument.
fn built_with(argument: &str) -> &'static str {
    BUILT
        .replace("build: {context: .,", &format!("build: {{context: ., args: {{MARK: \"{argument}\"}},"))
        .leak()
}

#[tokio::test]
async fn a_build_is_made_again_only_where_what_it_is_made_from_changed() {
    let world = World::new().await;
    world.run("shop", Command::up(built_with("1"))).await.unwrap();
    let first = world.objects().await.containers["devarch-shop-api"].clone();
    world.run("shop", Command::up(built_with("1"))).await.unwrap();
    assert_eq!(count(&world, "BuildImage"), 1);
    world.run("shop", Command::up(built_with("2"))).await.unwrap();
    let second = world.objects().await.containers["devarch-shop-api"].clone();
    assert_eq!(count(&world, "BuildImage"), 2);
    assert!(first.id != second.id && first.image_id != second.image_id, "{second:?}");
    std::fs::write(world.project().join("main.rs"), "fn main() {}").unwrap();
    assert!(world.plan("shop").await.is_some(), "a file of its context is new");
    world.run("shop", Command::up(built_with("2"))).await.unwrap();
    assert_eq!(count(&world, "BuildImage"), 3);
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_build_that_fails_leaves_what_runs_and_what_is_defined() {
    let world = World::new().await;
    world.run("shop", Command::up(BUILT)).await.unwrap();
    let before = world.objects().await;
    let broken = BUILT.replace("busybox:1.37\\n", "busybox:1.37\\nRUN exit 3\\n").leak();
    world.run("shop", Command::up(broken)).await.unwrap_err();
    assert_eq!(world.objects().await, before);
    assert_eq!(world.history("shop").await.len(), 1);
    // Its devarch.yml is a file of its context.
    world.run("shop", Command::up(BUILT)).await.unwrap();
    assert_eq!((world.objects().await, world.plan("shop").await), (before, None));
}
