//! Objects created by another copy of a home, or by another home: adopted on an exact match, else left alone.

use crate::{
    harness::{Command, HomeFiles, Sandbox},
    stacks::{CHANGED, SHOP},
    strangers::Strangers,
};
use devarch_core::observed::RunState;

const DB: &str = "devarch-shop-db";
const DATA: &str = "devarch-shop-db-data";

/// Returns a running stack, and its home from before the current containers were created.
async fn running_with_old_home() -> (Sandbox, HomeFiles) {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox.run("shop", Command::Down).await.unwrap();
    let old = sandbox.home_files();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    (sandbox, old)
}

#[tokio::test]
async fn matching_objects_are_adopted() {
    let (mut sandbox, old) = running_with_old_home().await;
    let strangers = Strangers::beside(&sandbox).await;
    let before = sandbox.objects().await;
    sandbox.restore_home(&old).await;
    let strays = sandbox.strays("shop").await.unwrap();
    assert_eq!(strays.recordable.len(), 3, "two containers and their network: {strays:?}");
    assert!(strays.removable.is_empty(), "{strays:?}");
    assert_eq!(strays.left_alone.len(), 3, "what has other names: {strays:?}");
    sandbox.run("shop", Command::Adopt).await.unwrap();
    assert_eq!(sandbox.objects().await, before);
    let left = sandbox.strays("shop").await.unwrap();
    assert!(left.is_nothing_to_do(), "{left:?}");
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.objects().await.containers[DB].id, before.containers[DB].id);
    sandbox.run("shop", Command::Down).await.unwrap();
    assert_eq!(sandbox.objects().await.containers.len(), 1, "only theirs");
    strangers.are_untouched(&sandbox, "in the end").await;
}

#[tokio::test]
async fn a_running_container_of_another_config_is_left_alone() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let old = sandbox.home_files();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    let mut sandbox = sandbox;
    sandbox.restore_home(&old).await;
    let before = sandbox.objects().await;
    let strays = sandbox.strays("shop").await.unwrap();
    assert!(strays.is_nothing_to_do() && strays.left_alone.len() == 1, "{strays:?}");
    sandbox.run("shop", Command::Adopt).await.unwrap();
    assert_eq!(sandbox.objects().await, before);
    assert!(sandbox.run("shop", Command::up(SHOP)).await.is_err(), "its name is taken");
    assert_eq!(sandbox.objects().await, before);
}

#[tokio::test]
async fn a_stopped_container_of_another_config_is_removed() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let old = sandbox.home_files();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    sandbox.run("shop", Command::Stop).await.unwrap();
    let mut sandbox = sandbox;
    sandbox.restore_home(&old).await;
    sandbox.engine.write_volume(DATA, "rows");
    let strays = sandbox.strays("shop").await.unwrap();
    assert_eq!(strays.removable.len(), 1, "{strays:?}");
    sandbox.run("shop", Command::Adopt).await.unwrap();
    assert!(!sandbox.objects().await.containers.contains_key(DB));
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn an_up_to_date_home_has_nothing_to_adopt() {
    let sandbox = Sandbox::new().await;
    assert!(sandbox.run("shop", Command::Adopt).await.is_err());
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert!(sandbox.strays("shop").await.is_none());
}

#[tokio::test]
async fn leftovers_of_a_lost_home_are_removed_except_its_data() {
    let lost = Sandbox::new().await;
    let sandbox = lost.beside().await;
    lost.run("shop", Command::up(SHOP)).await.unwrap();
    lost.engine.write_volume(DATA, "rows");
    assert!(lost.left_by_others().await.is_empty(), "it is its own");
    let strangers = Strangers::beside(&lost).await;
    let left = sandbox.left_by_others().await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].containers.len(), left[0].running, left[0].networks.len()), (2, 2, 1), "{left:?}");
    assert_eq!(left[0].left_alone.len(), 2, "{left:?}");
    sandbox.clear_away(&left[0]).await.unwrap();
    let objects = sandbox.objects().await;
    assert!(!objects.containers.contains_key(DB) && !objects.networks.contains_key("devarch-shop-net"));
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    strangers.are_untouched(&sandbox, "cleared away").await;
}

#[tokio::test]
async fn a_copied_home_with_a_new_identity_owns_nothing_of_the_original() {
    let first = Sandbox::new().await;
    first.run("shop", Command::up(SHOP)).await.unwrap();
    first.engine.write_volume(DATA, "rows");
    let before = first.objects().await;
    let mut copy = first.beside().await;
    copy.restore_home(&first.home_files()).await;
    copy.become_another().await;
    for command in [Command::Stop, Command::Down, Command::Delete, Command::DeleteWithVolumes] {
        let _ = copy.run("shop", command.clone()).await;
        assert_eq!(first.objects().await.containers, before.containers, "{command:?}");
        assert_eq!(first.objects().await.networks, before.networks, "{command:?}");
        assert_eq!(first.engine.volume_content(DATA), "rows", "{command:?}");
    }
    assert_eq!(first.plan("shop").await, None);
    assert!(first.objects().await.containers.values().all(|container| container.state == RunState::Running));
}
