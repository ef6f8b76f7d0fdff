//! Settings that Podman does not support, and those that earlier versions of DevArch passed incorrectly.

use crate::support::{Scenario, stack};
use devarch_core::{
    engine::EngineKind,
    plan::{PlanOptions, TextOptions, plan, plan_text},
    spec::label,
    stack::Stack,
};

fn podman(version: &str) -> Scenario {
    let mut scenario = Scenario::new();
    scenario.observed.engine.kind = EngineKind::Podman;
    version.clone_into(&mut scenario.observed.engine.version);
    scenario
}

/// Creates containers as an earlier version of DevArch did.
fn create_as_an_earlier_version(scenario: &mut Scenario, stack: &Stack) {
    scenario.apply(stack);
    for container in &mut scenario.observed.containers {
        container.labels.remove(label::CREATE_FORM);
    }
}

const RIGHT: &str = "
a: {template: t, entrypoint: [sh, -c], command: ['a b', ''], healthcheck: {test: [CMD, test, -e, /x]}, extra_hosts: ['six:fd00::2']}
b: {template: t, healthcheck: {test: 'test -e /x && true'}}
";

const WRONG: &str = "
cleared: {template: t, entrypoint: []}
check: {template: t, healthcheck: {test: [CMD, sh, -c, 'test -e /x && true']}}
host: {template: t, entrypoint: ['[\"sh\"]'], extra_hosts: ['six:[fd00::2]']}
";

#[test]
fn podman_containers_an_earlier_version_created_incorrectly_are_replaced_with_the_reason() {
    let shop = stack(&format!("{RIGHT}{WRONG}"));
    let mut scenario = podman("4.3.1");
    create_as_an_earlier_version(&mut scenario, &shop);
    insta::assert_snapshot!(plan_text(&scenario.plan(&shop), TextOptions::default()), @"
    stack shop on podman 4.3.1, network devarch-shop-net 10.213.0.0/24

    -/+ check  will be replaced (an earlier version of DevArch passed its healthcheck.test to Podman incorrectly)
    -/+ cleared  will be replaced (an earlier version of DevArch passed its entrypoint to Podman incorrectly)
    -/+ host  will be replaced (an earlier version of DevArch passed its entrypoint to Podman incorrectly)

    Plan: 0 to create, 0 to change, 3 to replace, 0 to remove.
    ");
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn containers_an_earlier_version_created_correctly_are_kept() {
    let mut scenario = podman("4.3.1");
    let shop = stack(RIGHT);
    create_as_an_earlier_version(&mut scenario, &shop);
    assert!(scenario.plan(&shop).is_empty());
    assert!(scenario.observed.containers.iter().all(|made| made.label(label::CREATE_FORM).is_none()));

    let shop = stack(&format!("{RIGHT}{WRONG}"));
    let mut scenario = Scenario::new();
    create_as_an_earlier_version(&mut scenario, &shop);
    assert!(scenario.plan(&shop).is_empty(), "Docker took it as it was");

    let cleared = stack("cleared: {template: t, entrypoint: []}");
    let mut scenario = podman("5.6.0");
    create_as_an_earlier_version(&mut scenario, &cleared);
    assert!(scenario.plan(&cleared).is_empty(), "so did later versions of Podman");
}

#[test]
fn paths_that_podman_cannot_mount_are_refused_by_the_plan() {
    let shop = stack(
        "a: {template: t, volumes: [{type: bind, source: '/data/a,b', target: '/x:y'}, {type: bind, source: '/data/c:d', target: '/c,d'}]}\n\
         b: {template: t, volumes: [{type: bind, source: '/data/a:b', target: '/x'}, {type: bind, source: '/data/a,b', target: '/y'}]}\n\
         c: {template: t, tmpfs: [{target: '/t:u'}]}",
    );
    let on = |scenario: &Scenario| match plan(
        &scenario.desire(&shop),
        &scenario.observed,
        &scenario.remembered,
        &PlanOptions::default(),
    ) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    insta::assert_snapshot!(on(&podman("4.3.1")), @r#"
    stack 'shop' cannot be applied: instance 'a': Podman cannot mount "/data/a,b" at "/x:y": the two paths may have colons, or else commas, double quotes and line breaks; rename one of them
      instance 'a': Podman cannot mount "/data/c:d" at "/c,d": the two paths may have colons, or else commas, double quotes and line breaks; rename one of them
      instance 'c': Podman cannot mount a tmpfs at "/t:u": the path has a colon; use another one
    "#);
    assert_eq!(on(&Scenario::new()), "");
}
