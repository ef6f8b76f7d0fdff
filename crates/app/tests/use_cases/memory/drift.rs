//! What was changed past DevArch: seen by the next plan, named in it, and corrected by the next apply.

use crate::{
    harness::{Command, World},
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

async fn running() -> World {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume("devarch-shop-db-data", "rows");
    world
}

async fn id(world: &World, name: &str) -> ContainerId {
    world.objects().await.containers[name].id.clone()
}

/// The plan has these words, and after an apply all is as it was again.
async fn is_corrected(world: &World, words: &str) {
    let plan = world.plan("shop").await.unwrap();
    assert!(plan.contains(words), "{words} is not in\n{plan}");
    world.run("shop", Command::apply()).await.unwrap();
    assert!(world.objects().await.names().iter().eq(RUNNING), "{:?}", world.objects().await.names());
    assert_eq!(world.plan("shop").await, None);
    assert_eq!(world.engine.volume_content("devarch-shop-db-data"), "rows");
}

#[tokio::test]
async fn a_container_that_ended_is_started_again_and_not_replaced() {
    let world = running().await;
    let before = id(&world, DB).await;
    world.engine.end(DB, 1);
    is_corrected(&world, "db").await;
    assert_eq!(id(&world, DB).await, before);
}

#[tokio::test]
async fn a_container_that_was_removed_is_created_again_on_its_data() {
    let world = running().await;
    let before = id(&world, DB).await;
    world.remove_by_hand(DB).await;
    is_corrected(&world, "db  will be created (was removed by hand)").await;
    assert_ne!(id(&world, DB).await, before);
}

#[tokio::test]
async fn a_container_that_was_renamed_gets_its_name_back_and_is_not_replaced() {
    let world = running().await;
    let before = id(&world, WEB).await;
    world.engine.rename(&before, &ContainerName::from_stored("my-web")).await.unwrap();
    is_corrected(&world, "my-web").await;
    assert_eq!(id(&world, WEB).await, before);
}

#[tokio::test]
async fn a_container_that_was_disconnected_is_connected_again() {
    let world = running().await;
    let before = id(&world, WEB).await;
    world.engine.disconnect(&NetworkName::from_stored("devarch-shop-net"), &before).await.unwrap();
    is_corrected(&world, "web").await;
    assert!(world.objects().await.containers[WEB].networks.contains_key("devarch-shop-net"));
}

#[tokio::test]
async fn a_container_that_can_not_be_started_any_more_is_replaced() {
    let world = running().await;
    let before = id(&world, WEB).await;
    world.engine.stick(WEB);
    is_corrected(&world, "-/+ web").await;
    assert_ne!(id(&world, WEB).await, before);
}

#[tokio::test]
async fn a_tag_that_moved_replaces_every_container_made_from_it() {
    let world = running().await;
    let before = [id(&world, DB).await, id(&world, WEB).await];
    world.engine.add_image("busybox:1.37", plain_image("sha256:b1b1"));
    is_corrected(&world, "-/+ db").await;
    let after = [id(&world, DB).await, id(&world, WEB).await];
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
}

#[tokio::test]
async fn a_stopped_stack_that_was_started_by_hand_is_stopped_again() {
    let world = running().await;
    world.run("shop", Command::Stop).await.unwrap();
    let db = id(&world, DB).await;
    world.engine.start(&db).await.unwrap();
    assert!(world.plan("shop").await.unwrap().contains("db"));
    world.run("shop", Command::apply()).await.unwrap();
    let state = world.objects().await.containers[DB].state;
    assert_eq!((state, world.plan("shop").await), (RunState::Exited, None));
}

#[tokio::test]
async fn a_volume_that_was_removed_is_created_again_empty_and_reported() {
    let world = running().await;
    world.remove_by_hand(WEB).await;
    world.remove_by_hand(DB).await;
    let volume = devarch_core::name::PhysicalVolume::from_stored("devarch-shop-db-data");
    world.engine.remove_volume(&volume).await.unwrap();
    let plan = world.plan("shop").await.unwrap();
    assert!(plan.contains("db"), "{plan}");
    world.run("shop", Command::apply()).await.unwrap();
    assert!(world.objects().await.names().iter().eq(RUNNING));
    assert_eq!(world.engine.volume_content("devarch-shop-db-data"), "");
}

#[tokio::test]
async fn what_was_changed_by_hand_is_no_change_of_the_definition() {
    let world = running().await;
    let before = world.stack("shop").await;
    world.engine.end(DB, 1);
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.stack("shop").await, before);
}
