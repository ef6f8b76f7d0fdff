//! Deletion of stacks: what is shown, refused, removed and kept.

use crate::{
    harness::{Command, End, Sandbox, hints, parsed},
    stacks::{NEWER, SHOP, UPGRADED, shop},
};
use devarch_app::{
    Conflict, Deletion, InUse, OperationError, Outdated, PrepareOptions, delete_stack, plan_deletion,
};
use devarch_core::{
    name::{PhysicalVolume, StackName},
    spec::{CreateContainer, Mount, MountFrom},
};
use devarch_engine::Engine as _;
use devarch_testkit::{
    fixture::{RUNS, spec},
    memory::plain_image,
    proxy::Moment,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const DATA: &str = "devarch-shop-db-data";

async fn down() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox
}

fn stack() -> StackName {
    parsed("shop")
}

async fn shown(sandbox: &Sandbox) -> Result<Deletion, OperationError> {
    plan_deletion(sandbox.ctx(), &stack()).await
}

fn names(volumes: &[PhysicalVolume]) -> Vec<&str> {
    volumes.iter().map(PhysicalVolume::as_str).collect()
}

#[tokio::test]
async fn deleting_a_stack_with_containers_is_refused_with_their_names() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let error = shown(&sandbox).await.unwrap_err();
    let OperationError::Conflict(Conflict::InUse(InUse::Objects { objects, .. })) = &error else {
        panic!("{error:?}")
    };
    let objects: BTreeSet<&str> = objects.iter().map(String::as_str).collect();
    let expected = ["container devarch-shop-db", "container devarch-shop-web", "network devarch-shop-net"];
    assert!(objects.into_iter().eq(expected), "{error}");
    assert_eq!(hints(&error), "run `devarch down shop` first");
    assert!(sandbox.knows("shop").await);
}

#[tokio::test]
async fn a_never_applied_stack_is_deleted_without_an_engine() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let deletion = shown(&sandbox).await.unwrap();
    assert!(deletion.volumes.is_empty() && deletion.foreign.is_empty());
    sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!sandbox.knows("shop").await && sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn kept_volumes_are_recorded_with_the_names_of_the_values_their_data_needs() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[
        "db: {template: busybox, environment: {PW: {generate: 20}, MODE: x}, volumes: [\"data:/data\"]}",
    ]);
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    let deletion = shown(&sandbox).await.unwrap();
    assert_eq!(names(&deletion.volumes), [DATA]);
    let locks = sandbox.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    let deleted = delete_stack(sandbox.ctx(), locks.own(), &deletion, false).await.unwrap();
    assert_eq!((names(&deleted.removed), names(&deleted.kept)), (vec![], vec![DATA]));
    let values = &deleted.values[&PhysicalVolume::from_stored(DATA)];
    assert!(values.iter().any(|name| name.contains("PW")), "{values:?}");
    assert!(sandbox.engine.has_volume(DATA));
    assert_eq!(sandbox.remembered_volumes().await, [DATA]);
}

#[tokio::test]
async fn volumes_that_were_not_shown_are_not_deleted() {
    let sandbox = down().await;
    let deletion = shown(&sandbox).await.unwrap();
    sandbox.run("shop", Command::Set("web", "volumes./more", "more")).await.unwrap();
    sandbox.run("shop", Command::Start).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    let locks = sandbox.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    let error = delete_stack(sandbox.ctx(), locks.own(), &deletion, true).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Outdated(Outdated::Volumes(_)))), "{error:?}");
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    assert!(sandbox.knows("shop").await);
}

#[tokio::test]
async fn a_stack_is_kept_if_an_unmanaged_container_mounts_its_volume() {
    let sandbox = down().await;
    let mut with = spec(&RUNS);
    with.mounts.push(Mount {
        target: "/data".to_owned(),
        source: MountFrom::Volume(PhysicalVolume::from_stored(DATA)),
        read_only: false,
    });
    let name = devarch_core::name::ContainerName::from_stored("backup");
    let request = CreateContainer { name, spec: with, labels: BTreeMap::new() };
    let container = sandbox.engine.create_container(&request).await.unwrap();
    let error = sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap_err();
    let OperationError::Conflict(Conflict::InUse(InUse::Volume { users, removed, .. })) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((users[0].as_str(), removed.len()), ("backup", 0));
    assert!(sandbox.knows("shop").await);
    sandbox.engine.remove_container(&container).await.unwrap();
    sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!sandbox.engine.has_volume(DATA));
}

#[tokio::test]
async fn an_unmanaged_volume_with_a_stacks_name_is_left_alone() {
    let sandbox = down().await;
    let volume = PhysicalVolume::from_stored(DATA);
    sandbox.engine.remove_volume(&volume).await.unwrap();
    sandbox.run("shop", Command::Set("web", "volumes./more", "more")).await.unwrap();
    let foreign = "devarch-shop-web-more";
    sandbox.engine.create_volume(&PhysicalVolume::from_stored(foreign), &BTreeMap::new()).await.unwrap();
    sandbox.engine.write_volume(foreign, "theirs");
    let deletion = shown(&sandbox).await.unwrap();
    assert_eq!((names(&deletion.volumes), names(&deletion.foreign)), (vec![], vec![foreign]));
    sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert_eq!(sandbox.engine.volume_content(foreign), "theirs");
}

#[tokio::test]
async fn a_copy_left_by_a_kill_is_shown_and_deleted_with_its_stack() {
    let mut sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    let start = sandbox.save();
    let upgrade = || Command::Up(UPGRADED, PrepareOptions { snapshot: true, ..PrepareOptions::default() });
    for nth in 1..20 {
        sandbox.restore(&start).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", upgrade()).await;
        if matches!(end, End::Killed(call) if call.starts_with("CopyVolume")) {
            break;
        }
    }
    sandbox.clock.advance(Duration::from_secs(31));
    sandbox.run("shop", Command::Down).await.unwrap();
    let volumes = shown(&sandbox).await.unwrap().volumes;
    assert!(names(&volumes).contains(&DATA), "{volumes:?}");
    sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
    let left = sandbox.objects().await.volumes.into_keys().collect::<Vec<_>>();
    assert_eq!(left, ["devarch-engine"]);
}

#[tokio::test]
async fn a_deletion_that_lost_its_lock_forgets_nothing() {
    let sandbox = down().await;
    let deletion = shown(&sandbox).await.unwrap();
    let locks = sandbox.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    sandbox.release("shop", true).await.unwrap();
    delete_stack(sandbox.ctx(), locks.own(), &deletion, true).await.unwrap_err();
    assert!(sandbox.knows("shop").await);
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn the_volume_of_a_removed_instance_is_deleted_with_its_stack() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::RemoveInstance("web")).await.unwrap();
    sandbox.run("shop", Command::RemoveInstance("db")).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    assert_eq!(names(&shown(&sandbox).await.unwrap().volumes), [DATA]);
    sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!sandbox.engine.has_volume(DATA));
}

#[tokio::test]
async fn a_volume_missing_on_an_engine_without_its_marker_may_still_exist() {
    let sandbox = down().await;
    sandbox.engine.remove_volume(&PhysicalVolume::from_stored(DATA)).await.unwrap();
    sandbox.engine.remove_volume(&PhysicalVolume::from_stored("devarch-engine")).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    assert_eq!(sandbox.remembered_volumes().await, [DATA], "it may be on the engine that was there before");
}
