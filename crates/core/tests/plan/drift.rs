//! Manual changes appear in the plan by field, and an apply reverts them.

use crate::{
    promises::{SHOP, text},
    support::{Scenario, name, stack},
};
use devarch_core::{
    content::ContentRef,
    name::ContainerName,
    observed::{ObservedContainer, RunState},
    plan::ChangeKind,
    spec::label,
    stack::{DesiredRun, Stack},
    template::{ConfigContent, ConfigFile},
};
use std::sync::Arc;

/// Returns the plan of an unchanged shop after a manual change; applying it leaves nothing to do.
fn drift(by_hand: impl FnOnce(&mut Scenario)) -> String {
    let mut scenario = Scenario::new();
    let shop = stack(SHOP);
    scenario.apply(&shop);
    by_hand(&mut scenario);
    let shown = text(&scenario, &shop);
    scenario.apply(&shop);
    let again = text(&scenario, &shop);
    assert!(scenario.plan(&shop).is_empty(), "{again}");
    assert!(scenario.of("web").networks.keys().eq(["devarch-shop-net"]));
    let lines: Vec<&str> = shown.lines().skip(2).collect();
    lines.join("\n")
}

fn exit(container: &mut ObservedContainer) {
    container.state = RunState::Exited;
    container.ports.clear();
    "Exited (0) 3 hours ago".clone_into(&mut container.status);
}

