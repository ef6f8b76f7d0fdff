//! A test that panics leaves no objects behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use devarch_core::engine::EngineKind;
use devarch_testkit::{
    fixture::{RUNS, mounted},
    real,
    scope::LABEL,
};

async fn nothing_is_left_on(kind: EngineKind) {
    let Some(watcher) = real::engine(kind).await else {
        return;
    };
    let Some(fixture) = real::engine(kind).await else {
        return;
    };
    let label = fixture.scope.labels()[LABEL].clone();
    let panicked = tokio::spawn(async move {
        let (network, _) = fixture.network("net", 0).await;
        let volume = fixture.volume("data").await;
        let mut request = fixture.attached("web", &RUNS, &network, 5);
        request.spec.mounts.push(mounted(&volume, "/data"));
        fixture.run(&request).await;
        panic!("as a failing test does");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let ours = |found: Option<&String>| found == Some(&label);
    let containers = watcher.engine.containers().await.unwrap();
    assert!(!containers.iter().any(|left| ours(left.labels.get(LABEL))));
    let networks = watcher.engine.networks().await.unwrap();
    assert!(!networks.iter().any(|left| ours(left.labels.get(LABEL))));
    let volumes = watcher.engine.volumes().await.unwrap();
    assert!(!volumes.values().any(|left| ours(left.get(LABEL))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_on_docker() {
    nothing_is_left_on(EngineKind::Docker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_on_podman() {
    nothing_is_left_on(EngineKind::Podman).await;
}
