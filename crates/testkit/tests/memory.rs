//! What the in-memory engine does beyond the contract: scripts, faults, its record of calls.

use devarch_core::{
    observed::{HealthState, RunState},
    template::{HealthTest, Healthcheck},
};
use devarch_engine::{Engine, EngineErrorKind as Kind, Probe, Runs};
use devarch_testkit::{
    fixture::{Fixture, RUNS, published},
    memory::{Behaviour, Call, Effect, Fault, MemoryEngine, plain_image},
    proxy::Moment,
    scope::Scope,
};
use std::{sync::Arc, time::Duration};

fn world(engine: MemoryEngine) -> (Arc<MemoryEngine>, Fixture) {
    let engine = Arc::new(engine);
    let shared: Arc<dyn Engine> = engine.clone();
    (engine, Fixture::new(shared, Scope::new(None)))
}

#[tokio::test]
async fn a_call_is_refused_as_often_as_requested() {
    let (engine, f) = world(MemoryEngine::new());
    let id = f.create(&f.request("db", &RUNS)).await;
    engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    assert_eq!(f.engine.start(&id).await.unwrap_err().kind, Kind::DiskFull);
    f.engine.start(&id).await.unwrap();
}

#[tokio::test]
async fn a_stuck_container_can_only_be_removed() {
    let (engine, f) = world(MemoryEngine::new());
    let request = f.request("db", &RUNS);
    let id = f.run(&request).await;
    engine.stick(request.name.as_str());
    f.stop(&id).await;
    assert_eq!(f.listed(&id).await.unwrap().state, RunState::Stuck);
    assert_eq!(f.engine.start(&id).await.unwrap_err().kind, Kind::Stuck);
    f.engine.remove_container(&id).await.unwrap();
    assert!(f.listed(&id).await.is_none());
}

#[tokio::test]
async fn an_interrupted_call_was_carried_out_or_not() {
    let (engine, f) = world(MemoryEngine::new());
    let id = f.create(&f.request("db", &RUNS)).await;
    for (effect, state) in [(Effect::CutBefore, RunState::Created), (Effect::CutAfter, RunState::Running)] {
        engine.inject(Fault { call: Call::Start, on: String::new(), times: 1, effect });
        assert_eq!(f.engine.start(&id).await.unwrap_err().kind, Kind::Uncertain);
        assert_eq!(f.listed(&id).await.unwrap().state, state);
    }
}

#[tokio::test]
async fn a_hanging_call_can_be_cancelled() {
    let (engine, f) = world(MemoryEngine::new());
    let id = f.create(&f.request("db", &RUNS)).await;
    let effect = Effect::Hangs(Moment::Before);
    engine.inject(Fault { call: Call::Start, on: String::new(), times: 1, effect });
    let given_up = tokio::time::timeout(Duration::from_millis(20), f.engine.start(&id)).await;
    assert!(given_up.is_err());
    assert_eq!(f.listed(&id).await.unwrap().state, RunState::Created);
}

#[tokio::test]
async fn every_change_is_recorded_in_order() {
    let (engine, f) = world(MemoryEngine::new());
    let request = f.request("db", &RUNS);
    let id = f.run(&request).await;
    f.listed(&id).await;
    f.stop(&id).await;
    let name = &request.name;
    let want = [format!("CreateContainer {name}"), format!("Start {name}"), format!("Stop {name}")];
    assert_eq!(engine.changes(), want);
}

#[tokio::test]
async fn a_scripted_container_becomes_ready_after_some_probes() {
    let (engine, f) = world(MemoryEngine::new().with_script(|_| Behaviour::runs().failing_probes(2)));
    let mut request = f.request("db", &RUNS);
    let test = HealthTest::Shell("pg_isready".to_owned());
    request.spec.healthcheck = Some(Healthcheck {
        test: test.clone(),
        interval: None,
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    });
    let id = f.run(&request).await;
    let probe = Probe { test, timeout: Duration::from_secs(1), runs: Runs::Once };
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(f.engine.probe(&id, &probe).await.unwrap().exit_code);
    }
    assert_eq!(codes, [Some(1), Some(1), Some(0)]);
    assert_eq!(f.listed(&id).await.unwrap().health, Some(HealthState::Healthy));
    engine.end(request.name.as_str(), 137);
    assert_eq!(f.listed(&id).await.unwrap().exit_code, Some(137));
}

#[tokio::test]
async fn host_ports_and_registry_images_can_be_set() {
    let (engine, f) = world(MemoryEngine::new());
    engine.occupy_port(8080);
    let (network, _) = f.network("net", 0).await;
    let mut request = f.attached("web", &RUNS, &network, 5);
    request.spec.ports.push(published(80, 8080));
    let id = f.create(&request).await;
    assert_eq!(f.engine.start(&id).await.unwrap_err().kind, Kind::PortTaken);

    engine.add_to_registry("app:1", plain_image("sha256:01"));
    assert_eq!(f.engine.image("app:1").await.unwrap(), None);
    let pulled = f.engine.pull_image("app:1", None, &|_| {}).await.unwrap();
    assert_eq!(f.engine.image("app:1").await.unwrap(), Some(pulled));
}
