//! Stacks that are linked to each other.

use crate::{
    harness::{Command, World},
    stacks::LINKED,
};
use devarch_app::{Conflict, OperationError};
use devarch_core::observed::{ObservedContainer, RunState};

const PROVIDER: &str = "devarch-infra-db";
const CONSUMER: &str = "devarch-shop-api";
const LINK: &str = "devarch-shop-api.infra-db";

async fn linked() -> World {
    let world = World::new().await;
    world.run("infra", Command::up(LINKED)).await.unwrap();
    world.run("shop", Command::up(LINKED)).await.unwrap();
    world
}

async fn container(world: &World, name: &str) -> ObservedContainer {
    world.objects().await.containers[name].clone()
}

async fn are_connected(world: &World, provider: &str, consumer: &str, link: &str) -> bool {
    let objects = world.objects().await;
    let on = |name: &str| {
        let found = objects.containers.get(name);
        found.is_some_and(|found| found.state == RunState::Running && found.networks.contains_key(link))
    };
    objects.networks.contains_key(link) && on(provider) && on(consumer)
}

#[tokio::test]
async fn a_link_is_a_network_of_the_two_alone() {
    let world = linked().await;
    assert!(are_connected(&world, PROVIDER, CONSUMER, LINK).await, "{:?}", world.objects().await);
    let objects = world.objects().await;
    let members = objects.containers.values().filter(|container| container.networks.contains_key(LINK));
    assert_eq!(members.count(), 2);
    assert_eq!((world.plan("shop").await, world.plan("infra").await), (None, None));
    assert_eq!(world.linked_from("infra").await.len(), 1);
    assert!(world.linked_from("shop").await.is_empty());
}

#[tokio::test]
async fn a_provider_that_is_replaced_is_connected_again_and_its_consumer_stays() {
    let world = linked().await;
    let (provider, consumer) = (container(&world, PROVIDER).await, container(&world, CONSUMER).await);
    world.run("infra", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    world.run("infra", Command::apply()).await.unwrap();
    assert_ne!(container(&world, PROVIDER).await.id, provider.id);
    assert_eq!(container(&world, CONSUMER).await, consumer);
    assert!(are_connected(&world, PROVIDER, CONSUMER, LINK).await);
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_provider_that_is_taken_down_leaves_its_consumer_running_and_is_connected_when_it_is_back() {
    let world = linked().await;
    let consumer = container(&world, CONSUMER).await;
    world.run("infra", Command::Down).await.unwrap();
    let now = container(&world, CONSUMER).await;
    assert_eq!((now.id, now.state), (consumer.id, RunState::Running));
    world.run("infra", Command::up(LINKED)).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert!(are_connected(&world, PROVIDER, CONSUMER, LINK).await, "{:?}", world.objects().await);
    assert_eq!((world.plan("shop").await, world.plan("infra").await), (None, None));
}

#[tokio::test]
async fn a_consumer_that_is_taken_down_ends_the_link_and_leaves_the_provider() {
    let world = linked().await;
    let provider = container(&world, PROVIDER).await.id;
    world.run("shop", Command::Down).await.unwrap();
    let objects = world.objects().await;
    assert!(!objects.networks.contains_key(LINK));
    let left = &objects.containers[PROVIDER];
    assert_eq!((&left.id, left.state, left.networks.len()), (&provider, RunState::Running, 1));
    assert_eq!(world.plan("infra").await, None);
}

#[tokio::test]
async fn links_follow_the_new_name_of_a_provider() {
    let world = linked().await;
    world.run("infra", Command::Rename("hub")).await.unwrap();
    assert!(world.linked_from("infra").await.is_empty());
    assert_eq!(world.linked_from("hub").await.len(), 1);
    world.run("hub", Command::apply()).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert!(are_connected(&world, "devarch-hub-db", CONSUMER, "devarch-shop-api.hub-db").await);
    let names = world.objects().await.names();
    assert!(!names.iter().any(|name| name.contains("infra")), "{names:?}");
    assert_eq!((world.plan("shop").await, world.plan("hub").await), (None, None));
}

#[tokio::test]
async fn what_others_are_linked_to_is_not_removed() {
    let world = linked().await;
    let refused = world.run("infra", Command::RemoveInstance("db")).await.unwrap_err();
    assert!(
        matches!(&refused, OperationError::Conflict(Conflict::InUse(_)))
            && refused.to_string().contains("shop/api"),
        "{refused:?}"
    );
    world.run("infra", Command::Down).await.unwrap();
    let refused = world.run("infra", Command::DeleteWithVolumes).await.unwrap_err();
    assert!(
        matches!(&refused, OperationError::Conflict(Conflict::InUse(_)))
            && refused.to_string().contains("shop/api"),
        "{refused:?}"
    );
    assert!(world.knows("infra").await);
    world.run("shop", Command::Down).await.unwrap();
    world.run("shop", Command::Delete).await.unwrap();
    world.run("infra", Command::Delete).await.unwrap();
    assert!(world.objects().await.containers.is_empty() && world.objects().await.networks.is_empty());
}

#[tokio::test]
async fn a_wire_to_a_stack_that_does_not_exist_creates_nothing() {
    let world = World::new().await;
    world.run("shop", Command::up(LINKED)).await.unwrap_err();
    assert!(world.engine.changes().is_empty(), "{:?}", world.engine.changes());
    assert!(!world.knows("shop").await);
}
