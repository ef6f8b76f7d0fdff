//! Objects that look like a stack's own: no command touches what the store has not recorded creating.

use crate::{
    harness::{Command, End, Sandbox},
    stacks::{CHANGED, SHOP},
};
use devarch_app::{Conflict, OperationError};
use devarch_core::{
    id::ContainerId,
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::RunState,
    spec::NetworkSpec,
};
use devarch_engine::Engine as _;
use devarch_testkit::proxy::Moment;
use std::collections::BTreeMap;

const DB: &str = "devarch-shop-db";
const WEB: &str = "devarch-shop-web";

/// Returns every operation on a stack, in an order in which each has something to do.
fn all_commands() -> Vec<Command> {
    vec![
        Command::up(SHOP),
        Command::up(CHANGED),
        Command::apply(),
        Command::Stop,
        Command::Start,
        Command::Rollback,
        Command::Rename("store"),
        Command::apply(),
        Command::Down,
        Command::Delete,
    ]
}

/// Creates a container from an image committed from a stack's container: it has all its labels.
async fn unmanaged_container(sandbox: &Sandbox, of: &str, name: &str) -> ContainerId {
    let labels = sandbox.objects().await.containers[of].labels.clone();
    labelled(sandbox, name, labels).await
}

async fn labelled(sandbox: &Sandbox, name: &str, labels: BTreeMap<String, String>) -> ContainerId {
    let mut request = sandbox.engine.request(WEB).unwrap();
    request.name = ContainerName::from_stored(name);
    request.labels = labels;
    request.spec.network = None;
    request.spec.network_mode = Some("none".to_owned());
    request.spec.ports.clear();
    request.spec.mounts.clear();
    let id = sandbox.engine.create_container(&request).await.unwrap();
    sandbox.engine.start(&id).await.unwrap();
    id
}

/// Returns whether a container is still as it was created.
async fn is_unchanged(sandbox: &Sandbox, id: &ContainerId, name: &str) -> bool {
    let all = sandbox.engine.containers().await.unwrap();
    let found = all.iter().find(|container| container.id == *id);
    found.is_some_and(|found| found.name.as_str() == name && found.state == RunState::Running)
}

/// Runs every operation; commands may fail, but the unmanaged container must not change.
async fn run_all_commands_beside(sandbox: &mut Sandbox, id: &ContainerId, name: &str) {
    let mut stack = "shop";
    for command in all_commands() {
        let renames = matches!(command, Command::Rename(_));
        let done = sandbox.run(stack, command.clone()).await;
        assert!(is_unchanged(sandbox, id, name).await, "{command:?} touched {name} ({done:?})");
        if renames && done.is_ok() {
            stack = "store";
        }
    }
}

#[tokio::test]
async fn a_container_from_a_committed_image_is_left_alone_by_every_command() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let own = unmanaged_container(&sandbox, DB, "my-own").await;
    assert_eq!(sandbox.plan("shop").await, None, "it is no part of the stack");
    run_all_commands_beside(&mut sandbox, &own, "my-own").await;
    let left = sandbox.objects().await.names();
    assert!(!left.iter().any(|name| name.contains("devarch-s") && !name.starts_with("volume")), "{left:?}");
}

#[tokio::test]
async fn an_unmanaged_container_is_left_alone_while_the_stack_is_down() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let own = unmanaged_container(&sandbox, DB, "my-own").await;
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let db = &sandbox.objects().await.containers[DB];
    assert_ne!(db.id, own, "it has a container of its own");
    run_all_commands_beside(&mut sandbox, &own, "my-own").await;
}

#[tokio::test]
async fn a_container_that_took_an_instances_name_is_reported_and_left_alone() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let labels = sandbox.objects().await.containers[DB].labels.clone();
    sandbox.remove_by_hand(DB).await;
    let own = labelled(&sandbox, DB, labels).await;
    let refused = sandbox.run("shop", Command::up(SHOP)).await.unwrap_err();
    assert!(matches!(&refused, OperationError::Conflict(Conflict::Objects(_))), "{refused:?}");
    let told = refused.to_string();
    assert!(told.contains(DB) && told.contains("does not remember creating"), "{told}");
    run_all_commands_beside(&mut sandbox, &own, DB).await;
}

#[tokio::test]
async fn containers_with_an_instances_temporary_names_are_left_alone() {
    for name in ["devarch-shop-db.next", "devarch-shop-db.old", "devarch-shop-db.undo"] {
        let mut sandbox = Sandbox::new().await;
        sandbox.run("shop", Command::up(SHOP)).await.unwrap();
        let own = unmanaged_container(&sandbox, DB, name).await;
        run_all_commands_beside(&mut sandbox, &own, name).await;
    }
}

