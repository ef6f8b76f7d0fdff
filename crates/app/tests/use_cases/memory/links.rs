//! Links between stacks.

use crate::{
    harness::{Command, Sandbox},
    stacks::LINKED,
};
use devarch_app::{Conflict, OperationError};
use devarch_core::observed::{ObservedContainer, RunState};

const PROVIDER: &str = "devarch-infra-db";
const CONSUMER: &str = "devarch-shop-api";
const LINK: &str = "devarch-shop-api.infra-db";

async fn linked() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
    sandbox.run("shop", Command::up(LINKED)).await.unwrap();
    sandbox
}

async fn container(sandbox: &Sandbox, name: &str) -> ObservedContainer {
    sandbox.objects().await.containers[name].clone()
}

async fn are_connected(sandbox: &Sandbox, provider: &str, consumer: &str, link: &str) -> bool {
    let objects = sandbox.objects().await;
    let on = |name: &str| {
        let found = objects.containers.get(name);
        found.is_some_and(|found| found.state == RunState::Running && found.networks.contains_key(link))
    };
    objects.networks.contains_key(link) && on(provider) && on(consumer)
}

#[tokio::test]
async fn a_link_is_a_network_of_exactly_two_containers() {
    let sandbox = linked().await;
    assert!(are_connected(&sandbox, PROVIDER, CONSUMER, LINK).await, "{:?}", sandbox.objects().await);
    let objects = sandbox.objects().await;
    let members = objects.containers.values().filter(|container| container.networks.contains_key(LINK));
    assert_eq!(members.count(), 2);
    assert_eq!((sandbox.plan("shop").await, sandbox.plan("infra").await), (None, None));
    assert_eq!(sandbox.linked_from("infra").await.len(), 1);
    assert!(sandbox.linked_from("shop").await.is_empty());
}

#[tokio::test]
async fn a_replaced_provider_is_reconnected_and_its_consumer_keeps_running() {
    let sandbox = linked().await;
    let (provider, consumer) = (container(&sandbox, PROVIDER).await, container(&sandbox, CONSUMER).await);
    sandbox.run("infra", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    sandbox.run("infra", Command::apply()).await.unwrap();
    assert_ne!(container(&sandbox, PROVIDER).await.id, provider.id);
    assert_eq!(container(&sandbox, CONSUMER).await, consumer);
    assert!(are_connected(&sandbox, PROVIDER, CONSUMER, LINK).await);
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_down_of_a_provider_keeps_its_consumer_running_and_an_up_reconnects_it() {
    let sandbox = linked().await;
    let consumer = container(&sandbox, CONSUMER).await;
    sandbox.run("infra", Command::Down).await.unwrap();
    let now = container(&sandbox, CONSUMER).await;
    assert_eq!((now.id, now.state), (consumer.id, RunState::Running));
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(are_connected(&sandbox, PROVIDER, CONSUMER, LINK).await, "{:?}", sandbox.objects().await);
    assert_eq!((sandbox.plan("shop").await, sandbox.plan("infra").await), (None, None));
}

#[tokio::test]
async fn a_down_of_a_consumer_removes_the_link_and_keeps_the_provider() {
    let sandbox = linked().await;
    let provider = container(&sandbox, PROVIDER).await.id;
    sandbox.run("shop", Command::Down).await.unwrap();
    let objects = sandbox.objects().await;
    assert!(!objects.networks.contains_key(LINK));
    let left = &objects.containers[PROVIDER];
    assert_eq!((&left.id, left.state, left.networks.len()), (&provider, RunState::Running, 1));
    assert_eq!(sandbox.plan("infra").await, None);
}

#[tokio::test]
async fn links_follow_a_renamed_provider() {
    let sandbox = linked().await;
    sandbox.run("infra", Command::Rename("hub")).await.unwrap();
    assert!(sandbox.linked_from("infra").await.is_empty());
    assert_eq!(sandbox.linked_from("hub").await.len(), 1);
    sandbox.run("hub", Command::apply()).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert!(are_connected(&sandbox, "devarch-hub-db", CONSUMER, "devarch-shop-api.hub-db").await);
    let names = sandbox.objects().await.names();
    assert!(!names.iter().any(|name| name.contains("infra")), "{names:?}");
    assert_eq!((sandbox.plan("shop").await, sandbox.plan("hub").await), (None, None));
}

#[tokio::test]
async fn a_stack_with_links_from_others_is_not_removed() {
    let sandbox = linked().await;
    let refused = sandbox.run("infra", Command::RemoveInstance("db")).await.unwrap_err();
    assert!(
        matches!(&refused, OperationError::Conflict(Conflict::InUse(_)))
            && refused.to_string().contains("shop/api"),
        "{refused:?}"
    );
    sandbox.run("infra", Command::Down).await.unwrap();
    let refused = sandbox.run("infra", Command::DeleteWithVolumes).await.unwrap_err();
    assert!(
        matches!(&refused, OperationError::Conflict(Conflict::InUse(_)))
            && refused.to_string().contains("shop/api"),
        "{refused:?}"
    );
    assert!(sandbox.knows("infra").await);
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    sandbox.run("infra", Command::Delete).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty() && sandbox.objects().await.networks.is_empty());
}

#[tokio::test]
async fn a_wire_to_a_missing_stack_creates_nothing() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(LINKED)).await.unwrap_err();
    assert!(sandbox.engine.changes().is_empty(), "{:?}", sandbox.engine.changes());
    assert!(!sandbox.knows("shop").await);
}
