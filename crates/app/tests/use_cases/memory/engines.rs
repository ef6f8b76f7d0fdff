//! Which engine a stack is brought up on.

use crate::{
    harness::{Command, Objects, World},
    stacks::{CHANGED, SHOP},
};
use devarch_app::{
    Context, OperationError, Settings, Surroundings, connect_engine, create_stack, find_stack,
};
use devarch_core::{
    engine::{EngineBinding, EngineKind},
    id::EngineId,
    name::PhysicalVolume,
    stack::Stack,
};
use devarch_engine::Engine as _;
use devarch_testkit::{
    memory::MemoryEngine,
    surroundings::{CountedIds, FakeClock, FakeHost, MemoryEngines},
};
use std::{ffi::OsString, sync::Arc};
use tempfile::TempDir;

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

/// Both engines answer, Docker is looked for first.
async fn app(home: &TempDir, flag: Option<&str>, variable: Option<&str>) -> Context {
    let engines = [engine(EngineKind::Docker, DOCKER), engine(EngineKind::Podman, PODMAN)];
    let engines = MemoryEngines::new(engines);
    let engines = match variable {
        Some(name) => engines.named(name),
        None => engines,
    };
    let around = Surroundings {
        engines: Arc::new(engines),
        clock: Arc::new(FakeClock::default()),
        ids: Arc::new(CountedIds::default()),
        host: Arc::new(FakeHost::default()),
    };
    let path: OsString = home.path().into();
    let read = |name: &str| matches!(name, "HOME" | "DEVARCH_HOME").then(|| path.clone());
    Context::open(Settings::read(flag.map(str::to_owned), read).unwrap(), around).await.unwrap()
}

/// A stack that was applied on the engine at that endpoint.
async fn bound_to(app: &Context, endpoint: &str) -> Stack {
    let name = "shop".parse().unwrap();
    let stack = match find_stack(app, &name).await {
        Ok(stack) => stack,
        Err(_) => create_stack(app, &name, None).await.unwrap(),
    };
    let (kind, id) = (EngineKind::Podman, EngineId::new("an engine"));
    Stack { engine: Some(EngineBinding { kind, id, endpoint: endpoint.to_owned() }), ..stack }
}

async fn chosen(app: &Context, stack: Option<&Stack>) -> Result<String, OperationError> {
    Ok(connect_engine(app, stack).await?.info().endpoint.clone())
}

#[tokio::test]
async fn a_stack_that_was_never_applied_gets_the_first_engine_that_answers() {
    let home = tempfile::tempdir().unwrap();
    let app = app(&home, None, None).await;
    assert_eq!(chosen(&app, None).await.unwrap(), DOCKER);
}

#[tokio::test]
async fn a_stack_stays_on_its_engine_and_goes_to_no_other_where_that_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let app = app(&home, None, None).await;
    assert_eq!(chosen(&app, Some(&bound_to(&app, PODMAN).await)).await.unwrap(), PODMAN);
    assert!(chosen(&app, Some(&bound_to(&app, "memory://gone").await)).await.is_err());
}

#[tokio::test]
async fn the_engine_that_is_asked_for_goes_before_the_one_a_stack_is_on() {
    let home = tempfile::tempdir().unwrap();
    let by_flag = app(&home, Some("docker"), Some(PODMAN)).await;
    assert_eq!(chosen(&by_flag, Some(&bound_to(&by_flag, PODMAN).await)).await.unwrap(), DOCKER);
    let by_variable = app(&home, None, Some(PODMAN)).await;
    assert_eq!(chosen(&by_variable, Some(&bound_to(&by_variable, DOCKER).await)).await.unwrap(), PODMAN);
}

async fn prune(world: &World) {
    world.engine.remove_volume(&PhysicalVolume::from_stored("devarch-engine")).await.unwrap();
}

/// `docker volume prune` takes the volume by which an engine is known.
#[tokio::test]
async fn an_engine_whose_marker_was_pruned_is_the_same_engine_to_every_command() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.run("shop", Command::up(CHANGED)).await.unwrap();
    let running = world.objects().await;
    prune(&world).await;
    assert_eq!(world.plan("shop").await, None);
    assert!(!world.objects().await.names().contains("volume devarch-engine"), "planning makes nothing");
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.objects().await, running, "the marker is back, with the id it had");
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
        prune(&world).await;
        world.run("shop", command.clone()).await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }
}

#[tokio::test]
async fn an_engine_whose_marker_another_home_made_again_is_known_by_what_is_there() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    prune(&world).await;
    let other = world.beside().await;
    other.run("other", Command::up(OTHER)).await.unwrap();
    let ids = |objects: Objects| objects.containers.into_values().map(|one| one.id).collect::<Vec<_>>();
    let before = ids(world.objects().await);
    assert_eq!(world.plan("shop").await, None);
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(ids(world.objects().await), before);
    world.run("shop", Command::Down).await.unwrap();
    assert_eq!(other.plan("other").await, None);
}

#[tokio::test]
async fn a_new_stack_finds_an_engine_without_its_marker_under_the_id_it_had() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    let before = world.objects().await;
    prune(&world).await;
    world.run("other", Command::up(OTHER)).await.unwrap();
    assert_eq!(world.objects().await.volumes["devarch-engine"], before.volumes["devarch-engine"]);
    assert_eq!(world.plan("shop").await, None);
}
