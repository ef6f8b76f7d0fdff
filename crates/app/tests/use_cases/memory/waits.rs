//! Containers that do not reach their condition: waited for until the deadline, on a clock that jumps, and rolled
//! back.

use crate::{
    harness::{Command, Sandbox},
    stacks::{CHANGED, SHOP},
    strangers::Strangers,
};
use devarch_app::{ApplyError, Ending, Failure, OperationError};
use devarch_core::environment::Clock as _;
use devarch_engine::EngineErrorKind;

const DATA: &str = "devarch-shop-db-data";

/// What is wrong with a provider.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    NeverHealthy,
    EndsAtOnce,
    NoProgram,
}

const ALL: [Wrong; 3] = [Wrong::NeverHealthy, Wrong::EndsAtOnce, Wrong::NoProgram];

impl Wrong {
    /// Returns the changed shop with such a provider.
    fn shop(self) -> &'static str {
        let (was, is) = match self {
            Self::NeverHealthy => ("\"exit 0\"", "\"echo not yet; exit 1\""),
            Self::EndsAtOnce => ("[sh, -c, \"sleep 1000\"]", "[sh, -c, \"echo no disk; exit 3\"]"),
            Self::NoProgram => ("[sh, -c, \"sleep 1000\"]", "[/no/such/program]"),
        };
        CHANGED.replacen(was, is, 1).leak()
    }

    fn is_reported_as(self, failure: &Failure) -> bool {
        match (self, failure) {
            (Self::NeverHealthy, Failure::Unhealthy { waited, last, .. }) => {
                !waited.is_zero() && last.contains("not yet")
            }
            (Self::EndsAtOnce, Failure::Exited { code: 3, logs, .. }) => {
                logs.iter().any(|line| line == "no disk")
            }
            (Self::NoProgram, Failure::Engine(error)) => error.kind == EngineErrorKind::CannotRun,
            _ => false,
        }
    }
}

#[tokio::test]
async fn a_new_stack_whose_provider_does_not_become_ready_leaves_only_its_volumes() {
    for wrong in ALL {
        let sandbox = Sandbox::new().await;
        let strangers = Strangers::beside(&sandbox).await;
        let before = sandbox.objects().await;
        let failed = sandbox.run("shop", Command::up(wrong.shop())).await.unwrap_err();
        let OperationError::Apply(ApplyError::Failed(failure)) = &failed else {
            panic!("{wrong:?}: {failed:?}")
        };
        assert!(wrong.is_reported_as(&failure.failure), "{wrong:?}: {failure:?}");
        assert_eq!(failure.instance.as_ref().unwrap().as_str(), "db");
        assert!(matches!(&failure.ending, Ending::PutBack { before: false, .. }), "{failure:?}");
        let now = sandbox.objects().await;
        assert_eq!((&now.containers, &now.networks), (&before.containers, &before.networks), "{wrong:?}");
        let consumer = sandbox.engine.changes().into_iter().find(|call| call == "Start devarch-shop-web");
        assert_eq!(consumer, None, "it was not started before its provider was ready");
        sandbox.run("shop", Command::up(SHOP)).await.unwrap();
        assert_eq!(sandbox.plan("shop").await, None);
        strangers.are_untouched(&sandbox, "in the end").await;
    }
}

#[tokio::test]
async fn a_replacement_that_does_not_become_ready_restores_the_old_container() {
    for wrong in ALL {
        let sandbox = Sandbox::new().await;
        sandbox.run("shop", Command::up(SHOP)).await.unwrap();
        sandbox.engine.write_volume(DATA, "rows");
        let strangers = Strangers::beside(&sandbox).await;
        let before = sandbox.objects().await;
        let failed = sandbox.run("shop", Command::up(wrong.shop())).await.unwrap_err();
        let OperationError::Apply(ApplyError::Failed(failure)) = &failed else {
            panic!("{wrong:?}: {failed:?}")
        };
        assert!(wrong.is_reported_as(&failure.failure), "{wrong:?}: {failure:?}");
        assert!(matches!(&failure.ending, Ending::PutBack { before: true, .. }), "{failure:?}");
        assert_eq!(sandbox.objects().await, before, "{wrong:?}");
        assert!(!sandbox.is_interrupted("shop").await);
        // The definition is still the new one until it is rolled back.
        assert!(sandbox.plan("shop").await.is_some());
        sandbox.run("shop", Command::Rollback).await.unwrap();
        assert_eq!((sandbox.plan("shop").await, sandbox.objects().await), (None, before));
        strangers.are_untouched(&sandbox, "in the end").await;
    }
}

#[tokio::test]
async fn a_wait_for_a_check_that_never_passes_is_ended_by_a_cancel() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    let before = sandbox.objects().await;
    let starts = 5;
    let began = sandbox.clock.now();
    let cancelled = sandbox.cancelled_at(starts, "shop", Command::up(Wrong::NeverHealthy.shop())).await;
    let Err(OperationError::Apply(ApplyError::Failed(failure))) = &cancelled else { panic!("{cancelled:?}") };
    assert!(matches!(failure.failure, Failure::Cancelled), "{failure:?}");
    assert_eq!(sandbox.objects().await, before);
    assert!(sandbox.clock.now() - began < 30_000, "it was not waited for until its deadline");
}

#[tokio::test]
async fn a_job_is_waited_for_until_it_succeeds() {
    let with_job = |line: &str| {
        let job = format!(
            "      migrate:\n        template: busybox\n        job: true\n        command: [sh, -c, \"{line}\"]\n"
        );
        let web = "      web:\n";
        let shop = SHOP.replace(web, &format!("{job}{web}"));
        &*shop.replace("depends_on: [db]", "depends_on: [db, migrate]").leak()
    };
    let sandbox = Sandbox::new().await;
    let failed = sandbox.run("shop", Command::up(with_job("exit 4"))).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &failed else { panic!("{failed:?}") };
    assert!(matches!(&failure.failure, Failure::Exited { code: 4, .. }), "{failure:?}");
    assert!(sandbox.objects().await.containers.is_empty());
    sandbox.run("shop", Command::up(with_job("exit 0"))).await.unwrap();
    let objects = sandbox.objects().await;
    assert_eq!(objects.containers["devarch-shop-migrate"].exit_code, Some(0));
    assert_eq!(sandbox.plan("shop").await, None, "it does not run again");
    let order = sandbox.engine.changes();
    let at = |call: &str| order.iter().rposition(|made| made == call).unwrap();
    assert!(at("Start devarch-shop-migrate") < at("Start devarch-shop-web"));
}

#[tokio::test]
async fn a_provider_is_waited_for_until_its_check_passes() {
    let sandbox = Sandbox::new().await;
    sandbox.engine.script(|request| {
        let behaviour = devarch_testkit::memory::busybox(request);
        if request.name.as_str().contains("-db") { behaviour.failing_probes(7) } else { behaviour }
    });
    let began = sandbox.clock.now();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert!(sandbox.clock.now() > began, "it took its time");
    assert_eq!(sandbox.plan("shop").await, None);
    sandbox.run("shop", Command::up(CHANGED)).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}
