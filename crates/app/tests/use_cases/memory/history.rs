//! The history of applies: who, when, what, and how each ended.

use crate::{
    harness::{Command, Sandbox},
    stacks::{CHANGED, SHOP},
};
use devarch_app::{ApplyError, Conflict, Ended, NotFound, OperationError};
use devarch_engine::EngineErrorKind as Kind;
use devarch_testkit::{
    memory::{Call, Fault},
    proxy::Moment,
};
use std::time::Duration;

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox
}

async fn endings(sandbox: &Sandbox) -> Vec<(String, Ended)> {
    let history = sandbox.history("shop").await;
    history.into_iter().map(|entry| (entry.command, entry.outcome)).collect()
}

#[tokio::test]
async fn applies_are_listed_newest_first_with_author_and_time() {
    let sandbox = running().await;
    for command in [Command::up(CHANGED), Command::Rollback, Command::Down] {
        sandbox.clock.advance(Duration::from_mins(1));
        sandbox.run("shop", command).await.unwrap();
    }
    let expected = ["down", "rollback", "up", "up"].map(|command| (command.to_owned(), Ended::Succeeded));
    assert_eq!(endings(&sandbox).await, expected);
    let history = sandbox.history("shop").await;
    assert!(history.windows(2).all(|pair| pair[0].started_at >= pair[1].started_at + 60_000), "{history:?}");
    assert!(history.iter().all(|entry| entry.took.is_some_and(|took| took >= 0) && entry.error.is_none()));
    assert!(history.iter().all(|entry| entry.author.contains('@') && !entry.changes.is_empty()));
}

#[tokio::test]
async fn an_apply_with_nothing_to_do_is_not_recorded() {
    let sandbox = running().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.history("shop").await.len(), 1);
}

#[tokio::test]
async fn a_failed_apply_is_listed_with_its_reason_and_failed_step() {
    let sandbox = running().await;
    sandbox.engine.inject(Fault::refused(Call::Start, "db", Kind::DiskFull));
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap_err();
    let detail = sandbox.history_of("shop", None).await.unwrap();
    assert_eq!(detail.entry.outcome, Ended::RolledBack);
    assert!(detail.entry.error.as_ref().unwrap().contains("'db'"), "{detail:?}");
    let failed: Vec<_> = detail.steps.iter().filter(|step| step.error.is_some()).collect();
    assert_eq!(failed.len(), 1, "{detail:?}");
    assert_eq!((failed[0].what.as_str(), failed[0].instance.as_ref().unwrap().as_str()), ("start", "db"));
}

#[tokio::test]
async fn a_killed_apply_stays_open_until_it_is_resumed_or_undone() {
    for (next, closed) in [(Command::Resume, Ended::Resumed), (Command::Undo, Ended::Undone)] {
        let mut sandbox = running().await;
        sandbox.killed_at((3, Moment::Before), "shop", Command::up(CHANGED)).await;
        assert_eq!(endings(&sandbox).await[0], ("up".to_owned(), Ended::NotYet));
        let open = sandbox.history_of("shop", None).await.unwrap();
        assert!(open.entry.took.is_none());
        assert_eq!(open.steps.iter().filter(|step| step.took.is_none()).count(), 1, "{open:?}");
        sandbox.run("shop", next).await.unwrap();
        let id = open.entry.apply;
        let history = sandbox.history("shop").await;
        let entry = history.iter().find(|entry| entry.apply == id).unwrap();
        assert_eq!(entry.outcome, closed);
        assert!(entry.took.is_some(), "{entry:?}");
        assert!(history.iter().all(|entry| entry.outcome != Ended::NotYet), "{history:?}");
    }
}

#[tokio::test]
async fn a_cancelled_apply_is_listed_as_cancelled() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    let cancelled = sandbox.cancelled_at(3, "shop", Command::up(CHANGED)).await;
    assert!(matches!(cancelled, Err(OperationError::Apply(ApplyError::Failed(_)))), "{cancelled:?}");
    assert_eq!(sandbox.objects().await, before);
    assert_eq!(endings(&sandbox).await[0], ("up".to_owned(), Ended::Cancelled));
}

#[tokio::test]
async fn the_steps_of_an_apply_are_listed_in_order_with_the_critical_ones_marked() {
    let sandbox = running().await;
    let detail = sandbox.history_of("shop", None).await.unwrap();
    assert!(detail.steps.windows(2).all(|pair| pair[0].after <= pair[1].after), "{detail:?}");
    assert!(detail.steps.iter().all(|step| step.took.is_some_and(|took| took >= 0) && step.error.is_none()));
    let critical: Vec<_> = detail.steps.iter().filter(|step| step.critical).collect();
    assert!(!critical.is_empty() && critical.len() < detail.steps.len(), "{detail:?}");
    let starts: Vec<_> = detail.steps.iter().filter(|step| step.what == "start").collect();
    let served: Vec<_> = starts.iter().map(|step| step.instance.as_ref().unwrap().as_str()).collect();
    assert_eq!(served, ["db", "web"], "the provider first");
}

#[tokio::test]
async fn an_apply_is_selected_by_an_unambiguous_id_prefix() {
    let sandbox = running().await;
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    let history = sandbox.history("shop").await;
    for entry in &history {
        let found = sandbox.history_of("shop", Some(entry.apply.as_str())).await.unwrap();
        assert_eq!(found.entry.apply, entry.apply);
    }
    let several = sandbox.history_of("shop", Some("0000")).await.unwrap_err();
    assert!(matches!(several, OperationError::Conflict(Conflict::Ambiguous(_))), "{several:?}");
    let none = sandbox.history_of("shop", Some("ffff")).await.unwrap_err();
    assert!(matches!(none, OperationError::NotFound(NotFound::Apply { .. })), "{none:?}");
}

#[tokio::test]
async fn the_history_of_a_stack_survives_renames_and_is_deleted_with_it() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Rename("store")).await.unwrap();
    sandbox.run("store", Command::apply()).await.unwrap();
    let history = sandbox.history("store").await;
    assert_eq!(history.iter().map(|entry| entry.command.as_str()).collect::<Vec<_>>(), ["apply", "up"]);
    sandbox.run("store", Command::Down).await.unwrap();
    sandbox.run("store", Command::Delete).await.unwrap();
    sandbox.import("shop", SHOP).await;
    assert!(sandbox.history("shop").await.is_empty());
}

#[tokio::test]
async fn a_rollback_to_a_named_apply_restores_its_definition() {
    let sandbox = running().await;
    for mark in ["3", "4"] {
        sandbox.run("shop", Command::Set("db", "environment.MARK", mark)).await.unwrap();
        sandbox.run("shop", Command::apply()).await.unwrap();
    }
    let mark =
        || sandbox.engine.request("devarch-shop-db").unwrap().spec.environment["MARK"].reveal().to_owned();
    let history = sandbox.history("shop").await;
    for (entry, expected) in history.iter().rev().zip(["0", "3", "4"]) {
        sandbox.roll_back_to("shop", entry.apply.as_str()).await.unwrap();
        assert_eq!(mark(), expected);
        assert_eq!(sandbox.plan("shop").await, None);
    }
    assert!(sandbox.roll_back_to("shop", "ffff").await.is_err());
}