#[tokio::test]
async fn objects_that_appear_during_an_apply_are_not_part_of_its_undo() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let running = sandbox.save();
    for (nth, next) in (1..).zip([Command::Undo, Command::Resume, Command::Down].into_iter().cycle()) {
        sandbox.restore(&running).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", Command::up(CHANGED)).await;
        if matches!(end, End::Itself(_)) {
            assert!(nth > 5);
            break;
        }
        // The labels of an object the apply has just created: the same apply id, the same config hash.
        let objects = sandbox.objects().await;
        let mut own = Vec::new();
        for container in objects.containers.values() {
            let name = format!("my-{}", container.name);
            own.push((labelled(&sandbox, &name, container.labels.clone()).await, name));
        }
        // Past the commit point there is nothing to undo, and the command reports that.
        let done = sandbox.run("shop", next.clone()).await;
        assert!(done.is_ok() || matches!(next, Command::Undo), "{next:?} after {nth} calls: {done:?}");
        for (id, name) in &own {
            assert!(is_unchanged(&sandbox, id, name).await, "{next:?} after {nth} calls touched {name}");
        }
        sandbox.run("shop", Command::Down).await.unwrap();
        for (id, name) in &own {
            assert!(is_unchanged(&sandbox, id, name).await, "down after {nth} calls touched {name}");
        }
        let left = sandbox.objects().await.containers.len();
        assert_eq!(left, own.len(), "{next:?} after {nth} calls left something over");
    }
}

#[tokio::test]
async fn networks_and_volumes_with_copied_labels_are_left_alone() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let objects = sandbox.objects().await;
    let spec = NetworkSpec::of_stack(NetworkName::from_stored("theirs"), "10.99.0.0/26".parse().unwrap());
    let labels = &objects.networks["devarch-shop-net"].labels;
    let network = sandbox.engine.create_network(&spec, labels).await.unwrap();
    let volume = PhysicalVolume::from_stored("their-data");
    let labels = &objects.volumes["devarch-shop-db-data"].0;
    sandbox.engine.create_volume(&volume, labels).await.unwrap();
    sandbox.engine.write_volume("their-data", "rows");
    let mut stack = "shop";
    for command in all_commands() {
        let renames = matches!(command, Command::Rename(_));
        sandbox.run(stack, command.clone()).await.unwrap();
        stack = if renames { "store" } else { stack };
        let now = sandbox.objects().await;
        assert_eq!(now.networks["theirs"].id, network, "{command:?}");
        assert_eq!(now.volumes["their-data"].1, "rows", "{command:?}");
    }
}

#[tokio::test]
async fn a_managed_container_renamed_by_hand_stays_managed() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let id = sandbox.objects().await.containers[DB].id.clone();
    sandbox.engine.rename(&id, &ContainerName::from_stored("elsewhere")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.objects().await.containers[DB].id, id);
    sandbox.engine.rename(&id, &ContainerName::from_stored("elsewhere")).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty());
}

#[tokio::test]
async fn an_older_copy_of_the_store_touches_nothing_it_has_not_recorded() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let copy = sandbox.home_files();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    let now = sandbox.objects().await;
    sandbox.restore_home(&copy).await;
    let refused = sandbox.run("shop", Command::apply()).await.unwrap_err().to_string();
    assert!(refused.contains(DB) && refused.contains("devarch adopt shop"), "{refused}");
    sandbox.run("shop", Command::Down).await.ok();
    let then = sandbox.objects().await;
    assert_eq!(then.containers.get(DB), now.containers.get(DB));
}

#[tokio::test]
async fn another_home_with_a_stack_of_the_same_name_is_left_alone() {
    let one = Sandbox::new().await;
    let two = one.beside().await;
    one.run("shop", Command::up(SHOP)).await.unwrap();
    let before = one.objects().await;
    for command in all_commands() {
        // It fails or does nothing.
        let _ = two.run("shop", command.clone()).await;
        assert_eq!(one.objects().await.containers, before.containers, "{command:?}");
        assert_eq!(one.objects().await.networks, before.networks, "{command:?}");
    }
}

#[tokio::test]
async fn a_volume_of_an_existing_instance_is_never_reported_as_removed() {
    const LONG: &str = r#"version: "1"
stacks:
  a:
    instances:
      b: {template: busybox, command: [sh, -c, "sleep 1000"], volumes: ["c-data:/data"]}
"#;
    const SHORT: &str = r#"version: "1"
stacks:
  a-b:
    instances:
      c: {template: busybox, command: [sh, -c, "sleep 1000"], volumes: ["data:/data"]}
"#;
    let one = Sandbox::new().await;
    one.run("a", Command::up(LONG)).await.unwrap();
    let refused = one.run("a-b", Command::up(SHORT)).await.unwrap_err().to_string();
    assert!(refused.contains("instance 'b' of stack 'a'"), "{refused}");
    assert!(!refused.contains("removed") && !refused.contains("removing"), "{refused}");
    assert!(refused.contains("'c-2'"), "it offers a free name: {refused}");
}

#[tokio::test]
async fn exact_matches_of_an_older_copy_of_the_store_can_be_adopted() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    let copy = sandbox.home_files();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let own = unmanaged_container(&sandbox, DB, "my-own").await;
    sandbox.restore_home(&copy).await;
    sandbox.run("shop", Command::Adopt).await.unwrap();
    let before = sandbox.objects().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.objects().await.containers[DB].id, before.containers[DB].id, "it was not made again");
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(is_unchanged(&sandbox, &own, "my-own").await);
    assert_eq!(sandbox.objects().await.containers.len(), 1);
}