#[test]
fn a_container_stopped_by_hand_is_started() {
    insta::assert_snapshot!(drift(|scenario| exit(scenario.of("web"))), @"
    ~   web  will be started (is not running: Exited (0) 3 hours ago)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_removed_by_hand_is_created() {
    let gone = |c: &ObservedContainer| c.name.as_str() != "devarch-shop-web";
    insta::assert_snapshot!(drift(|scenario| scenario.observed.containers.retain(gone)), @"
    +   web  will be created (was removed by hand)
          image busybox:1
          port 127.0.0.1:8080->80

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_that_can_no_longer_start_is_recreated() {
    insta::assert_snapshot!(drift(|scenario| scenario.of("web").state = RunState::Stuck), @"
    -/+ web  will be replaced (cannot be started again: its last stop or start did not finish)

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    let mut shop = stack(SHOP);
    let mut scenario = Scenario::new();
    scenario.apply(&shop);
    scenario.of("web").state = RunState::Stuck;
    for (wanted, changes) in [(DesiredRun::Stopped, 1), (DesiredRun::Absent, 1)] {
        shop.instances.get_mut(&name("web")).unwrap().wanted = wanted;
        assert_eq!(scenario.plan(&shop).changes.len(), changes);
        scenario.apply(&shop);
        assert!(scenario.plan(&shop).is_empty(), "{wanted:?}");
        if wanted == DesiredRun::Stopped {
            scenario.of("web").state = RunState::Stuck;
        }
    }
}

#[test]
fn a_container_paused_by_hand_runs_again() {
    insta::assert_snapshot!(drift(|scenario| scenario.of("web").state = RunState::Paused), @"
    ~   web  will be updated (was paused by hand)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_disconnected_by_hand_is_reconnected() {
    insta::assert_snapshot!(drift(|scenario| scenario.of("web").networks.clear()), @"
    ~   web  will be reconnected (was disconnected from the stack's network by hand)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_disconnected_and_stopped_by_hand_is_reconnected_and_started() {
    let by_hand = |scenario: &mut Scenario| {
        exit(scenario.of("web"));
        scenario.of("web").networks.clear();
    };
    insta::assert_snapshot!(drift(by_hand), @"
    ~   web  will be started (is not running: Exited (0) 3 hours ago)
    ~   web  will be reconnected (was disconnected from the stack's network by hand)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_connected_to_another_network_by_hand_is_disconnected_from_it() {
    let by_hand = |scenario: &mut Scenario| {
        scenario.of("web").networks.insert("bridge".to_owned(), Some("172.17.0.2".parse().unwrap()));
    };
    insta::assert_snapshot!(drift(by_hand), @"
    ~   web  will be disconnected (was connected to network bridge by hand)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_container_renamed_by_hand_gets_its_name_back() {
    let by_hand = |scenario: &mut Scenario| scenario.of("web").name = ContainerName::from_stored("my-web");
    insta::assert_snapshot!(drift(by_hand), @"
    ~   web  will be renamed (was renamed to my-web by hand)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_moved_image_tag_replaces_its_containers() {
    insta::assert_snapshot!(drift(|scenario| scenario.add_image("busybox:1", "sha256:cccccccccccccccc")), @"
    -/+ api  will be replaced (its image tag is now sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa)
    -/+ db  will be replaced (its image tag is now sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa)
          ! may change data irreversibly: another image writes to volume devarch-shop-db-data
    -/+ migrate  will be replaced (its image tag is now sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa)
    -/+ web  will be replaced (its image tag is now sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa)

    Plan: 0 to create, 0 to change, 4 to replace, 0 to remove.
    ");
}

#[test]
fn a_removed_network_is_recreated_with_its_containers() {
    let by_hand = |scenario: &mut Scenario| {
        for container in &mut scenario.observed.containers {
            exit(container);
        }
        scenario.observed.networks.clear();
    };
    insta::assert_snapshot!(drift(by_hand), @"
    +   network devarch-shop-net  will be created
    -/+ api  will be replaced (the stack's network was removed by hand)
    -/+ db  will be replaced (the stack's network was removed by hand)
    -/+ migrate  will be replaced (the stack's network was removed by hand)
    -/+ web  will be replaced (the stack's network was removed by hand)

    Plan: 0 to create, 0 to change, 4 to replace, 0 to remove.
    ");
}

#[test]
fn a_removed_volume_causes_a_warning() {
    let by_hand = |scenario: &mut Scenario| {
        scenario.observed.containers.retain(|container| container.volumes.is_empty());
        scenario.observed.volumes.clear();
    };
    insta::assert_snapshot!(drift(by_hand), @"
    +   volume devarch-shop-db-data  will be created (was removed by hand)
    +   db  will be created (was removed by hand)
          image busybox:1
          port 127.0.0.1:20001->5432

    warning: db.volumes./data: volume devarch-shop-db-data existed at the last apply and is missing: it will be created empty; if you need its data, restore the volume before you apply

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn unused_objects_are_removed_except_volumes() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(&format!("{SHOP}zoo: {{template: t, volumes: [\"data:/data\"]}}")));
    insta::assert_snapshot!(text(&scenario, &stack(SHOP)), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   container devarch-shop-zoo  will be removed (not defined in the stack)

    note: volume devarch-shop-zoo-data is no longer used by any instance; it is kept until you remove it

    Plan: 0 to create, 0 to change, 0 to replace, 1 to remove.
    ");
    scenario.apply(&stack(SHOP));
    insta::assert_snapshot!(text(&scenario, &stack(SHOP)), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    note: volume devarch-shop-zoo-data is no longer used by any instance; it is kept until you remove it

    No changes: the stack is up to date.
    ");
    assert!(scenario.observed.volumes.contains_key("devarch-shop-zoo-data"));
}

#[test]
fn another_image_on_a_volume_with_data_is_marked() {
    let mut scenario = Scenario::new();
    scenario.add_image("busybox:2", "sha256:bbbbbbbbbbbbbbbb");
    scenario.apply(&stack(SHOP));
    let edited = SHOP.replace("template: t", "template: t, image: \"busybox:2\"");
    let shop = stack(&edited);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (its config changed)
          ~ api.image: busybox:1 => busybox:2
    -/+ db  will be replaced (its config changed)
          ! may change data irreversibly: another image writes to volume devarch-shop-db-data
          ~ db.image: busybox:1 => busybox:2
    -/+ migrate  will be replaced (its config changed)
          ~ migrate.image: busybox:1 => busybox:2
    -/+ web  will be replaced (its config changed)
          ~ web.image: busybox:1 => busybox:2

    Plan: 0 to create, 0 to change, 4 to replace, 0 to remove.
    ");
    let marked: Vec<String> = scenario
        .plan(&shop)
        .changes
        .iter()
        .filter(|change| change.may_change_data)
        .map(|change| change.subject.to_string())
        .collect();
    assert_eq!(marked, ["db"]);
    let json = serde_json::to_value(scenario.plan(&shop)).unwrap();
    assert_eq!(json["changes"][1]["may_change_data"], true);
    assert_eq!(json["changes"][0].get("may_change_data"), None);
}

#[test]
fn another_config_of_the_same_image_is_not_marked() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    let plan = scenario.plan(&stack(&SHOP.replace("A: \"1\"", "A: \"2\"")));
    assert!(plan.changes.iter().all(|change| change.kind == ChangeKind::Replace && !change.may_change_data));
}

#[test]
fn a_failed_replacement_does_not_hide_the_fields_that_differ() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    let broken = stack(&SHOP.replace("A: \"1\"", "A: \"2\""));
    let plan = scenario.plan(&broken);
    scenario.carry_out_until(&plan, 1);
    insta::assert_snapshot!(text(&scenario, &broken), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ db  will be replaced (its config changed)
          ~ db.environment.A: 1 => 2
    -   container devarch-shop-db.next  will be removed (left over from an apply that did not finish)

    Plan: 0 to create, 0 to change, 1 to replace, 1 to remove.
    ");
}

#[test]
fn reordering_a_definition_is_not_a_change() {
    let fields = [
        "ports: [\"8001:80\", \"8002:81\", \"8003:80/udp\"]",
        "environment: {A: \"1\", B: \"2\"}",
        "volumes: [\"a:/a\", \"b:/b\"]",
        "labels: {x: y, z: w}",
        "depends_on: [db, api]",
        "config_files: {/etc/a: a, /etc/b: b}",
        "extra_hosts: [\"a:1.2.3.4\", \"b:1.2.3.5\"]",
        "tmpfs: [/t1, /t2]",
    ];
    let moved = [
        "tmpfs: [/t2, /t1]",
        "extra_hosts: [\"b:1.2.3.5\", \"a:1.2.3.4\"]",
        "config_files: {/etc/b: b, /etc/a: a}",
        "depends_on: [api, db]",
        "labels: {z: w, x: y}",
        "volumes: [\"b:/b\", \"a:/a\"]",
        "environment: {B: \"2\", A: \"1\"}",
        "ports: [\"8003:80/udp\", \"8002:81\", \"8001:80\"]",
    ];
    let of = |fields: &[&str], first: &str, last: &str| {
        stack(&format!(
            "{first}: {{template: t}}\nweb: {{template: t, {}}}\n{last}: {{template: t}}",
            fields.join(", ")
        ))
    };
    let mut scenario = Scenario::new();
    scenario.apply(&of(&fields, "api", "db"));
    let shop = of(&moved, "db", "api");
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
}

/// Returns the same instances under other names.
fn renamed(mut shop: Stack, names: &[(&str, &str)]) -> Stack {
    let taken: Vec<_> =
        names.iter().map(|(from, _)| shop.instances.remove(&crate::support::name(from)).unwrap()).collect();
    for ((_, to), instance) in names.iter().zip(taken) {
        shop.instances.insert(crate::support::name(to), instance);
    }
    shop
}

#[test]
fn instances_that_swap_their_names_are_replaced_in_one_apply() {
    let shop = "a: {template: t, depends_on: [b], healthcheck: {test: \"true\"}}\nb: {template: t, healthcheck: {test: \"true\"}}\nc: {template: t}";
    let mut scenario = Scenario::new();
    scenario.apply(&stack(shop));
    let swapped =
        renamed(stack(&shop.replace(", depends_on: [b]", "")), &[("a", "b"), ("b", "c"), ("c", "a")]);
    scenario.apply(&swapped);
    assert!(scenario.plan(&swapped).is_empty(), "{}", text(&scenario, &swapped));
    let back = stack(shop);
    scenario.apply(&back);
    assert!(scenario.plan(&back).is_empty(), "{}", text(&scenario, &back));
}

#[test]
fn a_new_instance_with_the_name_of_a_removed_one_gets_its_container_name() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    let mut shop = stack(SHOP);
    for instance in shop.instances.values_mut() {
        instance.id = devarch_core::id::InstanceId::new(format!("{}-2", instance.id));
    }
    shop.instances.remove(&crate::support::name("db"));
    for instance in shop.instances.values_mut() {
        instance.overrides.service.depends_on = None;
    }
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty(), "{}", text(&scenario, &shop));
}

/// Earlier versions hashed large contents themselves.
#[test]
fn a_container_with_the_same_config_stays_though_its_hash_has_another_form() {
    let of = |value: &str| stack(&format!("web: {{template: t, environment: {{A: {value}}}}}"));
    let mut scenario = Scenario::new();
    scenario.apply(&of("one"));
    let [container] = scenario.observed.containers.as_mut_slice() else { panic!("one was made") };
    container.labels.insert(label::CONFIG_HASH.to_owned(), "1:another".to_owned());
    for known in scenario.remembered.applied.values_mut().flatten() {
        known.hash = "1:another".to_owned();
    }
    assert!(scenario.plan(&of("one")).is_empty(), "{}", text(&scenario, &of("one")));
    insta::assert_snapshot!(text(&scenario, &of("two")), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ web  will be replaced (its config changed)
          ~ web.environment.A: one => two

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    scenario.remembered.applied.clear();
    assert!(!scenario.plan(&of("one")).is_empty(), "nobody remembers what it was made of");
}

#[test]
fn a_large_config_file_is_shown_by_size_and_digest() {
    let of = |content: &str| {
        let mut shop = stack("web: {template: t}");
        let content = ConfigContent::Kept(ContentRef::from_text(content));
        let file = ConfigFile { content, mode: None, owner: None };
        let web = shop.instances.values_mut().next().unwrap();
        web.overrides.config_files = [("/etc/large".to_owned(), Some(file))].into();
        shop
    };
    let mut scenario = Scenario::new();
    scenario.apply(&of("one"));
    assert!(scenario.plan(&of("one")).is_empty());
    insta::assert_snapshot!(text(&scenario, &of("another")), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ web  will be replaced (its config changed)
          ~ web.config_files./etc/large.content: 3 bytes, sha256 7692c3ad3540 => 7 bytes, sha256 ae448ac86c4e

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
}

#[test]
fn a_large_file_that_replaces_a_secret_one_must_be_marked_secret() {
    let mut shop = stack("web: {template: t}");
    let web = shop.instances.values_mut().next().unwrap();
    let file = |content| ConfigFile { content, mode: None, owner: None };
    let template = Arc::make_mut(&mut web.template.template);
    template.config_files.insert("/etc/key".to_owned(), file(ConfigContent::secret("s3cret")));
    let kept = ConfigContent::Kept(ContentRef::from_text("large"));
    web.overrides.config_files.insert("/etc/key".to_owned(), Some(file(kept)));
    let problems = Scenario::new().try_desire(&shop).unwrap_err();
    insta::assert_snapshot!(problems[0].to_string(), @"web.config_files./etc/key: the template marks this file as secret, and this one is large; set `secret: true` here as well");
}
