//! Events of an apply in progress.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::{CHANGED, NEWER, SHOP, UPGRADED, shop},
};
use devarch_app::{
    ApplyOptions, Draft, Event, LockRequest, Lookup, OperationError, Outcome, PrepareOptions, acquire_locks,
    apply, draft_import, find_import, prepare, prepare_stack, save_draft, supply_images,
};
use devarch_core::spec::CreateContainer;
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Behaviour, Call, Fault, plain_image};
use std::{sync::Mutex, time::Duration};
use tokio_util::sync::CancellationToken;

/// Applies the stored definition, and returns the reported events.
async fn applied(
    sandbox: &Sandbox,
    cancel: &CancellationToken,
) -> (Result<Outcome, OperationError>, Vec<Event>) {
    let reported = Mutex::new(Vec::new());
    let events = |event| reported.lock().unwrap().push(event);
    let stack = sandbox.stack("shop").await;
    let request = LockRequest { operation: "apply".to_owned(), timeout: Duration::ZERO, plan: None };
    let locks = acquire_locks(sandbox.ctx(), &stack, &request, &|_| {}).await.unwrap();
    let prepared = Box::pin(prepare(sandbox.ctx(), &stack.name, &PrepareOptions::default())).await.unwrap();
    let options = ApplyOptions { command: "apply", recover: None, events: &events, cancel };
    let ended = Box::pin(apply(sandbox.ctx(), locks.own(), &prepared.approved(), options)).await;
    locks.release().await;
    (ended, reported.into_inner().unwrap())
}

async fn draft(sandbox: &Sandbox, yml: &str) -> Draft {
    std::fs::write(sandbox.project().join("devarch.yml"), yml).unwrap();
    let source = find_import(sandbox.ctx(), &sandbox.project(), None, None).await.unwrap().unwrap();
    draft_import(sandbox.ctx(), &source).await.unwrap()
}

async fn changed() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let draft = draft(&sandbox, CHANGED).await;
    save_draft(sandbox.ctx(), &draft).await.unwrap();
    sandbox
}

#[tokio::test]
async fn the_plan_is_reported_first_and_then_start_and_end_of_each_step() {
    let sandbox = changed().await;
    let (ended, reported) = applied(&sandbox, &CancellationToken::new()).await;
    let Event::Planned(plan) = &reported[0] else { panic!("{:?}", reported[0]) };
    assert_eq!(ended.unwrap().steps, plan.steps.len());
    let mut open = Vec::new();
    let mut done = 0;
    for event in &reported[1..] {
        match event {
            Event::Started(step) => open.push(*step),
            Event::Ended(step, _) => {
                let at = open.iter().position(|other| other == step).unwrap();
                open.remove(at);
                done += 1;
            }
            Event::Waiting { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty());
    assert_eq!(done, plan.steps.len());
}

#[tokio::test]
async fn an_apply_with_nothing_to_do_reports_nothing() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let (ended, reported) = applied(&sandbox, &CancellationToken::new()).await;
    assert_eq!((ended.unwrap().steps, reported.len()), (0, 0));
}

#[tokio::test]
async fn a_failed_step_is_reported_and_then_the_rollback() {
    let sandbox = changed().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    let (ended, reported) = applied(&sandbox, &CancellationToken::new()).await;
    ended.unwrap_err();
    let failed = reported.iter().position(|event| matches!(event, Event::Failed(_))).unwrap();
    let back = reported.iter().position(|event| matches!(event, Event::PuttingBack { .. })).unwrap();
    assert!(failed < back, "{reported:?}");
    let Event::PuttingBack { why } = &reported[back] else { panic!() };
    assert!(why.contains("db"), "{why}");
    assert!(
        reported[back..].iter().all(|event| !matches!(event, Event::Started(_) | Event::Ended(..))),
        "{reported:?}"
    );
}

#[tokio::test]
async fn an_apply_cancelled_before_its_start_reports_nothing_and_does_nothing() {
    let sandbox = changed().await;
    let (before, made) = (sandbox.objects().await, sandbox.engine.changes());
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (ended, reported) = applied(&sandbox, &cancel).await;
    assert_eq!(ended.unwrap_err().kind(), devarch_app::ErrorKind::Cancelled);
    assert!(reported.iter().all(|event| !matches!(event, Event::Started(_))), "{reported:?}");
    assert_eq!(sandbox.objects().await, before);
    assert_eq!(sandbox.engine.changes().len(), made.len());
}

#[tokio::test]
async fn a_wait_reports_the_output_of_the_last_probe_without_secrets() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[
        r#"db: {template: busybox, environment: {PW: {value: "hush-hush", secret: true}}, healthcheck: {test: "echo refused for hush-hush; exit 1", interval: 1s, retries: 3}}"#,
    ]);
    sandbox.import("shop", yml).await;
    let (ended, reported) = applied(&sandbox, &CancellationToken::new()).await;
    assert!(!ended.unwrap_err().to_string().contains("hush-hush"));
    let waits: Vec<&String> = reported
        .iter()
        .filter_map(|event| match event {
            Event::Waiting { last, .. } => Some(last),
            _ => None,
        })
        .collect();
    assert!(waits.iter().any(|last| last.contains("refused for")), "{waits:?}");
    assert!(waits.iter().all(|last| !last.contains("hush-hush")), "{waits:?}");
}

