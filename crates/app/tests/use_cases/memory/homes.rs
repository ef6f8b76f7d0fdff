//! Homes that share an engine.

use super::applies::SHOP;
use crate::harness::{Command, World};

const OTHER: &str = r#"version: "1"
stacks:
  other:
    instances:
      web: {template: busybox, ports: [80]}
"#;

#[tokio::test]
async fn two_homes_live_beside_each_other_and_one_takes_down_only_its_own() {
    let one = World::new().await;
    let two = one.beside().await;
    assert_ne!(one.directory(), two.directory());
    one.run("shop", Command::up(SHOP)).await.unwrap();
    let alone = one.objects().await;
    two.run("other", Command::up(OTHER)).await.unwrap();
    assert_eq!(one.plan("shop").await, None);
    two.run("other", Command::Down).await.unwrap();
    assert_eq!(one.objects().await, alone);
}
