//! Options of plans, and changes that make a confirmed plan stale.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::{CHANGED, running_shop, shop},
};
use devarch_app::{
    Approved, Conflict, ErrorKind, NotFound, OperationError, Outdated, PrepareOptions, Prepared, is_plan_id,
    load_saved_plan, prepare,
};
use devarch_core::{
    name::{InstanceName, PhysicalVolume},
    stack::DesiredRun,
};
use devarch_engine::Engine as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

async fn planned(sandbox: &Sandbox, options: &PrepareOptions) -> Result<Prepared, OperationError> {
    Box::pin(prepare(sandbox.ctx(), &parsed("shop"), options)).await
}

fn only(instance: &str) -> BTreeSet<InstanceName> {
    BTreeSet::from([parsed(instance)])
}

async fn ids(sandbox: &Sandbox) -> Vec<String> {
    let objects = sandbox.objects().await;
    ["db", "web"].map(|name| objects.containers[&format!("devarch-shop-{name}")].id.to_string()).to_vec()
}

#[tokio::test]
async fn one_instance_is_recreated_on_request_and_the_other_is_kept() {
    let sandbox = running_shop().await;
    let before = ids(&sandbox).await;
    let options = PrepareOptions { replace: only("web"), ..PrepareOptions::default() };
    sandbox.run("shop", Command::Apply(options)).await.unwrap();
    let after = ids(&sandbox).await;
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
}

#[tokio::test]
async fn a_restart_keeps_the_containers() {
    let sandbox = running_shop().await;
    let (before, made) = (ids(&sandbox).await, sandbox.engine.changes().len());
    let options = PrepareOptions { restart: only("db"), ..PrepareOptions::default() };
    sandbox.run("shop", Command::Apply(options)).await.unwrap();
    assert_eq!(ids(&sandbox).await, before);
    let calls = &sandbox.engine.changes()[made..];
    assert!(
        calls.contains(&"Stop devarch-shop-db".to_owned())
            && calls.contains(&"Start devarch-shop-db".to_owned()),
        "{calls:?}"
    );
    assert!(!calls.iter().any(|call| call.contains("web")), "{calls:?}");
}

#[tokio::test]
async fn a_requested_instance_has_to_exist() {
    let sandbox = running_shop().await;
    for options in [
        PrepareOptions { replace: only("wbe"), ..PrepareOptions::default() },
        PrepareOptions { restart: only("wbe"), ..PrepareOptions::default() },
    ] {
        let error = planned(&sandbox, &options).await.err().unwrap();
        assert!(matches!(error, OperationError::NotFound(NotFound::Instance { .. })), "{error:?}");
        assert_eq!(hints(&error), "did you mean 'web'?");
    }
}

