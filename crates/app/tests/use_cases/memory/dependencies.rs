//! Dependencies: which instance waits for which, and for what condition.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::{shop, shop_of},
};
use devarch_app::{ApplyError, Failure, OperationError};
use devarch_core::observed::RunState;
use devarch_testkit::memory::Behaviour;

const DB: &str = r#"db: {template: busybox, healthcheck: {test: "exit 0", interval: 1s, retries: 3}}"#;

fn web(condition: &str) -> String {
    format!("web: {{template: busybox, depends_on: {{db: {{condition: {condition}}}}}}}")
}

/// Returns the index of a call among those that changed something.
fn call_index(sandbox: &Sandbox, call: &str) -> Option<usize> {
    sandbox.engine.changes().iter().position(|change| change == call)
}

#[tokio::test]
async fn a_consumer_starts_after_its_provider_for_every_condition() {
    for condition in ["ready", "service_started", "service_healthy"] {
        let sandbox = Sandbox::new().await;
        sandbox.run("shop", Command::up(shop(&[DB, &web(condition)]))).await.unwrap();
        let (db, consumer) =
            (call_index(&sandbox, "Start devarch-shop-db"), call_index(&sandbox, "Start devarch-shop-web"));
        assert!(db.is_some() && db < consumer, "{condition}: {db:?} {consumer:?}");
    }
}

#[tokio::test]
async fn a_consumer_of_an_unhealthy_provider_is_never_started() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(|_| Behaviour::runs().failing_probes(10_000));
    let error = sandbox.run("shop", Command::up(shop(&[DB, &web("service_healthy")]))).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &error else { panic!("{error:?}") };
    assert!(matches!(failure.failure, Failure::Unhealthy { .. }), "{failure:?}");
    assert_eq!(call_index(&sandbox, "Start devarch-shop-web"), None);
}

#[tokio::test]
async fn a_consumer_that_only_needs_a_start_does_not_wait_for_health() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(|_| Behaviour::runs().failing_probes(3));
    sandbox.run("shop", Command::up(shop(&[DB, &web("service_started")]))).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

const JOB: &str = r#"job: {template: busybox, job: true, restart: "no", command: [sh, -c, "exit 0"]}"#;

#[tokio::test]
async fn a_job_runs_once_and_its_consumers_after_its_end() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[JOB, "web: {template: busybox, depends_on: [job]}"]);
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    assert!(call_index(&sandbox, "Start devarch-shop-job") < call_index(&sandbox, "Start devarch-shop-web"));
    let made = sandbox.engine.changes().len();
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    assert_eq!(sandbox.engine.changes().len(), made, "it has run");
    assert_eq!(sandbox.objects().await.containers["devarch-shop-job"].state, RunState::Exited);
}

#[tokio::test]
async fn a_job_that_fails_starts_no_consumer_and_is_reported_with_its_code() {
    let sandbox = Sandbox::new().await;
    let failing = JOB.replace("exit 0", "echo no table; exit 9");
    let yml = shop(&[&failing, "web: {template: busybox, depends_on: [job]}"]);
    let error = sandbox.run("shop", Command::up(yml)).await.unwrap_err();
    assert!(error.to_string().contains("no table"), "{error}");
    assert_eq!(call_index(&sandbox, "Start devarch-shop-web"), None);
}

#[tokio::test]
async fn a_consumer_restarts_with_its_provider_on_request() {
    for (restart, restarted) in [(true, true), (false, false)] {
        let sandbox = Sandbox::new().await;
        let consumer = format!(
            "web: {{template: busybox, depends_on: {{db: {{condition: ready, restart: {restart}}}}}}}"
        );
        sandbox.run("shop", Command::up(shop(&[DB, &consumer]))).await.unwrap();
        let made = sandbox.engine.changes().len();
        sandbox.run("shop", Command::Set("db", "environment.A", "1")).await.unwrap();
        sandbox.run("shop", Command::apply()).await.unwrap();
        let started = sandbox.engine.changes()[made..].iter().any(|call| call == "Start devarch-shop-web");
        assert_eq!(started, restarted, "restart: {restart}");
    }
}

#[tokio::test]
async fn an_optional_provider_may_be_missing() {
    let sandbox = Sandbox::new().await;
    let web = "web: {template: busybox, depends_on: {cache: {condition: ready, required: false}}}";
    sandbox.run("shop", Command::up(shop(&[web]))).await.unwrap();
    let with: &'static str = shop(&[web, "cache: {template: busybox}"]);
    sandbox.run("shop", Command::up(with)).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_chain_starts_providers_first_and_stops_consumers_first() {
    let sandbox = Sandbox::new().await;
    let chain = [
        "a: {template: busybox}",
        "b: {template: busybox, depends_on: [a]}",
        "c: {template: busybox, depends_on: [b]}",
    ];
    sandbox.run("shop", Command::up(shop(&chain))).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    let order = |call: &str| {
        ["a", "b", "c"].map(|name| call_index(&sandbox, &format!("{call} devarch-shop-{name}")).unwrap())
    };
    assert!(order("Start").is_sorted());
    assert!(order("Stop").iter().rev().is_sorted(), "{:?}", order("Stop"));
}

#[tokio::test]
async fn dependencies_in_templates_of_the_file_are_followed() {
    let sandbox = Sandbox::new().await;
    let template = r#"client: {image: "busybox:1.37", depends_on: [db]}"#;
    sandbox
        .run("shop", Command::up(shop_of("", &[template], &[DB, "web: {template: client}"])))
        .await
        .unwrap();
    assert!(call_index(&sandbox, "Start devarch-shop-db") < call_index(&sandbox, "Start devarch-shop-web"));
    sandbox.rename_instance("shop", "db", "store").await.unwrap_err();
    assert!(
        sandbox.stack("shop").await.instances.contains_key(&parsed::<devarch_core::name::InstanceName>("db"))
    );
}
