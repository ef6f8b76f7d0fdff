//! Selection of a stack's engine.

use crate::{
    harness::{Command, EngineChoice, Objects, Sandbox},
    stacks::{CHANGED, SHOP},
};
use devarch_core::{engine::EngineKind, name::PhysicalVolume};
use devarch_engine::Engine as _;
use devarch_testkit::memory::MemoryEngine;
use std::sync::Arc;

const DOCKER: &str = "memory://docker";
const PODMAN: &str = "memory://podman";

/// Another stack.
const OTHER: &str = "version: \"1\"\nstacks: {other: {instances: {web: {template: busybox}}}}\n";

fn engine(kind: EngineKind, endpoint: &str) -> Arc<MemoryEngine> {
    let engine = MemoryEngine::new().with_info(|info| {
        info.kind = kind;
        endpoint.clone_into(&mut info.endpoint);
    });
    Arc::new(engine)
}

/// Creates a home for which both engines answer and Docker comes first.
async fn home(flag: Option<&str>, variable: Option<&str>) -> EngineChoice {
    let engines = [engine(EngineKind::Docker, DOCKER), engine(EngineKind::Podman, PODMAN)];
    EngineChoice::of(engines, flag, variable).await
}

#[tokio::test]
async fn a_never_applied_stack_gets_the_first_engine_that_answers() {
    assert_eq!(home(None, None).await.of_new_stack().await.unwrap(), DOCKER);
}

#[tokio::test]
async fn a_stack_stays_on_its_engine_even_if_that_is_unreachable() {
    let home = home(None, None).await;
    assert_eq!(home.of_stack_on(PODMAN).await.unwrap(), PODMAN);
    assert!(home.of_stack_on("memory://gone").await.is_err());
}

#[tokio::test]
async fn the_requested_engine_takes_precedence_over_the_bound_one() {
    let by_flag = home(Some("docker"), Some(PODMAN)).await;
    assert_eq!(by_flag.of_stack_on(PODMAN).await.unwrap(), DOCKER);
    let by_variable = home(None, Some(PODMAN)).await;
    assert_eq!(by_variable.of_stack_on(DOCKER).await.unwrap(), PODMAN);
}

async fn prune(sandbox: &Sandbox) {
    sandbox.engine.remove_volume(&PhysicalVolume::from_stored("devarch-engine")).await.unwrap();
}

/// `docker volume prune` removes the volume that identifies an engine.
#[tokio::test]
async fn an_engine_with_a_pruned_marker_is_recognised_by_every_command() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    let running = sandbox.objects().await;
    prune(&sandbox).await;
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(!sandbox.objects().await.names().contains("volume devarch-engine"), "planning makes nothing");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.objects().await, running, "the marker is back, with the id it had");
    let commands = [
        Command::Stop,
        Command::Start,
        Command::Rollback,
        Command::Down,
        Command::up(CHANGED),
        Command::Down,
        Command::Delete,
    ];
    for command in commands {
        prune(&sandbox).await;
        sandbox.run("shop", command.clone()).await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }
}

#[tokio::test]
async fn an_engine_whose_marker_another_home_recreated_is_recognised_by_its_objects() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    prune(&sandbox).await;
    let other = sandbox.beside().await;
    other.run("other", Command::up(OTHER)).await.unwrap();
    let ids = |objects: Objects| objects.containers.into_values().map(|one| one.id).collect::<Vec<_>>();
    let before = ids(sandbox.objects().await);
    assert_eq!(sandbox.plan("shop").await, None);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(ids(sandbox.objects().await), before);
    sandbox.run("shop", Command::Down).await.unwrap();
    assert_eq!(other.plan("other").await, None);
}

#[tokio::test]
async fn a_new_stack_uses_the_previous_id_of_an_engine_without_its_marker() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.objects().await;
    prune(&sandbox).await;
    sandbox.run("other", Command::up(OTHER)).await.unwrap();
    assert_eq!(sandbox.objects().await.volumes["devarch-engine"], before.volumes["devarch-engine"]);
    assert_eq!(sandbox.plan("shop").await, None);
}
