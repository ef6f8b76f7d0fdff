//! What deleting a stack shows, refuses, removes and keeps.

use crate::{
    harness::{Command, End, World, hints, parsed},
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

async fn down() -> World {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume(DATA, "rows");
    world.run("shop", Command::Down).await.unwrap();
    world
}

fn stack() -> StackName {
    parsed("shop")
}

async fn shown(world: &World) -> Result<Deletion, OperationError> {
    plan_deletion(world.ctx(), &stack()).await
}

fn names(volumes: &[PhysicalVolume]) -> Vec<&str> {
    volumes.iter().map(PhysicalVolume::as_str).collect()
}

#[tokio::test]
async fn a_stack_with_containers_is_refused_with_all_of_them() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    let error = shown(&world).await.unwrap_err();
    let OperationError::Conflict(Conflict::InUse(InUse::Objects { objects, .. })) = &error else {
        panic!("{error:?}")
    };
    let objects: BTreeSet<&str> = objects.iter().map(String::as_str).collect();
    let expected = ["container devarch-shop-db", "container devarch-shop-web", "network devarch-shop-net"];
    assert!(objects.into_iter().eq(expected), "{error}");
    assert_eq!(hints(&error), "run `devarch down shop` first");
    assert!(world.knows("shop").await);
}

#[tokio::test]
async fn a_stack_that_was_never_applied_is_deleted_without_an_engine() {
    let world = World::new().await;
    world.import("shop", SHOP).await;
    let deletion = shown(&world).await.unwrap();
    assert!(deletion.volumes.is_empty() && deletion.foreign.is_empty());
    world.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!world.knows("shop").await && world.engine.changes().is_empty());
}

#[tokio::test]
async fn volumes_that_are_kept_are_remembered_with_the_names_of_what_their_data_needs() {
    let world = World::new().await;
    let yml = shop(&[
        "db: {template: busybox, environment: {PW: {generate: 20}, MODE: x}, volumes: [\"data:/data\"]}",
    ]);
    world.run("shop", Command::up(yml)).await.unwrap();
    world.run("shop", Command::Down).await.unwrap();
    let deletion = shown(&world).await.unwrap();
    assert_eq!(names(&deletion.volumes), [DATA]);
    let locks = world.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    let deleted = delete_stack(world.ctx(), locks.own(), &deletion, false).await.unwrap();
    assert_eq!((names(&deleted.removed), names(&deleted.kept)), (vec![], vec![DATA]));
    let values = &deleted.values[&PhysicalVolume::from_stored(DATA)];
    assert!(values.iter().any(|name| name.contains("PW")), "{values:?}");
    assert!(world.engine.has_volume(DATA));
    assert_eq!(world.remembered_volumes().await, [DATA]);
}

#[tokio::test]
async fn volumes_that_appeared_since_they_were_shown_are_not_deleted() {
    let world = down().await;
    let deletion = shown(&world).await.unwrap();
    world.run("shop", Command::Set("web", "volumes./more", "more")).await.unwrap();
    world.run("shop", Command::Start).await.unwrap();
    world.run("shop", Command::Down).await.unwrap();
    let locks = world.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    let error = delete_stack(world.ctx(), locks.own(), &deletion, true).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Outdated(Outdated::Volumes(_)))), "{error:?}");
    assert_eq!(world.engine.volume_content(DATA), "rows");
    assert!(world.knows("shop").await);
}

#[tokio::test]
async fn a_volume_that_another_users_container_mounts_keeps_the_stack() {
    let world = down().await;
    let mut with = spec(&RUNS);
    with.mounts.push(Mount {
        target: "/data".to_owned(),
        source: MountFrom::Volume(PhysicalVolume::from_stored(DATA)),
        read_only: false,
    });
    let name = devarch_core::name::ContainerName::from_stored("backup");
    let request = CreateContainer { name, spec: with, labels: BTreeMap::new() };
    let container = world.engine.create_container(&request).await.unwrap();
    let error = world.run("shop", Command::DeleteWithVolumes).await.unwrap_err();
    let OperationError::Conflict(Conflict::InUse(InUse::Volume { users, removed, .. })) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((users[0].as_str(), removed.len()), ("backup", 0));
    assert!(world.knows("shop").await);
    world.engine.remove_container(&container).await.unwrap();
    world.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!world.engine.has_volume(DATA));
}

#[tokio::test]
async fn a_volume_with_its_name_that_another_created_is_left_alone() {
    let world = down().await;
    let volume = PhysicalVolume::from_stored(DATA);
    world.engine.remove_volume(&volume).await.unwrap();
    world.run("shop", Command::Set("web", "volumes./more", "more")).await.unwrap();
    let foreign = "devarch-shop-web-more";
    world.engine.create_volume(&PhysicalVolume::from_stored(foreign), &BTreeMap::new()).await.unwrap();
    world.engine.write_volume(foreign, "theirs");
    let deletion = shown(&world).await.unwrap();
    assert_eq!((names(&deletion.volumes), names(&deletion.foreign)), (vec![], vec![foreign]));
    world.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert_eq!(world.engine.volume_content(foreign), "theirs");
}

#[tokio::test]
async fn a_copy_of_data_that_a_kill_left_is_shown_and_goes_with_it() {
    let mut world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume(DATA, "rows");
    world.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    let start = world.save();
    let upgrade = || Command::Up(UPGRADED, PrepareOptions { snapshot: true, ..PrepareOptions::default() });
    for nth in 1..20 {
        world.restore(&start).await;
        let end = world.killed_at((nth, Moment::After), "shop", upgrade()).await;
        if matches!(end, End::Killed(call) if call.starts_with("CopyVolume")) {
            break;
        }
    }
    world.clock.advance(Duration::from_secs(31));
    world.run("shop", Command::Down).await.unwrap();
    let volumes = shown(&world).await.unwrap().volumes;
    assert!(names(&volumes).contains(&DATA), "{volumes:?}");
    world.run("shop", Command::DeleteWithVolumes).await.unwrap();
    let left = world.objects().await.volumes.into_keys().collect::<Vec<_>>();
    assert_eq!(left, ["devarch-engine"]);
}

#[tokio::test]
async fn a_deletion_under_a_lost_lock_forgets_nothing() {
    let world = down().await;
    let deletion = shown(&world).await.unwrap();
    let locks = world.lock("shop", "stack delete", Duration::ZERO).await.unwrap();
    world.release("shop", true).await.unwrap();
    delete_stack(world.ctx(), locks.own(), &deletion, true).await.unwrap_err();
    assert!(world.knows("shop").await);
    assert_eq!(world.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn the_volume_of_a_removed_instance_goes_with_its_stack() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.run("shop", Command::RemoveInstance("web")).await.unwrap();
    world.run("shop", Command::RemoveInstance("db")).await.unwrap();
    world.run("shop", Command::Down).await.unwrap();
    assert_eq!(names(&shown(&world).await.unwrap().volumes), [DATA]);
    world.run("shop", Command::DeleteWithVolumes).await.unwrap();
    assert!(!world.engine.has_volume(DATA));
}

#[tokio::test]
async fn without_its_marker_an_engine_proves_no_volume_gone() {
    let world = down().await;
    world.engine.remove_volume(&PhysicalVolume::from_stored(DATA)).await.unwrap();
    world.engine.remove_volume(&PhysicalVolume::from_stored("devarch-engine")).await.unwrap();
    world.run("shop", Command::Delete).await.unwrap();
    assert_eq!(world.remembered_volumes().await, [DATA], "it may be on the engine that was there before");
}
