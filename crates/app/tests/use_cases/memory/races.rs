//! Two users at once: edits of one stack, and stacks that want the same.

use crate::{
    harness::{Command, World, parsed},
    stacks::SHOP,
};
use devarch_app::{ErrorKind, OperationError, Target, set_fields};
use devarch_core::name::InstanceName;
use futures_util::future::{join, join_all};
use std::collections::BTreeSet;

async fn set(world: &World, field: &str, value: &str) -> Result<(), OperationError> {
    let target = Target { stack: parsed("shop"), instance: parsed("web") };
    set_fields(world.ctx(), &target, &[(field.to_owned(), value.to_owned())]).await.map(drop)
}

#[tokio::test]
async fn edits_that_come_together_are_all_kept() {
    let world = World::new().await;
    world.import("shop", SHOP).await;
    let names: Vec<String> = (0..6).map(|number| format!("environment.V{number}")).collect();
    for done in join_all(names.iter().map(|field| set(&world, field, "x"))).await {
        done.unwrap();
    }
    let web = &world.stack("shop").await.instances[&parsed::<InstanceName>("web")];
    assert_eq!(web.overrides.environment_add.len(), 6, "{:?}", web.overrides.environment_add);
}

#[tokio::test]
async fn stacks_that_are_created_together_get_different_host_ports() {
    let world = World::new().await;
    let names = ["a", "b", "c", "d"];
    let import = async |name: &str| {
        let yml = format!(
            "version: \"1\"\nstacks: {{{name}: {{instances: {{web: {{template: busybox, ports: [80, 81]}}}}}}}}\n"
        );
        let directory = world.project().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("devarch.yml"), yml).unwrap();
        let source = devarch_app::find_import(world.ctx(), &directory, None, None).await.unwrap().unwrap();
        let draft = devarch_app::draft_import(world.ctx(), &source).await.unwrap();
        devarch_app::save_draft(world.ctx(), &draft).await.map(drop)
    };
    for done in join_all(names.map(import)).await {
        let refused = done.err().map(|error| error.kind());
        assert!(refused.is_none_or(|kind| kind == ErrorKind::Conflict), "{refused:?}");
    }
    let mut ports = BTreeSet::new();
    let mut all = 0;
    for name in names {
        if !world.knows(name).await {
            continue;
        }
        let stack = world.stack(name).await;
        for binding in stack.instances.values().flat_map(|instance| instance.ports.values()) {
            ports.insert(binding.host_port);
            all += 1;
        }
    }
    assert!(all >= 2 && ports.len() == all, "{ports:?}");
}

#[tokio::test]
async fn an_edit_during_an_apply_is_kept_and_planned_next() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.run("shop", Command::Set("db", "environment.MARK", "1")).await.unwrap();
    let (applied, edited) =
        join(world.run("shop", Command::apply()), set(&world, "environment.LATE", "x")).await;
    edited.unwrap();
    if applied.is_err() {
        world.run("shop", Command::apply()).await.unwrap();
    }
    world.run("shop", Command::apply()).await.unwrap();
    let environment = world.engine.request("devarch-shop-web").unwrap().spec.environment;
    assert_eq!(environment["LATE"].reveal(), "x");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn of_two_who_create_the_same_name_one_is_refused() {
    let world = World::new().await;
    let name = parsed("shop");
    let create = || devarch_app::create_stack(world.ctx(), &name, None);
    let (one, two) = join(create(), create()).await;
    let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].hints(), ["'shop-2' is free"]);
}
