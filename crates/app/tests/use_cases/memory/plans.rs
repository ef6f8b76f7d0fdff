//! What a plan may be asked for, and what makes an agreed one stale.

use crate::{
    harness::{Command, World, hints, parsed},
    stacks::{CHANGED, running_shop, shop},
};
use devarch_app::{
    Approved, Conflict, ErrorKind, NotFound, OperationError, Outdated, PrepareOptions, Prepared, is_plan_id,
    load_saved_plan, prepare,
};
use devarch_core::{
    name::{InstanceName, PhysicalVolume},
    stack::Wanted,
};
use devarch_engine::Engine as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

async fn planned(world: &World, options: &PrepareOptions) -> Result<Prepared, OperationError> {
    Box::pin(prepare(world.ctx(), &parsed("shop"), options)).await
}

fn only(instance: &str) -> BTreeSet<InstanceName> {
    BTreeSet::from([parsed(instance)])
}

async fn ids(world: &World) -> Vec<String> {
    let objects = world.objects().await;
    ["db", "web"].map(|name| objects.containers[&format!("devarch-shop-{name}")].id.to_string()).to_vec()
}

#[tokio::test]
async fn one_instance_is_replaced_on_request_and_the_other_stays() {
    let world = running_shop().await;
    let before = ids(&world).await;
    let options = PrepareOptions { replace: only("web"), ..PrepareOptions::default() };
    world.run("shop", Command::Apply(options)).await.unwrap();
    let after = ids(&world).await;
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
}

#[tokio::test]
async fn a_restart_keeps_the_containers() {
    let world = running_shop().await;
    let (before, made) = (ids(&world).await, world.engine.changes().len());
    let options = PrepareOptions { restart: only("db"), ..PrepareOptions::default() };
    world.run("shop", Command::Apply(options)).await.unwrap();
    assert_eq!(ids(&world).await, before);
    let calls = &world.engine.changes()[made..];
    assert!(
        calls.contains(&"Stop devarch-shop-db".to_owned())
            && calls.contains(&"Start devarch-shop-db".to_owned()),
        "{calls:?}"
    );
    assert!(!calls.iter().any(|call| call.contains("web")), "{calls:?}");
}

#[tokio::test]
async fn an_instance_that_is_asked_for_has_to_exist() {
    let world = running_shop().await;
    for options in [
        PrepareOptions { replace: only("wbe"), ..PrepareOptions::default() },
        PrepareOptions { restart: only("wbe"), ..PrepareOptions::default() },
    ] {
        let error = planned(&world, &options).await.err().unwrap();
        assert!(matches!(error, OperationError::NotFound(NotFound::Instance { .. })), "{error:?}");
        assert_eq!(hints(&error), "did you mean 'web'?");
    }
}

