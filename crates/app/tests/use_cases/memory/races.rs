//! Concurrent users: edits of one stack, and stacks that request the same.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::SHOP,
};
use devarch_app::{ErrorKind, OperationError, Target, set_fields};
use devarch_core::name::InstanceName;
use futures_util::future::{join, join_all};
use std::collections::BTreeSet;

async fn set(sandbox: &Sandbox, field: &str, value: &str) -> Result<(), OperationError> {
    let target = Target { stack: parsed("shop"), instance: parsed("web") };
    set_fields(sandbox.ctx(), &target, &[(field.to_owned(), value.to_owned())]).await.map(drop)
}

#[tokio::test]
async fn concurrent_edits_are_all_kept() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    let names: Vec<String> = (0..6).map(|number| format!("environment.V{number}")).collect();
    for done in join_all(names.iter().map(|field| set(&sandbox, field, "x"))).await {
        done.unwrap();
    }
    let web = &sandbox.stack("shop").await.instances[&parsed::<InstanceName>("web")];
    assert_eq!(web.overrides.environment_add.len(), 6, "{:?}", web.overrides.environment_add);
}

#[tokio::test]
async fn concurrently_created_stacks_get_different_host_ports() {
    let sandbox = Sandbox::new().await;
    let names = ["a", "b", "c", "d"];
    let import = async |name: &str| {
        let yml = format!(
            "version: \"1\"\nstacks: {{{name}: {{instances: {{web: {{template: busybox, ports: [80, 81]}}}}}}}}\n"
        );
        let directory = sandbox.project().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("devarch.yml"), yml).unwrap();
        let source = devarch_app::find_import(sandbox.ctx(), &directory, None, None).await.unwrap().unwrap();
        let draft = devarch_app::draft_import(sandbox.ctx(), &source).await.unwrap();
        devarch_app::save_draft(sandbox.ctx(), &draft).await.map(drop)
    };
    for done in join_all(names.map(import)).await {
        let refused = done.err().map(|error| error.kind());
        assert!(refused.is_none_or(|kind| kind == ErrorKind::Conflict), "{refused:?}");
    }
    let mut ports = BTreeSet::new();
    let mut all = 0;
    for name in names {
        if !sandbox.knows(name).await {
            continue;
        }
        let stack = sandbox.stack(name).await;
        for binding in stack.instances.values().flat_map(|instance| instance.ports.values()) {
            ports.insert(binding.host_port);
            all += 1;
        }
    }
    assert!(all >= 2 && ports.len() == all, "{ports:?}");
}

#[tokio::test]
async fn an_edit_during_an_apply_is_kept_and_planned_next() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.run("shop", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    let (applied, edited) =
        join(sandbox.run("shop", Command::apply()), set(&sandbox, "environment.LATE", "x")).await;
    edited.unwrap();
    if applied.is_err() {
        sandbox.run("shop", Command::apply()).await.unwrap();
    }
    sandbox.run("shop", Command::apply()).await.unwrap();
    let environment = sandbox.engine.request("devarch-shop-web").unwrap().spec.environment;
    assert_eq!(environment["LATE"].reveal(), "x");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn only_one_of_two_concurrent_stacks_gets_a_name() {
    let sandbox = Sandbox::new().await;
    let name = parsed("shop");
    let create = || devarch_app::create_stack(sandbox.ctx(), &name, None);
    let (one, two) = join(create(), create()).await;
    let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].hints(), ["'shop-2' is free"]);
}
