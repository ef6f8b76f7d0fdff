//! Assumptions: they stay equal as long as the plan does, and differences are described in words.

use crate::{
    promises::SHOP,
    random::{deeds, meddle, random_edit, wish},
    support::{Scenario, stack},
};
use devarch_core::{
    id::EngineId,
    observed::{HealthState, Listener, RunState},
    plan::Assumptions,
    port::{HostSocket, Protocol},
};
use proptest::prelude::*;

fn shop() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.observed.engine_id = Some(EngineId::new("engine-1"));
    scenario.apply(&stack(SHOP));
    scenario
}

/// Returns how the facts of the shop differ after a change.
fn differences(happened: impl FnOnce(&mut Scenario)) -> String {
    let mut scenario = shop();
    let assumed = scenario.assume(&stack(SHOP));
    happened(&mut scenario);
    described(&assumed, &scenario.assume(&stack(SHOP)))
}

fn described(assumed: &Assumptions, found: &Assumptions) -> String {
    let differences = assumed.differences(found);
    assert_eq!(assumed.digest() != found.digest(), assumed != found);
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn facts_contain_no_secret_and_deserialize_to_equal_ones() {
    let with = "web: {template: t, environment: {TOKEN: {value: hunter2, secret: true}}}";
    let mut scenario = Scenario::new();
    scenario.apply(&stack(with));
    let assumed = scenario.assume(&stack(with));
    let written = serde_json::to_string_pretty(&assumed).unwrap();
    assert!(!written.contains("hunter"), "{written}");
    let read: Assumptions = serde_json::from_str(&written).unwrap();
    assert_eq!((&read, read.digest()), (&assumed, assumed.digest()));
}

#[test]
fn differences_are_described_in_words() {
    let stop = |scenario: &mut Scenario| scenario.of("db").state = RunState::Exited;
    insta::assert_snapshot!(differences(stop), @"container devarch-shop-db: assumed running, found stopped");
    let gone = |scenario: &mut Scenario| {
        scenario.observed.containers.retain(|c| c.name.as_str() != "devarch-shop-db");
    };
    insta::assert_snapshot!(differences(gone), @"container devarch-shop-db: assumed running, found absent");
    insta::assert_snapshot!(differences(|scenario| scenario.of("db").networks.clear()), @"container devarch-shop-db: assumed networks devarch-shop-net, found none");
    insta::assert_snapshot!(differences(|scenario| scenario.observed.volumes.clear()), @"volume devarch-shop-db-data: assumed there, found absent");
    insta::assert_snapshot!(differences(|scenario| scenario.observed.networks.clear()), @"
    network devarch-shop-net: assumed net-devarch-shop-net, found absent
    stack: assumed network devarch-shop-net 10.213.0.0/24, found nothing
    ");
    insta::assert_snapshot!(differences(|scenario| scenario.add_image("busybox:1", "sha256:cccccccccccccccc")), @"image busybox:1: assumed aaaaaaaaaaaa, found cccccccccccc");
    insta::assert_snapshot!(differences(|scenario| scenario.observed.images.clear()), @"image busybox:1: assumed aaaaaaaaaaaa, found absent");
    insta::assert_snapshot!(differences(|scenario| scenario.observed.engine_id = Some(EngineId::new("engine-2"))), @"engine: assumed id engine-1, found engine-2");
}

#[test]
fn an_edit_is_described_in_words() {
    let without_web = SHOP.lines().filter(|line| !line.starts_with("web")).collect::<Vec<_>>().join("\n");
    let scenario = shop();
    insta::assert_snapshot!(described(&scenario.assume(&stack(SHOP)), &scenario.assume(&stack(&without_web))), @"
    instance web: assumed wanted running, found absent
    port 127.0.0.1:8080/tcp: assumed free, found absent
    ");
    let assumed = scenario.assume(&stack(SHOP));
    let mut edited =
        stack(&SHOP.replace("A: \"1\"", "A: \"2\"").replace("depends_on: [api]", "depends_on: [db]"));
    edited.revision += 1;
    edited.allow = [devarch_core::policy::Allowance::Devices].into();
    let differences = described(&assumed, &scenario.assume(&edited));
    let hash = |scenario: &Scenario, stack| {
        scenario.desire(stack).instances[&crate::support::name("db")].hash.as_ref().unwrap()[2..14].to_owned()
    };
    let shown =
        differences.replace(&hash(&scenario, &stack(SHOP)), "OLD").replace(&hash(&scenario, &edited), "NEW");
    insta::assert_snapshot!(shown, @"
    instance db: assumed config OLD, found NEW
    instance web: assumed dependencies api (ready), found db (ready)
    stack: assumed allow none, found devices
    stack: assumed revision 1, found 2
    ");
}

#[test]
fn a_port_conflict_names_the_port_and_its_owner() {
    let mut scenario = Scenario::new();
    let assumed = scenario.assume(&stack(SHOP));
    scenario.observed.listeners.push(Listener {
        socket: HostSocket { ip: "0.0.0.0".parse().unwrap(), port: 8080, protocol: Protocol::Tcp },
        process: Some("nginx (pid 812)".to_owned()),
    });
    insta::assert_snapshot!(described(&assumed, &scenario.assume(&stack(SHOP))), @"port 127.0.0.1:8080/tcp: assumed free, found nginx (pid 812)");
}

#[test]
fn health_times_and_engine_messages_are_not_facts() {
    let happened = |scenario: &mut Scenario| {
        scenario.observed.engine.version = "28.0.0".to_owned();
        scenario.observed.engine.endpoint = "tcp://elsewhere".to_owned();
        for container in &mut scenario.observed.containers {
            container.health = Some(HealthState::Unhealthy);
            container.status = "Up 3 days (unhealthy)".to_owned();
            container.image = "docker.io/library/busybox:1".to_owned();
        }
        scenario.of("db").networks.insert("devarch-shop-net".to_owned(), None);
        let mut foreign = scenario.of("db").clone();
        foreign.id = devarch_core::id::ContainerId::new("theirs");
        foreign.labels.clear();
        foreign.ports.clear();
        foreign.name = devarch_core::name::ContainerName::from_stored("theirs");
        scenario.observed.containers.push(foreign);
    };
    assert_eq!(differences(happened), "");
}

#[test]
fn learning_an_unknown_fact_is_not_a_difference() {
    let mut scenario = Scenario::new();
    let image = scenario.observed.images.clone();
    scenario.observed.images.clear();
    let assumed = scenario.assume(&stack(SHOP));
    scenario.observed.images = image;
    scenario.observed.images.values_mut().for_each(|image| {
        image.volumes.insert("/var/lib/data".to_owned());
    });
    scenario.observed.engine_id = Some(EngineId::new("engine-1"));
    let found = scenario.assume(&stack(SHOP));
    assert_eq!(described(&assumed, &found), "");
    assert_ne!(described(&found, &assumed), "");
}

#[test]
fn a_completed_job_is_a_fact_and_another_containers_exit_code_is_not() {
    insta::assert_snapshot!(differences(|scenario| scenario.of("migrate").exit_code = Some(3)), @"container devarch-shop-migrate: assumed job done, found not done");
    assert_eq!(differences(|scenario| scenario.of("web").exit_code = Some(3)), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// After any manual changes: if the plan changes, so do its facts.
    #[test]
    fn a_change_of_the_plan_changes_its_facts(
        (from, to) in random_edit(),
        wanted in wish(),
        deeds in deeds(),
    ) {
        let mut scenario = Scenario::new();
        scenario.apply(&stack(&from));
        let second = wanted.of(stack(&to));
        let (plan, assumed) = (scenario.plan(&second), scenario.assume(&second));
        prop_assert_eq!(&assumed, &scenario.assume(&second));
        meddle(&mut scenario, &deeds);
        let found = scenario.assume(&second);
        prop_assert_eq!(assumed.differences(&found).is_empty(), assumed == found);
        if scenario.plan(&second) != plan {
            prop_assert_ne!(assumed, found);
        }
    }
}
