//! Changes made without DevArch: seen and named by the next plan, and corrected by the next apply.

use crate::{
    harness::{Command, Sandbox},
    stacks::{RUNNING, SHOP},
};
use devarch_core::{
    id::ContainerId,
    name::{ContainerName, NetworkName},
    observed::RunState,
};
use devarch_engine::Engine as _;
use devarch_testkit::memory::plain_image;

const DB: &str = "devarch-shop-db";
const WEB: &str = "devarch-shop-web";

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    sandbox
}

async fn id(sandbox: &Sandbox, name: &str) -> ContainerId {
    sandbox.objects().await.containers[name].id.clone()
}

/// Asserts that the plan contains these words, and that an apply restores the previous state.
async fn assert_corrected(sandbox: &Sandbox, words: &str) {
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(plan.contains(words), "{words} is not in\n{plan}");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(sandbox.objects().await.names().iter().eq(RUNNING), "{:?}", sandbox.objects().await.names());
    assert_eq!(sandbox.plan("shop").await, None);
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "rows");
}

#[tokio::test]
async fn an_exited_container_is_started_and_not_replaced() {
    let sandbox = running().await;
    let before = id(&sandbox, DB).await;
    sandbox.engine.end(DB, 1);
    assert_corrected(&sandbox, "db").await;
    assert_eq!(id(&sandbox, DB).await, before);
}

#[tokio::test]
async fn a_removed_container_is_recreated_with_its_data() {
    let sandbox = running().await;
    let before = id(&sandbox, DB).await;
    sandbox.remove_by_hand(DB).await;
    assert_corrected(&sandbox, "db  will be created (was removed by hand)").await;
    assert_ne!(id(&sandbox, DB).await, before);
}

#[tokio::test]
async fn a_renamed_container_gets_its_name_back_and_is_not_replaced() {
    let sandbox = running().await;
    let before = id(&sandbox, WEB).await;
    sandbox.engine.rename(&before, &ContainerName::from_stored("my-web")).await.unwrap();
    assert_corrected(&sandbox, "my-web").await;
    assert_eq!(id(&sandbox, WEB).await, before);
}

#[tokio::test]
async fn a_disconnected_container_is_reconnected() {
    let sandbox = running().await;
    let before = id(&sandbox, WEB).await;
    sandbox.engine.disconnect(&NetworkName::from_stored("devarch-shop-net"), &before).await.unwrap();
    assert_corrected(&sandbox, "web").await;
    assert!(sandbox.objects().await.containers[WEB].networks.contains_key("devarch-shop-net"));
}

#[tokio::test]
async fn a_container_that_cannot_be_started_any_more_is_replaced() {
    let sandbox = running().await;
    let before = id(&sandbox, WEB).await;
    sandbox.engine.stick(WEB);
    assert_corrected(&sandbox, "-/+ web").await;
    assert_ne!(id(&sandbox, WEB).await, before);
}

#[tokio::test]
async fn a_moved_tag_replaces_every_container_created_from_it() {
    let sandbox = running().await;
    let before = [id(&sandbox, DB).await, id(&sandbox, WEB).await];
    sandbox.engine.add_image("busybox:1.37", plain_image("sha256:b1b1"));
    assert_corrected(&sandbox, "-/+ db").await;
    let after = [id(&sandbox, DB).await, id(&sandbox, WEB).await];
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
}

#[tokio::test]
async fn a_stopped_stack_started_by_hand_is_stopped_again() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Stop).await.unwrap();
    let db = id(&sandbox, DB).await;
    sandbox.engine.start(&db).await.unwrap();
    assert!(sandbox.plan("shop").await.unwrap().contains("db"));
    sandbox.run("shop", Command::apply()).await.unwrap();
    let state = sandbox.objects().await.containers[DB].state;
    assert_eq!((state, sandbox.plan("shop").await), (RunState::Exited, None));
}

#[tokio::test]
async fn a_removed_volume_is_recreated_empty_and_reported() {
    let sandbox = running().await;
    sandbox.remove_by_hand(WEB).await;
    sandbox.remove_by_hand(DB).await;
    let volume = devarch_core::name::PhysicalVolume::from_stored("devarch-shop-db-data");
    sandbox.engine.remove_volume(&volume).await.unwrap();
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(plan.contains("db"), "{plan}");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(sandbox.objects().await.names().iter().eq(RUNNING));
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "");
}

#[tokio::test]
async fn manual_changes_are_not_changes_of_the_definition() {
    let sandbox = running().await;
    let before = sandbox.stack("shop").await;
    sandbox.engine.end(DB, 1);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.stack("shop").await, before);
}
