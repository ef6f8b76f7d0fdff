//! The planner's guarantees.

use crate::{
    random::{deeds, meddle, random_edit, random_stack, wish},
    support::{Scenario, assign, name, stack},
};
use devarch_core::{
    engine::EngineKind,
    observed::{Listener, RunState},
    plan::{Action, Cause, PlanOptions, Step, Subject, TextOptions, plan, plan_text},
    port::{HostSocket, Protocol},
    stack::{DesiredRun, Stack},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(crate) const SHOP: &str = r#"
db: {template: t, ports: ["5432"], volumes: ["data:/data"], healthcheck: {test: "true"}, environment: {A: "1"}}
migrate: {template: t, job: true, depends_on: [db]}
api: {template: t, depends_on: {migrate: {condition: service_completed_successfully}, db: }, config_files: {/etc/x: "a\nb\n"}}
web: {template: t, ports: ["127.0.0.1:8080:80"], depends_on: [api]}
"#;

pub(crate) fn text(scenario: &Scenario, stack: &Stack) -> String {
    plan_text(&scenario.plan(stack), TextOptions::default())
}

/// Returns the plan after an edit of the shop's instances, with the original shop applied.
fn after_edit(edited: &str) -> String {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    text(&scenario, &stack(edited))
}

#[test]
fn a_new_stack_is_created_providers_first() {
    let mut scenario = Scenario::new();
    let shop = stack(SHOP);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-net  will be created
    +   volume devarch-shop-db-data  will be created
    +   api  will be created
          image busybox:1
    +   db  will be created
          image busybox:1
          port 127.0.0.1:20001->5432
    +   migrate  will be created
          image busybox:1
    +   web  will be created
          image busybox:1
          port 127.0.0.1:8080->80

    Plan: 4 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    insta::assert_snapshot!(scenario.apply(&shop).trace(), @"
    #0 create network devarch-shop-net {+ network devarch-shop-net: does not exist}
    #1 db: create volume devarch-shop-db-data {+ volume devarch-shop-db-data: does not exist}
    #2 db: create container devarch-shop-db {+ db: does not exist} after #0 #1
    #3 db: start [#2] {+ db: does not exist} after #2
    #4 db: wait until it is healthy [#2] {+ db: does not exist} after #3
    #5 migrate: create container devarch-shop-migrate {+ migrate: does not exist} after #0
    #6 migrate: start [#5] {+ migrate: does not exist} after #4 #5
    #7 migrate: wait until it has completed [#5] {+ migrate: does not exist} after #6
    #8 api: create container devarch-shop-api {+ api: does not exist} after #0
    #9 api: put 1 config file(s) [#8] {+ api: does not exist} after #8
    #10 api: start [#8] {+ api: does not exist} after #4 #7 #9
    #11 web: create container devarch-shop-web {+ web: does not exist} after #0
    #12 web: start [#11] {+ web: does not exist} after #10 #11
    #13 see that everything still runs [api #8 runs; web #11 runs; db #2 is of sha256:aaaaaaaaaaaaaaaa; migrate #5 is of sha256:aaaaaaaaaaaaaaaa; api #8 is of sha256:aaaaaaaaaaaaaaaa; web #11 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #12
    ");
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn every_kind_of_edit_is_shown_by_field() {
    for (what, from, to) in [
        ("image", "{template: t, ports: [\"5432\"]", "{template: t, image: \"busybox:2\", ports: [\"5432\"]"),
        ("environment", "A: \"1\"", "A: \"2\""),
        ("command", "web: {template: t,", "web: {template: t, command: [httpd],"),
        ("port", "8080:80", "8081:80"),
        ("volume", "data:/data", "data:/elsewhere"),
        ("config file", "a\\nb\\n", "a\\nc\\n"),
        ("health check", "test: \"true\"", "test: \"true\", interval: 5s"),
        ("label", "web: {template: t,", "web: {template: t, labels: {team: a},"),
        ("resources", "web: {template: t,", "web: {template: t, resources: {limits: {memory: 64m}},"),
        ("user", "web: {template: t,", "web: {template: t, user: \"1000\","),
    ] {
        let edited = SHOP.replacen(from, to, 1);
        assert_ne!(edited, SHOP, "{what}");
        let mut scenario = Scenario::new();
        scenario.add_image("busybox:2", "sha256:bbbbbbbbbbbbbbbb");
        scenario.apply(&stack(SHOP));
        let shop = stack(&edited);
        let plan = scenario.plan(&shop);
        assert_eq!(plan.changes.len(), 1, "{what}: {}", text(&scenario, &shop));
        assert!(!plan.changes[0].fields.is_empty(), "{what}: {}", text(&scenario, &shop));
        scenario.carry_out(&plan);
        assert!(scenario.plan(&shop).is_empty(), "{what}: {}", text(&scenario, &shop));
    }
}

#[test]
fn a_changed_field_reads_as_in_the_definition() {
    insta::assert_snapshot!(after_edit(&SHOP.replace("8080:80", "8081:80").replace("a\\nb\\n", "a\\nc\\n")), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (its config changed)
          ~ api.config_files./etc/x.content:
          @@ -1,2 +1,2 @@
           a
          -b
          +c
    -/+ web  will be replaced (its config changed)
          ~ web.ports: 127.0.0.1:8080->80 => 127.0.0.1:8081->80

    Plan: 0 to create, 0 to change, 2 to replace, 0 to remove.
    ");
}

#[test]
fn an_edit_of_dependencies_alone_changes_no_container() {
    let edited = SHOP.replace("depends_on: [api]", "depends_on: [api, db]");
    insta::assert_snapshot!(after_edit(&edited), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    ~   web  will be updated (its config changed)
          ~ web.depends_on.db.condition: + ready
          ~ web.depends_on.db.required: + true

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn down_stops_consumers_first_and_keeps_volumes() {
    let mut scenario = Scenario::new();
    let mut shop = stack(SHOP);
    scenario.apply(&shop);
    for instance in shop.instances.values_mut() {
        instance.wanted = DesiredRun::Absent;
    }
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   network devarch-shop-net  will be removed (down)
    -   api  will be removed (down)
    -   db  will be removed (down)
    -   migrate  will be removed (down)
    -   web  will be removed (down)

    Plan: 0 to create, 0 to change, 0 to replace, 4 to remove.
    ");
    insta::assert_snapshot!(scenario.apply(&shop).trace(), @"
    #0 web: stop [c1] {- web: down}
    #1 api: stop [c2] {- api: down} after #0
    #2 migrate: stop [c3] {- migrate: down} after #1
    #3 db: stop [c4] {- db: down} after #1 #2
    #4 web: remove container devarch-shop-web [c1] {- web: down} after #3
    #5 api: remove container devarch-shop-api [c2] {- api: down} after #3
    #6 migrate: remove container devarch-shop-migrate [c3] {- migrate: down} after #3
    #7 db: remove container devarch-shop-db [c4] {- db: down} after #3
    #8 remove network devarch-shop-net {- network devarch-shop-net: down} after #3 #4 #5 #6 #7
    ");
    assert!(scenario.observed.containers.is_empty() && scenario.observed.networks.is_empty());
    assert_eq!(scenario.observed.volumes.len(), 1);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_stopped_stack_stays_stopped() {
    let mut scenario = Scenario::new();
    let mut shop = stack(SHOP);
    scenario.apply(&shop);
    for instance in shop.instances.values_mut() {
        instance.wanted = DesiredRun::Stopped;
    }
    scenario.apply(&shop);
    assert!(scenario.observed.containers.iter().all(|container| container.state == RunState::Exited));
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_replaced_container_is_removed_only_when_everything_is_ready() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    insta::assert_snapshot!(scenario.apply(&stack(&SHOP.replace("A: \"1\"", "A: \"2\""))).trace(), @"
    #0 db: create container devarch-shop-db.next {-/+ db: its config changed}
    #1 db: stop [c4] {-/+ db: its config changed} after #0
    #2 db: rename to devarch-shop-db.old [c4] {-/+ db: its config changed} after #0 #1
    #3 db: rename to devarch-shop-db [#0] {-/+ db: its config changed} after #2
    #4 db: start [#0] {-/+ db: its config changed} after #1 #3
    #5 db: wait until it is healthy [#0] {-/+ db: its config changed} after #4
    #6 check the images of the new containers [db #0 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #5
    #7 db: remove container devarch-shop-db.old [c4] {-/+ db: its config changed} after #6
    ");
}

#[test]
fn a_container_kept_by_a_failed_replacement_is_removed_only_when_its_successor_is_ready() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    let broken = stack(&SHOP.replace("A: \"1\"", "A: \"2\""));
    let plan = scenario.plan(&broken);
    scenario.carry_out_until(&plan, plan.steps.len() - 3);
    insta::assert_snapshot!(text(&scenario, &broken), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   container devarch-shop-db.old  will be removed (left over from an apply that did not finish)

    Plan: 0 to create, 0 to change, 0 to replace, 1 to remove.
    ");
    insta::assert_snapshot!(scenario.apply(&broken).trace(), @"
    #0 stop [c4] {- container devarch-shop-db.old: left over from an apply that did not finish}
    #1 db: wait until it is healthy [c5] {proof}
    #2 remove container devarch-shop-db.old [c4] {- container devarch-shop-db.old: left over from an apply that did not finish} after #0 #1
    ");
}

#[test]
fn manual_changes_are_reverted() {
    let mut scenario = Scenario::new();
    let shop = stack(SHOP);
    scenario.apply(&shop);
    scenario.of("db").state = RunState::Exited;
    scenario.of("db").status = "Exited (137) 2 minutes ago".to_owned();
    scenario.of("api").networks.clear();
    scenario.observed.containers.retain(|container| container.name.as_str() != "devarch-shop-web");
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    ~   api  will be reconnected (was disconnected from the stack's network by hand)
    ~   db  will be started (is not running: Exited (137) 2 minutes ago)
    +   web  will be created (was removed by hand)
          image busybox:1
          port 127.0.0.1:8080->80

    Plan: 1 to create, 2 to change, 0 to replace, 0 to remove.
    ");
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_restart_proceeds_from_providers_to_consumers_and_changes_nothing_else() {
    let mut scenario = Scenario::new();
    let shop = stack("a: {template: t, depends_on: [b]}\nb: {template: t, healthcheck: {test: \"true\"}}");
    scenario.apply(&shop);
    let before = scenario.observed.clone();
    let restart = shop.instances.keys().cloned().collect();
    let plan = scenario.plan_with(&shop, &PlanOptions { restart, ..PlanOptions::default() });
    scenario.carry_out(&plan);
    insta::assert_snapshot!(plan.trace(), @"
    #0 b: stop [c2] {~ b: requested}
    #1 b: start [c2] {~ b: requested} after #0
    #2 b: wait until it is healthy [c2] {~ b: requested} after #1
    #3 a: stop [c1] {~ a: requested} after #2
    #4 a: start [c1] {~ a: requested} after #2 #3
    #5 see that everything still runs [a c1 runs, never restarted] {commit} after #4
    ");
    assert_eq!(scenario.observed, before);
}

#[test]
fn a_moved_image_name_is_drift() {
    let mut scenario = Scenario::new();
    let shop = stack("web: {template: t}");
    scenario.apply(&shop);
    scenario.add_image("busybox:1", "sha256:cccccccccccccccc");
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ web  will be replaced (its image tag is now sha256:cccccccccccc instead of sha256:aaaaaaaaaaaa)

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_failed_job_runs_again_and_a_completed_one_does_not() {
    let mut scenario = Scenario::new();
    let shop = stack("job: {template: t, job: true}");
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
    scenario.of("job").exit_code = Some(3);
    insta::assert_snapshot!(text(&scenario, &shop), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    ~   job  will be started (the job failed with exit code 3)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn host_ports_move_between_instances_in_one_apply() {
    let before =
        "a: {template: t, ports: [\"8001:80\"]}\nb: {template: t, ports: [\"8002:80\"], depends_on: [a]}";
    let after =
        "a: {template: t, ports: [\"8002:80\"]}\nb: {template: t, ports: [\"8001:80\"], depends_on: [a]}";
    let mut scenario = Scenario::new();
    scenario.apply(&stack(before));
    let shop = stack(after);
    scenario.apply(&shop);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_rename_of_the_stack_moves_everything_to_a_new_network() {
    let mut scenario = Scenario::new();
    let mut shop = stack(SHOP);
    scenario.apply(&shop);
    shop.name = "store".parse().unwrap();
    scenario.subnet = "10.213.1.0/24".parse().unwrap();
    scenario.apply(&shop);
    assert!(scenario.observed.containers.iter().all(|c| c.name.as_str().starts_with("devarch-store-")));
    assert_eq!(scenario.observed.networks.len(), 1);
    assert!(scenario.plan(&shop).is_empty());
}

#[test]
fn a_conflict_names_the_owner_of_the_object() {
    let mut scenario = Scenario::new();
    let shop = stack("web: {template: t, ports: [\"8080:80\"], volumes: [\"data:/d\"]}");
    let mut foreign = {
        let mut other = Scenario::new();
        other.apply(&shop);
        other
    };
    foreign.of("web").labels.clear();
    foreign.of("web").id = devarch_core::id::ContainerId::new("theirs");
    scenario.observed.containers = foreign.observed.containers.clone();
    scenario.observed.volumes.insert("devarch-shop-web-data".to_owned(), std::collections::BTreeMap::new());
    scenario.observed.listeners.push(Listener {
        socket: HostSocket { ip: "127.0.0.1".parse().unwrap(), port: 8080, protocol: Protocol::Tcp },
        process: Some("nginx (pid 812)".to_owned()),
    });
    let error =
        plan(&scenario.desire(&shop), &scenario.observed, &scenario.remembered, &PlanOptions::default())
            .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"
    stack 'shop' cannot be applied: instance 'web': container name devarch-shop-web is taken: that container was not created by DevArch; remove or rename it, or rename the instance
      instance 'web': port 8080 is already in use by container devarch-shop-web, which was not created by DevArch; stop it, or choose another: `devarch set shop/web ports.80=PORT`
      instance 'web': volume devarch-shop-web-data was not created by DevArch; its data is left alone: remove it, or rename the instance
    ");
}

#[test]
fn a_privileged_port_is_refused_if_the_engine_runs_without_root() {
    let shop = stack("web: {template: t, ports: [\"80:80\", \"1024:81\"]}");
    let mut scenario = Scenario::new();
    scenario.observed.engine.kind = EngineKind::Podman;
    scenario.observed.engine.lowest_port = 1024;
    let planned =
        plan(&scenario.desire(&shop), &scenario.observed, &scenario.remembered, &PlanOptions::default())
            .map(|_| ());
    insta::assert_snapshot!(planned.unwrap_err().to_string(), @"stack 'shop' cannot be applied: instance 'web': port 80 is root's (below 1024), and this podman runs without root; choose another: `devarch set shop/web ports.80=PORT`; or let everybody have it: `sudo sysctl net.ipv4.ip_unprivileged_port_start=80`");
    // A port that is already published was allowed when it was.
    scenario.observed.engine.lowest_port = 0;
    scenario.apply(&shop);
    scenario.observed.engine.lowest_port = 1024;
    plan(&scenario.desire(&shop), &scenario.observed, &scenario.remembered, &PlanOptions::default()).unwrap();
}

#[test]
fn a_policy_refusal_names_instance_and_field() {
    let mut shop = stack(
        "a: {template: t, privileged: true, volumes: [\"/var/run/docker.sock:/s\", \"~/.ssh:/k:ro\"]}\n\
         b: {template: t, network_mode: host, cap_add: [SYS_ADMIN], config_files: {/data/x: y}, volumes: [\"d:/data\"]}\n\
         c: {template: t, depends_on: [d]}\nd: {template: t, depends_on: [c]}\ne: {template: t, depends_on: [bb]}",
    );
    let shown = |shop: &Stack| -> String {
        let problems = Scenario::new().try_desire(shop).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown(&shop), @r#"
    a.privileged: true is refused by policy; add `allow: [privileged]` to the stack if it must be
    a.volumes./k: /home/me/.ssh (keys, tokens and settings of the home) is refused by policy; add `allow: [host-paths]` to the stack if it must be
    a.volumes./s: /var/run/docker.sock (the socket of an engine) is refused by policy; add `allow: [engine-socket]` to the stack if it must be
    b.cap_add: SYS_ADMIN is refused by policy; add `allow: [capabilities]` to the stack if it must be
    b.config_files./data/x: the file would lie in volume devarch-shop-b-d at /data and be lost there; move one of them
    b.network_mode: host is refused by policy; add `allow: [host-network]` to the stack if it must be
    c.depends_on: c -> d -> c wait for each other; remove one dependency
    e.depends_on.bb: the stack has no instance "bb"; did you mean "b"?
    "#);
    shop.allow = devarch_core::policy::Allowance::ALL.into_iter().collect();
    assert!(!shown(&shop).contains("policy"), "{}", shown(&shop));
}

#[test]
fn a_secret_changes_the_hash_and_is_never_shown() {
    let of = |value: &str| {
        stack(&format!("web: {{template: t, environment: {{TOKEN: {{value: {value}, secret: true}}}}}}"))
    };
    let mut scenario = Scenario::new();
    let first = scenario.apply(&of("hunter2"));
    let second = scenario.plan(&of("hunter3"));
    let shown = format!(
        "{}{}{first:?}{second:?}",
        plan_text(&first, TextOptions { full: true }),
        serde_json::to_string(&[&first, &second]).unwrap()
    );
    assert!(!shown.contains("hunter"), "{shown}");
    insta::assert_snapshot!(plan_text(&second, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ web  will be replaced (its config changed)
          ~ web.environment.TOKEN: secret changed

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// From any stack to any other, with any manual changes in between: the apply makes no call that an engine would
    /// refuse, and leaves nothing to do.
    #[test]
    fn after_an_apply_there_is_nothing_to_do(
        (from, to) in random_edit(),
        deeds in deeds(),
        asked in 0..7_usize,
    ) {
        let mut scenario = Scenario::new();
        let first = stack(&from);
        scenario.apply(&first);
        prop_assert!(scenario.plan(&first).is_empty());
        meddle(&mut scenario, &deeds);
        let second = stack(&to);
        let mut options = PlanOptions::default();
        let asked = name(&format!("i{asked}"));
        if second.instances.contains_key(&asked) {
            options.replace.insert(asked);
        }
        let plan = scenario.plan_with(&second, &options);
        prop_assert_eq!(&plan, &scenario.plan_with(&second, &options));
        scenario.carry_out(&plan);
        let again = scenario.plan(&second);
        prop_assert!(again.is_empty(), "{}", plan_text(&again, TextOptions::default()));
        let names: BTreeSet<&str> = scenario.observed.containers.iter().map(|c| c.name.as_str()).collect();
        prop_assert_eq!(names.len(), second.instances.len());
        prop_assert!(names.iter().all(|name| !name.contains('.')));
    }

    /// An apply interrupted at any step is completed, or changed into another, by the next one.
    #[test]
    fn after_an_interrupted_apply_the_next_one_converges(
        (from, to) in random_edit(),
        then in random_stack(),
        (last, again) in (0..40_usize, 0..40_usize),
        changed in any::<bool>(),
    ) {
        let mut scenario = Scenario::new();
        scenario.apply(&stack(&from));
        let second = stack(&to);
        scenario.carry_out_until(&scenario.plan(&second).clone(), last);
        scenario.carry_out_until(&scenario.plan(&second).clone(), again);
        let third = if changed { stack(&then) } else { second };
        scenario.apply(&third);
        let rest = scenario.plan(&third);
        prop_assert!(rest.is_empty(), "{}", plan_text(&rest, TextOptions::default()));
        prop_assert!(scenario.observed.containers.iter().all(|c| !c.name.as_str().contains('.')));
        prop_assert_eq!(scenario.observed.containers.len(), third.instances.len());
    }

    /// Everything before the commit point can be undone: steps that cannot be undone come last, and records are
    /// written right before them.
    #[test]
    fn cleanups_come_after_everything_else(
        (from, to) in random_edit(),
        wanted in wish(),
        deeds in deeds(),
        last in 0..40_usize,
    ) {
        let mut scenario = Scenario::new();
        scenario.apply(&stack(&from));
        meddle(&mut scenario, &deeds);
        let half = scenario.plan(&stack(&to));
        scenario.carry_out_until(&half, last);
        let plan = scenario.plan(&wanted.of(stack(&to)));
        let phase = |step: &Step| match &step.action {
            Action::Remember { .. } => 1,
            action if action.is_cleanup() => 2,
            _ => 0,
        };
        for (at, step) in plan.steps.iter().enumerate().filter(|(_, step)| phase(step) > 0) {
            let mut before: BTreeSet<usize> = BTreeSet::new();
            let mut todo: Vec<usize> = step.after.iter().map(|id| id.0).collect();
            while let Some(id) = todo.pop() {
                if before.insert(id) {
                    todo.extend(plan.steps[id].after.iter().map(|id| id.0));
                }
            }
            for (other, earlier) in plan.steps.iter().enumerate().filter(|(_, other)| phase(other) < phase(step)) {
                prop_assert!(before.contains(&other), "{other} {} is not before {at} {}", earlier.action, step.action);
            }
            prop_assert!(before.iter().all(|other| phase(&plan.steps[*other]) <= phase(step)));
        }
    }

    /// Steps keep naming their change after the changes are sorted.
    #[test]
    fn every_change_is_the_cause_of_steps(
        (from, to) in random_edit(),
        wanted in wish(),
        deeds in deeds(),
        last in 0..40_usize,
    ) {
        let mut scenario = Scenario::new();
        scenario.apply(&stack(&from));
        meddle(&mut scenario, &deeds);
        scenario.carry_out_until(&scenario.plan(&stack(&to)).clone(), last);
        let plan = scenario.plan(&wanted.of(stack(&to)));
        let served: BTreeSet<usize> = plan
            .steps
            .iter()
            .filter_map(|step| match step.cause {
                Cause::Change(change) => Some(change.0),
                Cause::Proof | Cause::Commit | Cause::Undo => None,
            })
            .collect();
        prop_assert_eq!(served, (0..plan.changes.len()).collect::<BTreeSet<_>>(), "{}", plan.trace());
        for step in plan.steps.iter().filter(|step| matches!(step.action, Action::CreateContainer { .. })) {
            let Cause::Change(change) = step.cause else { panic!("{}", plan.trace()) };
            let subject = step.instance.clone().map(Subject::Instance);
            prop_assert_eq!(Some(&plan.changes[change.0].subject), subject.as_ref());
        }
    }

    /// No instance starts before its dependencies are ready.
    #[test]
    fn the_order_respects_dependencies(text in random_stack()) {
        let mut scenario = Scenario::new();
        let shop = stack(&text);
        scenario.apply(&shop);
        let at = |line: String| scenario.done.iter().rposition(|done| *done == line);
        for (consumer, instance) in &scenario.desire(&shop).instances {
            for provider in instance.depends_on.keys() {
                let start = at(format!("{consumer}: start"));
                prop_assert!(start > at(format!("{provider}: start")), "{consumer} before {provider}");
                prop_assert!(start > at(format!("{provider}: wait until it is healthy")), "{consumer}");
                prop_assert!(start > at(format!("{provider}: wait until it has completed")), "{consumer}");
            }
        }
    }
}

#[test]
fn ports_are_kept_when_a_definition_is_saved_again() {
    let mut shop = stack(SHOP);
    let before = shop.clone();
    assign(&mut shop);
    assert_eq!(before, shop);
}
