//! Copies of data: made before another image writes to it, restored by an undo, and removed once they are not needed.

use crate::{
    harness::{Command, End, Sandbox},
    stacks::{NEWER, SHOP, UPGRADED},
};
use devarch_app::{ApplyError, Ending, Failure, OperationError, PrepareOptions};
use devarch_core::{name::PhysicalVolume, observed::RunState};
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::{
    memory::{Call, Fault, plain_image},
    proxy::Moment,
};

const DATA: &str = "devarch-shop-db-data";

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox.engine.add_image(NEWER, plain_image("sha256:c0c0"));
    sandbox
}

fn upgrade() -> Command {
    Command::Up(UPGRADED, PrepareOptions { snapshot: true, ..PrepareOptions::default() })
}

/// Returns the copies of data on the engine.
async fn copies(sandbox: &Sandbox) -> Vec<String> {
    let volumes = sandbox.objects().await.volumes.into_keys();
    volumes.filter(|name| PhysicalVolume::from_stored(name).is_copy()).collect()
}

/// Returns the index of the first call from `made` on that starts with `call`.
fn call_index(sandbox: &Sandbox, made: usize, call: &str) -> Option<usize> {
    sandbox.engine.changes()[made..].iter().position(|change| change.starts_with(call))
}

#[tokio::test]
async fn data_is_copied_after_the_old_container_stops_and_before_the_new_one_starts() {
    let sandbox = running().await;
    let made = sandbox.engine.changes().len();
    sandbox.run("shop", upgrade()).await.unwrap();
    let order = ["Stop devarch-shop-db", "CopyVolume", "Start devarch-shop-db"]
        .map(|call| call_index(&sandbox, made, call));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}");
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    assert_eq!(copies(&sandbox).await, Vec::<String>::new(), "once the new one is ready no undo needs it");
}

#[tokio::test]
async fn data_is_copied_only_on_request_and_for_a_changed_image() {
    let sandbox = running().await;
    let made = sandbox.engine.changes().len();
    sandbox.run("shop", Command::up(UPGRADED)).await.unwrap();
    assert_eq!(call_index(&sandbox, made, "CopyVolume"), None);
    let again = PrepareOptions { snapshot: true, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Set("web", "environment.A", "7")).await.unwrap();
    sandbox.run("shop", Command::Apply(again)).await.unwrap();
    assert_eq!(call_index(&sandbox, made, "CopyVolume"), None, "nothing else writes to it");
}

#[tokio::test]
async fn a_failed_upgrade_restores_the_data() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    let error = sandbox.run("shop", upgrade()).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &error else { panic!("{error:?}") };
    assert!(matches!(failure.ending, Ending::PutBack { .. }), "{failure:?}");
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    assert_eq!(sandbox.objects().await.containers, before.containers);
}

#[tokio::test]
async fn the_undo_of_a_killed_upgrade_restores_the_data() {
    let mut sandbox = running().await;
    let before = sandbox.objects().await.containers;
    let start = sandbox.save();
    for nth in 1.. {
        sandbox.restore(&start).await;
        let made = sandbox.engine.changes().len();
        let end = sandbox.killed_at((nth, Moment::After), "shop", upgrade()).await;
        let End::Killed(call) = end else { break };
        sandbox.clock.advance(std::time::Duration::from_secs(31));
        let started = sandbox.engine.changes()[made..].iter().any(|call| call == "Start devarch-shop-db");
        if started {
            sandbox.engine.write_volume(DATA, "rows of the new version");
        }
        if sandbox.run("shop", Command::Undo).await.is_ok() {
            assert_eq!(sandbox.engine.volume_content(DATA), "rows", "{nth}: {call}");
            assert_eq!(sandbox.objects().await.containers, before, "{nth}: {call}");
        }
    }
}

#[tokio::test]
async fn a_copy_with_an_image_without_a_shell_fails_and_changes_nothing() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    sandbox.engine.inject(Fault::refused(Call::CopyVolume, "", Kind::CannotRun));
    let error = sandbox.run("shop", upgrade()).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &error else { panic!("{error:?}") };
    assert!(
        matches!(&failure.failure, Failure::NoShell { volume, .. } if volume.as_str() == DATA),
        "{failure:?}"
    );
    assert_eq!(sandbox.objects().await.containers, before.containers);
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn a_copy_left_by_a_kill_is_removed_by_the_next_apply() {
    let mut sandbox = running().await;
    let start = sandbox.save();
    for nth in 1.. {
        sandbox.restore(&start).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", upgrade()).await;
        let End::Killed(call) = end else { break };
        sandbox.clock.advance(std::time::Duration::from_secs(31));
        sandbox
            .run("shop", Command::up(UPGRADED))
            .await
            .unwrap_or_else(|error| panic!("{nth}, {call}: {error}"));
        assert_eq!(copies(&sandbox).await, Vec::<String>::new(), "{nth}: {call}");
        assert_eq!(sandbox.engine.volume_content(DATA), "rows", "{nth}: {call}");
        assert_eq!(sandbox.plan("shop").await, None, "{nth}: {call}");
    }
}

#[tokio::test]
async fn a_container_started_by_hand_is_stopped_before_its_data_is_restored() {
    let mut sandbox = running().await;
    let old = sandbox.objects().await.containers["devarch-shop-db"].id.clone();
    let start = sandbox.save();
    for nth in 1..20 {
        sandbox.restore(&start).await;
        let end = sandbox.killed_at((nth, Moment::After), "shop", upgrade()).await;
        if matches!(end, End::Killed(call) if call == "Start devarch-shop-db") {
            break;
        }
    }
    sandbox.clock.advance(std::time::Duration::from_secs(31));
    let new = sandbox.objects().await.containers["devarch-shop-db"].id.clone();
    assert_ne!(new, old);
    sandbox.engine.stop(&new, None).await.unwrap();
    sandbox.engine.start(&old).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows of the new version");
    sandbox.run("shop", Command::Undo).await.unwrap();
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    let db = &sandbox.objects().await.containers["devarch-shop-db"];
    assert_eq!((&db.id, db.state), (&old, RunState::Running));
}