/// Returns the events reported while a draft's images are pulled and built.
async fn supplied(sandbox: &Sandbox, yml: &str) -> (Result<(), OperationError>, Vec<Event>) {
    let reported = Mutex::new(Vec::new());
    let events = |event| reported.lock().unwrap().push(event);
    let draft = draft(sandbox, yml).await;
    let options = PrepareOptions { prove: true, ..PrepareOptions::default() };
    let prepared = Box::pin(prepare_stack(sandbox.ctx(), draft.stack.clone(), &options)).await.unwrap();
    assert!(prepared.needs_images(Lookup::Tags));
    let cancel = CancellationToken::new();
    let done = supply_images(sandbox.ctx(), &prepared, Lookup::Tags, &events, &cancel).await;
    (done.map(drop), reported.into_inner().unwrap())
}

#[tokio::test]
async fn a_pull_reports_its_progress() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.add_to_registry(NEWER, plain_image("sha256:c0c0"));
    let (done, reported) = supplied(&sandbox, UPGRADED).await;
    done.unwrap();
    assert!(
        reported.iter().any(|event| matches!(event, Event::Pull { image, .. } if image == NEWER)),
        "{reported:?}"
    );
    assert!(!sandbox.knows("shop").await, "images are had before anything is saved");
}

#[tokio::test]
async fn a_build_reports_its_output_without_secrets() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[
        r#"api: {template: busybox, exports: [], image: "me/api:1", environment: {PW: {value: "hush-hush", secret: true}}, build: {context: ., dockerfile_inline: "FROM busybox:1.37\nRUN echo using hush-hush\n"}}"#,
    ]);
    let (done, reported) = supplied(&sandbox, yml).await;
    done.unwrap();
    let lines: Vec<&String> = reported
        .iter()
        .filter_map(|event| match event {
            Event::Build { line, .. } => Some(line),
            _ => None,
        })
        .collect();
    assert!(lines.iter().any(|line| line.contains("FROM busybox:1.37")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("hush-hush")), "{lines:?}");
}

#[tokio::test]
async fn an_unavailable_image_is_reported_with_its_users() {
    let sandbox = Sandbox::new().await;
    let (done, _) = supplied(&sandbox, UPGRADED).await;
    let error = done.unwrap_err().to_string();
    assert!(error.contains("instance 'db'") && error.contains(NEWER), "{error}");
}

#[tokio::test]
async fn output_of_an_exited_container_is_reported_without_secrets() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(|_: &CreateContainer| Behaviour::exits(3, "password hush-hush refused\n"));
    let yml = shop(&[
        r#"db: {template: busybox, restart: "no", environment: {PW: {value: "hush-hush", secret: true}}}"#,
    ]);
    let error = sandbox.run("shop", Command::up(yml)).await.unwrap_err().to_string();
    assert!(error.contains("refused") && !error.contains("hush-hush"), "{error}");
    let stored = serde_json::to_string(&sandbox.history("shop").await).unwrap();
    assert!(!stored.contains("hush-hush"), "{stored}");
    assert!(parsed::<devarch_core::name::StackName>("shop").as_str() == "shop");
}
