//! Homes that share an engine.

use crate::{
    harness::{Command, Sandbox},
    stacks::{BUILT, SHOP},
};
use futures_util::future::join_all;
use std::collections::BTreeSet;

const OTHER: &str = r#"version: "1"
stacks:
  other:
    instances:
      web: {template: busybox, ports: [80]}
"#;

#[tokio::test]
async fn two_homes_share_an_engine_and_a_down_affects_only_its_own_stack() {
    let one = Sandbox::new().await;
    let two = one.beside().await;
    assert_ne!(one.home(), two.home());
    one.run("shop", Command::up(SHOP)).await.unwrap();
    let alone = one.objects().await;
    two.run("other", Command::up(OTHER)).await.unwrap();
    assert_eq!(one.plan("shop").await, None);
    two.run("other", Command::Down).await.unwrap();
    assert_eq!(one.objects().await, alone);
}

#[tokio::test]
async fn a_stack_name_taken_by_another_home_is_refused_before_a_build() {
    let one = Sandbox::new().await;
    let two = one.beside().await;
    one.run("shop", Command::up(BUILT)).await.unwrap();
    let changes = one.engine.changes();
    let built = changes.iter().find_map(|call| call.strip_prefix("BuildImage ")).unwrap();
    assert!(built.starts_with("devarch-shop-api:"), "{built}");
    assert_eq!(changes.last(), Some(&format!("TagImage {built} me/api:1")));
    two.run("shop", Command::up(BUILT)).await.unwrap_err();
    assert_eq!(one.engine.changes(), changes);
    two.run("other", Command::up(OTHER)).await.unwrap();
    assert_eq!(one.plan("shop").await, None);
    // Nothing is built or looked up twice.
    let before = one.engine.changes();
    one.run("shop", Command::up(BUILT)).await.unwrap();
    assert_eq!(one.engine.changes(), before);
}

const EIGHT: &str = r#"version: "1"
stacks:
  a: {instances: {web: {template: busybox}}}
  b: {instances: {web: {template: busybox}}}
  c: {instances: {web: {template: busybox}}}
  d: {instances: {web: {template: busybox}}}
  e: {instances: {web: {template: busybox}}}
  f: {instances: {web: {template: busybox}}}
  g: {instances: {web: {template: busybox}}}
  h: {instances: {web: {template: busybox}}}
"#;

#[tokio::test]
async fn stacks_that_start_together_share_a_pool_without_spare_addresses() {
    let sandbox = Sandbox::new().await;
    let stacks = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for ended in join_all(stacks.map(|stack| sandbox.run(stack, Command::up(EIGHT)))).await {
        ended.unwrap();
    }
    let networks = sandbox.objects().await.networks;
    let subnets: BTreeSet<_> = networks.values().flat_map(|network| network.subnets.clone()).collect();
    assert_eq!(subnets.len(), stacks.len(), "{subnets:?}");
    for stack in stacks {
        assert_eq!(sandbox.plan(stack).await, None);
    }
}