#[tokio::test]
async fn an_unrecorded_desired_state_is_planned_and_changes_nothing_stored() {
    let world = running_shop().await;
    for (wanted, sign) in [(Wanted::Absent, "- db"), (Wanted::Stopped, "~ db")] {
        let options = PrepareOptions { wanted: Some(wanted), ..PrepareOptions::default() };
        let plan = planned(&world, &options).await.unwrap().plan;
        assert!(!plan.is_empty(), "{sign}");
        assert!(
            world.stack("shop").await.instances.values().all(|instance| instance.wanted == Wanted::Running)
        );
    }
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn what_is_wrong_with_an_instance_keeps_no_other_from_stopping() {
    let world = running_shop().await;
    std::fs::create_dir(world.project().join("src")).unwrap();
    world.run("shop", Command::Set("web", "volumes./src", "./src")).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    std::fs::remove_dir(world.project().join("src")).unwrap();
    world.run("shop", Command::apply()).await.unwrap_err();
    world.run("shop", Command::Stop).await.unwrap();
    world.run("shop", Command::Down).await.unwrap();
    assert!(world.objects().await.containers.is_empty());
}

/// A change to the engine or the store after a plan was agreed to, and what it is called.
async fn stale(change: impl AsyncFn(&World), named: &str) {
    let world = running_shop().await;
    world.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let agreed: Approved = planned(&world, &PrepareOptions::default()).await.unwrap().approved();
    agreed.holds(&planned(&world, &PrepareOptions::default()).await.unwrap()).unwrap();
    change(&world).await;
    let error = agreed.holds(&planned(&world, &PrepareOptions::default()).await.unwrap()).unwrap_err();
    let OperationError::Conflict(Conflict::Outdated(Outdated::Plan { differences, .. })) = &error else {
        panic!("{error:?}")
    };
    let reported = differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(reported.contains(named), "{named}: {reported}");
    assert_eq!(
        (error.kind(), hints(&error).as_str()),
        (ErrorKind::Conflict, "`devarch plan shop` shows what would change now")
    );
}

#[tokio::test]
async fn an_agreed_plan_is_stale_once_a_container_ended() {
    stale(async |world: &World| world.engine.end("devarch-shop-db", 1), "devarch-shop-db").await;
}

#[tokio::test]
async fn an_agreed_plan_is_stale_once_a_container_is_gone() {
    stale(async |world: &World| world.remove_by_hand("devarch-shop-db").await, "devarch-shop-db").await;
}

#[tokio::test]
async fn an_agreed_plan_is_stale_once_the_definition_was_edited() {
    let edit =
        async |world: &World| world.run("shop", Command::Set("db", "environment.MARK", "9")).await.unwrap();
    stale(edit, "").await;
}

#[tokio::test]
async fn an_agreed_plan_is_stale_once_an_image_moved() {
    let moved = async |world: &World| {
        world.engine.add_image("busybox:1.37", devarch_testkit::memory::plain_image("sha256:b1b1"));
    };
    stale(moved, "busybox:1.37").await;
}

#[tokio::test]
async fn what_does_not_concern_a_stack_makes_no_plan_of_it_stale() {
    let world = running_shop().await;
    world.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let agreed = planned(&world, &PrepareOptions::default()).await.unwrap().approved();
    let other = "version: \"1\"\nstacks: {other: {instances: {web: {template: busybox}}}}\n";
    world.import("other", other).await;
    world.run("other", Command::apply()).await.unwrap();
    world.engine.create_volume(&PhysicalVolume::from_stored("their-volume"), &BTreeMap::new()).await.unwrap();
    agreed.holds(&planned(&world, &PrepareOptions::default()).await.unwrap()).unwrap();
}

#[tokio::test]
async fn a_saved_plan_is_known_by_its_id_and_by_nothing_else() {
    let world = running_shop().await;
    world.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let id = world.save_plan("shop", false).await;
    assert!(is_plan_id(id.as_str()) && !is_plan_id("shop"));
    let approved = load_saved_plan(world.ctx(), &id).await.unwrap();
    assert_eq!((approved.stack.as_str(), approved.plan.as_ref()), ("shop", Some(&id)));
    let error = load_saved_plan(world.ctx(), &parsed_plan("plan_none")).await.unwrap_err();
    assert_eq!(
        (error.kind(), hints(&error).as_str()),
        (ErrorKind::NotFound, "`devarch plan STACK` makes a new one")
    );
}

fn parsed_plan(id: &str) -> devarch_core::id::PlanId {
    devarch_core::id::PlanId::new(id)
}

#[tokio::test]
async fn a_saved_plan_goes_with_its_stack_and_expires_with_who_made_it() {
    let world = running_shop().await;
    world.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let id = world.save_plan("shop", false).await;
    world.clock.advance(Duration::from_mins(16));
    let error = load_saved_plan(world.ctx(), &id).await.unwrap_err();
    assert!(error.to_string().contains("16 minutes ago, it has expired"), "{error}");
    let fresh = world.save_plan("shop", false).await;
    world.run("shop", Command::Down).await.unwrap();
    world.run("shop", Command::Delete).await.unwrap();
    let error = load_saved_plan(world.ctx(), &fresh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_saved_plan_remembers_what_was_asked_of_it() {
    let world = running_shop().await;
    let options = PrepareOptions { replace: only("web"), ..PrepareOptions::default() };
    let prepared = planned(&world, &options).await.unwrap();
    let saved = devarch_app::save_plan(world.ctx(), &prepared).await.unwrap();
    let before = ids(&world).await;
    world.apply_plan(&saved.id).await.unwrap();
    let after = ids(&world).await;
    assert!(before[0] == after[0] && before[1] != after[1]);
    let error = world.apply_plan(&saved.id).await.unwrap_err();
    assert!(error.to_string().contains("it was applied already"), "{error}");
}

#[tokio::test]
async fn planning_is_deterministic_and_changes_nothing() {
    let world = running_shop().await;
    std::fs::write(world.project().join("devarch.yml"), CHANGED).unwrap();
    world.run("shop", Command::Set("db", "environment.MARK", "3")).await.unwrap();
    let (objects, made) = (world.objects().await, world.engine.changes());
    let first = world.plan("shop").await;
    for _ in 0..3 {
        assert_eq!(world.plan("shop").await, first);
    }
    assert_eq!((world.objects().await, world.engine.changes()), (objects, made));
}

#[tokio::test]
async fn a_volume_another_stack_left_is_used_only_on_request() {
    let world = World::new().await;
    let yml = shop(&["db: {template: busybox, volumes: [\"data:/data\"]}"]);
    world.run("shop", Command::up(yml)).await.unwrap();
    world.engine.write_volume("devarch-shop-db-data", "rows");
    world.run("shop", Command::Down).await.unwrap();
    world.run("shop", Command::Delete).await.unwrap();
    let error = world.run("shop", Command::up(yml)).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Objects(_))), "{error:?}");
    assert!(error.to_string().contains("devarch-shop-db-data"), "{error}");
    let reuse = PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() };
    world.run("shop", Command::Up(yml, reuse)).await.unwrap();
    assert_eq!(world.engine.volume_content("devarch-shop-db-data"), "rows");
}

#[tokio::test]
async fn a_volume_of_another_home_is_used_only_where_that_home_is_declared_lost() {
    let lost = World::new().await;
    let yml = shop(&["db: {template: busybox, volumes: [\"data:/data\"]}"]);
    lost.run("shop", Command::up(yml)).await.unwrap();
    lost.engine.write_volume("devarch-shop-db-data", "rows");
    lost.run("shop", Command::Down).await.unwrap();
    let world = lost.beside().await;
    let reuse = PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() };
    world.run("shop", Command::Up(yml, reuse)).await.unwrap_err();
    let adopt = PrepareOptions { adopt_volumes: true, ..PrepareOptions::default() };
    world.run("shop", Command::Up(yml, adopt)).await.unwrap();
    assert_eq!(world.engine.volume_content("devarch-shop-db-data"), "rows");
    assert_eq!(world.plan("shop").await, None);
}