#[tokio::test]
async fn an_unrecorded_desired_state_is_planned_and_changes_nothing_stored() {
    let sandbox = running_shop().await;
    for (wanted, sign) in [(DesiredRun::Absent, "- db"), (DesiredRun::Stopped, "~ db")] {
        let options = PrepareOptions { wanted: Some(wanted), ..PrepareOptions::default() };
        let plan = planned(&sandbox, &options).await.unwrap().plan;
        assert!(!plan.is_empty(), "{sign}");
        assert!(
            sandbox
                .stack("shop")
                .await
                .instances
                .values()
                .all(|instance| instance.wanted == DesiredRun::Running)
        );
    }
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_problem_of_one_instance_does_not_keep_others_from_stopping() {
    let sandbox = running_shop().await;
    std::fs::create_dir(sandbox.project().join("src")).unwrap();
    sandbox.run("shop", Command::Set("web", "volumes./src", "./src")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    std::fs::remove_dir(sandbox.project().join("src")).unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap_err();
    sandbox.run("shop", Command::Stop).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty());
}

/// Asserts that this change to the engine or the store makes a confirmed plan stale, and how it is named.
async fn assert_stale(change: impl AsyncFn(&Sandbox), named: &str) {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let agreed: Approved = planned(&sandbox, &PrepareOptions::default()).await.unwrap().approved();
    agreed.holds(&planned(&sandbox, &PrepareOptions::default()).await.unwrap()).unwrap();
    change(&sandbox).await;
    let error = agreed.holds(&planned(&sandbox, &PrepareOptions::default()).await.unwrap()).unwrap_err();
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
async fn a_confirmed_plan_is_stale_once_a_container_exited() {
    assert_stale(async |sandbox: &Sandbox| sandbox.engine.end("devarch-shop-db", 1), "devarch-shop-db").await;
}

#[tokio::test]
async fn a_confirmed_plan_is_stale_once_a_container_is_gone() {
    assert_stale(
        async |sandbox: &Sandbox| sandbox.remove_by_hand("devarch-shop-db").await,
        "devarch-shop-db",
    )
    .await;
}

#[tokio::test]
async fn a_confirmed_plan_is_stale_once_the_definition_was_edited() {
    let edit = async |sandbox: &Sandbox| {
        sandbox.run("shop", Command::Set("db", "environment.MARK", "9")).await.unwrap();
    };
    assert_stale(edit, "").await;
}

#[tokio::test]
async fn a_confirmed_plan_is_stale_once_an_image_moved() {
    let moved = async |sandbox: &Sandbox| {
        sandbox.engine.add_image("busybox:1.37", devarch_testkit::memory::plain_image("sha256:b1b1"));
    };
    assert_stale(moved, "busybox:1.37").await;
}

#[tokio::test]
async fn unrelated_changes_do_not_make_a_plan_stale() {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let agreed = planned(&sandbox, &PrepareOptions::default()).await.unwrap().approved();
    let other = "version: \"1\"\nstacks: {other: {instances: {web: {template: busybox}}}}\n";
    sandbox.import("other", other).await;
    sandbox.run("other", Command::apply()).await.unwrap();
    sandbox
        .engine
        .create_volume(&PhysicalVolume::from_stored("their-volume"), &BTreeMap::new())
        .await
        .unwrap();
    agreed.holds(&planned(&sandbox, &PrepareOptions::default()).await.unwrap()).unwrap();
}

#[tokio::test]
async fn a_saved_plan_is_found_only_by_its_id() {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let id = sandbox.save_plan("shop", false).await;
    assert!(is_plan_id(id.as_str()) && !is_plan_id("shop"));
    let approved = load_saved_plan(sandbox.ctx(), &id).await.unwrap();
    assert_eq!((approved.stack.as_str(), approved.plan.as_ref()), ("shop", Some(&id)));
    let error = load_saved_plan(sandbox.ctx(), &parsed_plan("plan_none")).await.unwrap_err();
    assert_eq!(
        (error.kind(), hints(&error).as_str()),
        (ErrorKind::NotFound, "`devarch plan STACK` makes a new one")
    );
}

fn parsed_plan(id: &str) -> devarch_core::id::PlanId {
    devarch_core::id::PlanId::new(id)
}

#[tokio::test]
async fn a_saved_plan_expires_and_is_deleted_with_its_stack() {
    let sandbox = running_shop().await;
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let id = sandbox.save_plan("shop", false).await;
    sandbox.clock.advance(Duration::from_mins(16));
    let error = load_saved_plan(sandbox.ctx(), &id).await.unwrap_err();
    assert!(error.to_string().contains("16 minutes ago, it has expired"), "{error}");
    let fresh = sandbox.save_plan("shop", false).await;
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    let error = load_saved_plan(sandbox.ctx(), &fresh).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_saved_plan_keeps_its_options() {
    let sandbox = running_shop().await;
    let options = PrepareOptions { replace: only("web"), ..PrepareOptions::default() };
    let prepared = planned(&sandbox, &options).await.unwrap();
    let saved = devarch_app::save_plan(sandbox.ctx(), &prepared).await.unwrap();
    let before = ids(&sandbox).await;
    sandbox.apply_plan(&saved.id).await.unwrap();
    let after = ids(&sandbox).await;
    assert!(before[0] == after[0] && before[1] != after[1]);
    let error = sandbox.apply_plan(&saved.id).await.unwrap_err();
    assert!(error.to_string().contains("it was applied already"), "{error}");
}

#[tokio::test]
async fn planning_is_deterministic_and_changes_nothing() {
    let sandbox = running_shop().await;
    std::fs::write(sandbox.project().join("devarch.yml"), CHANGED).unwrap();
    sandbox.run("shop", Command::Set("db", "environment.MARK", "3")).await.unwrap();
    let (objects, made) = (sandbox.objects().await, sandbox.engine.changes());
    let first = sandbox.plan("shop").await;
    for _ in 0..3 {
        assert_eq!(sandbox.plan("shop").await, first);
    }
    assert_eq!((sandbox.objects().await, sandbox.engine.changes()), (objects, made));
}

#[tokio::test]
async fn a_volume_left_by_another_stack_is_used_only_on_request() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&["db: {template: busybox, volumes: [\"data:/data\"]}"]);
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    let error = sandbox.run("shop", Command::up(yml)).await.unwrap_err();
    assert!(matches!(error, OperationError::Conflict(Conflict::Objects(_))), "{error:?}");
    assert!(error.to_string().contains("devarch-shop-db-data"), "{error}");
    let reuse = PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(yml, reuse)).await.unwrap();
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "rows");
}

#[tokio::test]
async fn a_volume_of_another_home_is_used_only_if_that_home_is_declared_lost() {
    let lost = Sandbox::new().await;
    let yml = shop(&["db: {template: busybox, volumes: [\"data:/data\"]}"]);
    lost.run("shop", Command::up(yml)).await.unwrap();
    lost.engine.write_volume("devarch-shop-db-data", "rows");
    lost.run("shop", Command::Down).await.unwrap();
    let sandbox = lost.beside().await;
    let reuse = PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(yml, reuse)).await.unwrap_err();
    let adopt = PrepareOptions { adopt_volumes: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(yml, adopt)).await.unwrap();
    assert_eq!(sandbox.engine.volume_content("devarch-shop-db-data"), "rows");
    assert_eq!(sandbox.plan("shop").await, None);
}
