//! The states of several stacks, their URLs for a browser, and the text for each state.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::{LINKED, SHOP, shop, shop_of},
};
use devarch_app::{StackStatus, StatusOptions, Waiting, all_statuses};
use devarch_core::{
    observed::{HealthState, RunState},
    stack::DesiredRun,
};
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::memory::{Behaviour, Call, Effect, Fault, MemoryEngine};

async fn all(sandbox: &Sandbox) -> Vec<StackStatus> {
    all_statuses(sandbox.ctx(), StatusOptions::default()).await.unwrap()
}

fn waiting(status: &StackStatus, instance: &str) -> String {
    let found = status.instances.iter().find(|it| it.name.as_str() == instance).unwrap();
    found.waiting.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn every_stack_is_listed_and_each_engine_queried_once() {
    let sandbox = Sandbox::new().await;
    sandbox.run("infra", Command::up(LINKED)).await.unwrap();
    sandbox.run("shop", Command::up(LINKED)).await.unwrap();
    sandbox
        .import("never", "version: \"1\"\nstacks: {never: {instances: {web: {template: busybox}}}}\n")
        .await;
    let names: Vec<_> =
        all(&sandbox).await.into_iter().map(|status| (status.name.to_string(), status.engine)).collect();
    let docker = Some("docker".to_owned());
    assert_eq!(
        names,
        [("infra".to_owned(), docker.clone()), ("never".to_owned(), None), ("shop".to_owned(), docker)]
    );
    // A second query would be answered.
    sandbox.engine.inject(Fault {
        call: Call::Containers,
        on: String::new(),
        times: 1,
        effect: Effect::Refused(Kind::NotRunning),
    });
    let unknown: Vec<_> = all(&sandbox).await.into_iter().filter(|status| status.unknown.is_some()).collect();
    assert_eq!(unknown.len(), 2, "{unknown:?}");
}

#[tokio::test]
async fn an_empty_home_is_not_an_error() {
    assert!(all(&Sandbox::new().await).await.is_empty());
}

#[tokio::test]
async fn an_http_export_has_a_url_while_it_runs() {
    let sandbox = Sandbox::new().await;
    let template = r#"page: {image: "busybox:1.37", ports: ["0.0.0.0:8080:80", "8081:81"], exports: [{name: web, type: http, port: 80}, {name: raw, type: tcp, port: 81}]}"#;
    sandbox.run("shop", Command::up(shop_of("", &[template], &["web: {template: page}"]))).await.unwrap();
    assert_eq!(sandbox.status("shop").await.instances[0].urls, ["http://127.0.0.1:8080"]);
    sandbox.run("shop", Command::Stop).await.unwrap();
    assert!(sandbox.status("shop").await.instances[0].urls.is_empty());
}

#[tokio::test]
async fn each_state_is_reported_with_a_hint() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.end("devarch-shop-db", 137);
    let status = sandbox.status("shop").await;
    assert_eq!(waiting(&status, "db"), "exited with code 137; see `devarch logs`");
    assert_eq!(waiting(&status, "web"), "", "it runs");
    sandbox.engine.end("devarch-shop-web", 0);
    assert_eq!(waiting(&sandbox.status("shop").await, "web"), "waits for db, which is not running");
    sandbox.run("shop", Command::Down).await.unwrap();
    assert_eq!(waiting(&sandbox.status("shop").await, "db"), "is down: `devarch up`");
    sandbox.enable("shop", false).await.unwrap();
    let status = sandbox.status("shop").await;
    assert_eq!(waiting(&status, "db"), "is disabled");
    assert!(status.instances.iter().all(|instance| instance.wanted == DesiredRun::Absent));
}

#[tokio::test]
async fn a_check_that_has_not_passed_since_a_manual_start_is_pending() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(|_| Behaviour::runs().failing_probes(1));
    let yml = shop(&[r#"db: {template: busybox, healthcheck: {test: "exit 0"}}"#]);
    sandbox.run("shop", Command::up(yml)).await.unwrap();
    let id = sandbox.objects().await.containers["devarch-shop-db"].id.clone();
    sandbox.engine.stop(&id, None).await.unwrap();
    sandbox.engine.start(&id).await.unwrap();
    let status = sandbox.status("shop").await;
    assert_eq!(status.instances[0].state, Some(RunState::Running));
    assert!(status.instances[0].health.is_some(), "{status:?}");
}

#[tokio::test]
async fn a_succeeded_job_waits_for_nothing_and_a_failed_replacement_restores_it() {
    let sandbox = Sandbox::new().await;
    let job = |line: &str| {
        shop(&[
            &format!("job: {{template: busybox, job: true, restart: \"no\", command: [sh, -c, \"{line}\"]}}"),
            "web: {template: busybox, depends_on: [job]}",
        ])
    };
    sandbox.run("shop", Command::up(job("exit 0"))).await.unwrap();
    let status = sandbox.status("shop").await;
    assert_eq!((waiting(&status, "job"), status.instances[0].exit_code), (String::new(), Some(0)));
    sandbox.run("shop", Command::up(job("exit 4"))).await.unwrap_err();
    assert_eq!(sandbox.status("shop").await.instances[0].exit_code, Some(0), "the one before is back");
}

#[tokio::test]
async fn texts_for_states_name_the_command_that_helps() {
    let target = parsed("db");
    let words = [
        (Waiting::NotApplied, "not applied yet: `devarch apply`"),
        (Waiting::Stuck, "its container cannot be started again: `devarch up` replaces it"),
        (Waiting::Restarting, "restarting repeatedly; see `devarch logs`"),
        (Waiting::Unhealthy, "its health check fails: `devarch logs`"),
        (Waiting::Starting, "health check pending; `devarch status --probe` runs it"),
        (Waiting::Ended { exit_code: None }, "exited; see `devarch logs`"),
        (
            Waiting::Provider { target, lacks: "is not healthy".to_owned() },
            "waits for db, which is not healthy",
        ),
    ];
    for (waiting, text) in words {
        assert_eq!(waiting.to_string(), text);
    }
}

#[tokio::test]
async fn a_lock_kept_for_a_plan_is_shown_with_its_expiry() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::Set("web", "environment.A", "1")).await.unwrap();
    let plan = sandbox.save_plan("shop", true).await;
    let lock = sandbox.status("shop").await.lock.unwrap();
    assert_eq!((lock.plan, lock.alive), (Some(plan), false));
    assert!(lock.until.unwrap() > lock.since);
    assert!(sandbox.release("shop", false).await.unwrap().is_some());
    assert!(sandbox.status("shop").await.lock.is_none());
    assert!(sandbox.release("shop", false).await.unwrap().is_none(), "no lock is left");
}

#[tokio::test]
async fn health_is_queried_per_container_on_an_engine_without_scheduled_checks() {
    let engine = MemoryEngine::new().with_info(|info| info.runs_health_checks = false);
    let sandbox = Sandbox::on(engine).await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let status = devarch_app::stack_status(sandbox.ctx(), &parsed("shop"), StatusOptions { probe: true })
        .await
        .unwrap();
    assert_eq!(status.instances[0].health, Some(HealthState::Healthy));
    assert_eq!(waiting(&status, "db"), "");
}
