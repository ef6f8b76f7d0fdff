//! Objects and data that lost homes left on an engine.

use crate::{
    harness::{Command, Sandbox},
    stacks::{SHOP, shop},
};
use devarch_app::{Leftover, PrepareOptions};
use devarch_core::{name::ContainerName, spec::CreateContainer};
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::{
    fixture::{RUNS, spec},
    memory::{Call, Fault},
};

const WITH_PASSWORD: &str =
    r#"db: {template: busybox, environment: {PW: {generate: 20}, MARK: "1"}, volumes: ["data:/data"]}"#;

/// Creates a lost home with a running stack of that name, and another home on the same engine.
async fn lost(yml: &'static str) -> (Sandbox, Sandbox) {
    let lost = Sandbox::new().await;
    lost.run("shop", Command::up(yml)).await.unwrap();
    lost.engine.write_volume("devarch-shop-db-data", "rows");
    let sandbox = lost.beside().await;
    (lost, sandbox)
}

async fn only(sandbox: &Sandbox) -> Leftover {
    let left = sandbox.left_by_others().await;
    assert_eq!(left.len(), 1, "{left:?}");
    left.into_iter().next().unwrap()
}

#[tokio::test]
async fn objects_of_another_homes_stack_are_listed_by_name() {
    let (lost, sandbox) = lost(SHOP).await;
    let mut left = only(&sandbox).await;
    left.containers.sort();
    assert_eq!(left.stack, "shop");
    assert_eq!(left.containers, ["devarch-shop-db", "devarch-shop-web"]);
    assert_eq!((left.running, left.networks.as_slice()), (2, ["devarch-shop-net".to_owned()].as_slice()));
    assert_eq!(left.volumes, ["devarch-shop-db-data"]);
    lost.run("shop", Command::Stop).await.unwrap();
    assert_eq!(only(&sandbox).await.running, 0);
    lost.run("shop", Command::Down).await.unwrap();
    let left = only(&sandbox).await;
    assert!(left.containers.is_empty() && left.volumes.len() == 1, "{left:?}");
}

#[tokio::test]
async fn stacks_of_two_homes_are_reported_separately() {
    let (one, sandbox) = lost(SHOP).await;
    let two = sandbox.beside().await;
    let other = "version: \"1\"\nstacks: {other: {instances: {web: {template: busybox}}}}\n";
    two.run("other", Command::up(other)).await.unwrap();
    let stacks: Vec<String> = sandbox.left_by_others().await.into_iter().map(|left| left.stack).collect();
    assert_eq!(stacks.len(), 2, "{stacks:?}");
    let seen: Vec<String> = one.left_by_others().await.into_iter().map(|left| left.stack).collect();
    assert_eq!(seen, ["other"]);
}

#[tokio::test]
async fn reused_data_of_a_lost_home_keeps_the_password_its_containers_show() {
    let (lost, sandbox) = lost(shop(&[WITH_PASSWORD])).await;
    let password = |sandbox: &Sandbox| {
        sandbox.engine.request("devarch-shop-db").unwrap().spec.environment["PW"].reveal().to_owned()
    };
    let theirs = password(&lost);
    sandbox.clear_away(&only(&sandbox).await).await.unwrap();
    let adopt = PrepareOptions { adopt_volumes: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(shop(&[WITH_PASSWORD]), adopt)).await.unwrap();
    assert_eq!(password(&sandbox), theirs);
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "rows");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_failed_removal_of_leftovers_is_finished_by_the_next() {
    let (_lost, sandbox) = lost(SHOP).await;
    sandbox.engine.inject(Fault::refused(Call::RemoveContainer, "web", Kind::Other));
    sandbox.clear_away(&only(&sandbox).await).await.unwrap_err();
    let left = only(&sandbox).await;
    assert!(left.containers.contains(&"devarch-shop-web".to_owned()), "{left:?}");
    sandbox.clear_away(&left).await.unwrap();
    let left = only(&sandbox).await;
    assert!(left.containers.is_empty() && left.networks.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_container_with_copied_labels_and_another_name_is_left_alone() {
    let (lost, sandbox) = lost(SHOP).await;
    let labels = lost.objects().await.containers["devarch-shop-db"].labels.clone();
    let request =
        CreateContainer { name: ContainerName::from_stored("debugging"), spec: spec(&RUNS), labels };
    let id = sandbox.engine.create_container(&request).await.unwrap();
    let left = only(&sandbox).await;
    assert_eq!(left.left_alone, ["debugging"]);
    sandbox.clear_away(&left).await.unwrap();
    let containers = sandbox.objects().await.containers;
    assert_eq!(containers.into_values().map(|container| container.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn after_the_removal_of_leftovers_a_stack_with_that_name_gets_new_objects() {
    let (_lost, sandbox) = lost(SHOP).await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap_err();
    sandbox.clear_away(&only(&sandbox).await).await.unwrap();
    let adopt = PrepareOptions { adopt_volumes: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(SHOP, adopt)).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(sandbox.left_by_others().await.iter().all(|left| left.containers.is_empty()));
}

#[tokio::test]
async fn a_home_with_a_new_identity_assigns_host_ports_of_its_own() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(shop(&["web: {template: busybox, ports: [80]}"]))).await.unwrap();
    let port = async |sandbox: &Sandbox| sandbox.status("shop").await.instances[0].ports[0].host.port();
    let before = port(&sandbox).await;
    sandbox.become_another().await;
    assert!((20_000..30_000).contains(&port(&sandbox).await));
    assert!(before > 0);
    assert_eq!(sandbox.left_by_others().await.len(), 1, "what it had is another home's now");
}
