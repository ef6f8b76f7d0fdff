//! Successful applies, and applies with one failing call.

use crate::{
    harness::{Command, Sandbox},
    stacks::{CHANGED, RUNNING, SHOP},
};
use devarch_app::{ApplyError, Ending, OperationError};
use devarch_core::{observed::RunState, spec::FileContent};
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::memory::{Call, Effect, Fault};

#[tokio::test]
async fn after_an_up_there_is_nothing_to_do() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(sandbox.objects().await.names().iter().eq(RUNNING));
    sandbox.run("shop", Command::Stop).await.unwrap();
    let stopped = sandbox.objects().await;
    assert!(stopped.containers.values().all(|container| container.state == RunState::Exited));
    sandbox.run("shop", Command::Start).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    assert!(sandbox.objects().await.names().iter().eq(RUNNING));
}

#[tokio::test]
async fn a_deleted_stack_leaves_only_its_data() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    let left = sandbox.objects().await;
    assert!(left.names().iter().eq(["volume devarch-engine", "volume devarch-shop-db-data"]));
    assert_eq!(left.volumes["devarch-shop-db-data"].1, "rows");
}

#[tokio::test]
async fn a_rollback_and_a_rename_reach_the_defined_state() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    sandbox.run("shop", Command::Rollback).await.unwrap();
    let request = sandbox.engine.request("devarch-shop-db").unwrap();
    assert_eq!(request.spec.environment["MARK"].reveal(), "0");
    sandbox.run("shop", Command::Rename("store")).await.unwrap();
    sandbox.run("store", Command::apply()).await.unwrap();
    let names = sandbox.objects().await.names();
    assert!(names.contains("container devarch-store-db runs"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("container devarch-shop-")), "{names:?}");
}

#[tokio::test]
async fn a_container_that_cannot_be_started_is_reported_and_the_old_one_runs_again() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.objects().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    let failed = sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err().to_string();
    assert!(failed.contains("instance 'db' failed"), "{failed}");
    assert!(failed.contains("the previous containers are running again"), "{failed}");
    assert_eq!(sandbox.objects().await, before);
}

#[tokio::test]
async fn a_replacement_with_any_failing_call_restores_the_old_container() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume("devarch-shop-db-data", "rows");
    let mut put_back = 0;
    for nth in 1.. {
        let before = sandbox.objects().await;
        sandbox.engine.break_at(nth, Effect::Refused(Kind::Other));
        let ran = sandbox.run("shop", Command::up(CHANGED)).await;
        sandbox.engine.mend();
        let Err(OperationError::Apply(ApplyError::Failed(failure))) = ran else {
            ran.unwrap();
            assert!(put_back >= 5, "only {put_back} calls");
            break;
        };
        match &failure.ending {
            Ending::Untouched | Ending::PutBack { .. } => {
                assert_eq!(sandbox.objects().await, before, "call {nth}: {failure}");
                put_back += 1;
            }
            // Everything desired exists already; only replaced objects could not be removed.
            Ending::Committed { .. } => {}
            other => panic!("call {nth}: {other:?}"),
        }
        // From here, forward and back again: the next failure starts from the same state.
        for yml in [CHANGED, SHOP] {
            sandbox.run("shop", Command::up(yml)).await.unwrap();
            assert_eq!(sandbox.plan("shop").await, None, "call {nth}");
            let now = sandbox.objects().await;
            assert!(now.names().iter().eq(RUNNING), "call {nth}: {:?}", now.names());
            assert_eq!(now.volumes["devarch-shop-db-data"].1, "rows");
        }
    }
}

/// Returns the shop with a large inline file: this line, repeated.
fn with_large_file(line: &str) -> &'static str {
    let content = format!("{line}\\n").repeat(5_000);
    SHOP.replace("{content: hello}", &format!("{{content: \"{content}\"}}")).leak()
}

#[tokio::test]
async fn a_large_config_file_reaches_its_container_and_is_restored_by_a_rollback() {
    let sandbox = Sandbox::new().await;
    let inside = || {
        let files = sandbox.engine.files("devarch-shop-web");
        match &files["/site/index.html"].content {
            FileContent::Text(text) => text.reveal().to_owned(),
            FileContent::Kept(kept) => panic!("{kept} is no text"),
        }
    };
    sandbox.run("shop", Command::up(with_large_file("first"))).await.unwrap();
    assert_eq!(inside(), "first\n".repeat(5_000));
    assert_eq!(sandbox.plan("shop").await, None);
    let plain = |text: &str| {
        let copy = sandbox.home_files();
        copy.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    assert!(
        plain("first\nfirst\nfirst") && !plain("first\\nfirst"),
        "its text is kept beside the definition"
    );
    sandbox.run("shop", Command::up(with_large_file("second"))).await.unwrap();
    assert_eq!(inside(), "second\n".repeat(5_000));
    sandbox.run("shop", Command::Rollback).await.unwrap();
    assert_eq!(inside(), "first\n".repeat(5_000));
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::Delete).await.unwrap();
    assert!(!sandbox.keeps_content(&"first\n".repeat(5_000)).await);
}
