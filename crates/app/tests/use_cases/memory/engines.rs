//! Which engine a stack is brought up on.

use devarch_app::{App, AppError, Settings, Surroundings};
use devarch_core::{
    engine::{EngineBinding, EngineKind},
    id::EngineId,
    stack::Stack,
};
use devarch_testkit::{
    memory::MemoryEngine,
    surroundings::{CountedIds, FakeClock, FakeHost, MemoryEngines},
};
use std::{ffi::OsString, sync::Arc};
use tempfile::TempDir;

const DOCKER: &str = "memory://docker";
const PODMAN: &str = "memory://podman";

fn engine(kind: EngineKind, endpoint: &str) -> Arc<MemoryEngine> {
    let engine = MemoryEngine::new().with_info(|info| {
        info.kind = kind;
        endpoint.clone_into(&mut info.endpoint);
    });
    Arc::new(engine)
}

/// Both engines answer, Docker is looked for first.
async fn app(home: &TempDir, flag: Option<&str>, variable: Option<&str>) -> App {
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
    App::open(Settings::read(flag.map(str::to_owned), read).unwrap(), around).await.unwrap()
}

/// A stack that was applied on the engine at that endpoint.
async fn bound_to(app: &App, endpoint: &str) -> Stack {
    let name = "shop".parse().unwrap();
    let stack = match app.stack(&name).await {
        Ok(stack) => stack,
        Err(_) => app.create_stack(&name, None).await.unwrap(),
    };
    let (kind, id) = (EngineKind::Podman, EngineId::new("an engine"));
    Stack { engine: Some(EngineBinding { kind, id, endpoint: endpoint.to_owned() }), ..stack }
}

async fn chosen(app: &App, stack: Option<&Stack>) -> Result<String, AppError> {
    Ok(app.engine(stack).await?.info().endpoint.clone())
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
