//! Existing containers can be stopped, started and removed whatever the problems with their definition; none is
//! created until those are fixed.

use crate::{
    promises::SHOP,
    support::{Scenario, name, stack},
};
use devarch_core::{
    observed::RunState,
    plan::{Plan, PlanError, PlanOptions, TextOptions, plan, plan_text},
    stack::{DesiredRun, Stack},
};

fn wanted(mut stack: Stack, wanted: DesiredRun) -> Stack {
    stack.instances.values_mut().for_each(|instance| instance.wanted = wanted);
    stack
}

/// Returns the running shop after the key of config hashes became undecryptable.
fn keyless() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(SHOP));
    (scenario.keyless, scenario.defer_problems) = (true, true);
    scenario
}

fn try_plan(scenario: &Scenario, stack: &Stack) -> Result<Plan, PlanError> {
    plan(&scenario.desire(stack), &scenario.observed, &scenario.remembered, &PlanOptions::default())
}

fn refused(scenario: &Scenario, stack: &Stack) -> String {
    try_plan(scenario, stack).unwrap_err().to_string()
}

#[test]
fn without_the_hash_key_running_containers_count_as_unchanged_with_a_warning() {
    let scenario = keyless();
    let unchanged = scenario.plan(&stack(SHOP));
    insta::assert_snapshot!(plan_text(&unchanged, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    note: the store's own key, which config hashes are made with, cannot be read: the key it was encrypted with is not on this machine; `devarch secret key import FILE` imports it, or, if it is lost for good, `devarch secret key reset` discards what was encrypted with it; until this is fixed, existing containers are kept and no new ones are created

    No changes: the stack is up to date.
    ");
    assert!(unchanged.steps.is_empty());
}

#[test]
fn without_the_hash_key_containers_are_stopped_and_started() {
    let mut scenario = keyless();
    let stopped = scenario.apply(&wanted(stack(SHOP), DesiredRun::Stopped));
    let started = scenario.apply(&stack(SHOP));
    let restart = PlanOptions { restart: [name("web")].into(), ..PlanOptions::default() };
    let restarted = scenario.plan_with(&stack(SHOP), &restart);
    scenario.carry_out(&restarted);
    insta::assert_snapshot!([stopped, started, restarted].map(|plan| plan.trace()).join("\n"), @"
    #0 web: stop [c1] {~ web: requested}
    #1 api: stop [c2] {~ api: requested} after #0
    #2 db: stop [c4] {~ db: requested} after #1

    #0 db: start [c4] {~ db: is not running: Created}
    #1 db: wait until it is healthy [c4] {~ db: is not running: Created} after #0
    #2 api: start [c2] {~ api: is not running: Created} after #1
    #3 web: start [c1] {~ web: is not running: Created} after #2
    #4 see that everything still runs [api c2 runs, never restarted; web c1 runs, never restarted] {commit} after #3

    #0 web: stop [c1] {~ web: requested}
    #1 web: start [c1] {~ web: requested} after #0
    #2 see that everything still runs [web c1 runs, never restarted] {commit} after #1
    ");
}

#[test]
fn without_the_hash_key_no_container_is_created() {
    let mut scenario = keyless();
    scenario.observed.containers.retain(|container| !container.name.as_str().ends_with("web"));
    insta::assert_snapshot!(refused(&scenario, &stack(SHOP)), @"
    stack 'shop' cannot be planned:
      the store's own key, which config hashes are made with, cannot be read: the key it was encrypted with is not on this machine; `devarch secret key import FILE` imports it, or, if it is lost for good, `devarch secret key reset` discards what was encrypted with it
    ");
    let start = |needed: &[&str]| PlanOptions {
        needed: Some(needed.iter().map(|it| name(it)).collect()),
        ..PlanOptions::default()
    };
    let told = plan_text(&scenario.plan_with(&stack(SHOP), &start(&["api"])), TextOptions::default());
    assert!(
        told.contains("no new ones are created") && told.contains("No changes"),
        "nobody asked for it: {told}"
    );
    assert!(
        plan(&scenario.desire(&stack(SHOP)), &scenario.observed, &scenario.remembered, &start(&["web"]))
            .is_err()
    );
    let without_web = &mut stack(SHOP);
    without_web.instances.get_mut(&name("web")).unwrap().enabled = false;
    assert!(try_plan(&scenario, without_web).unwrap().steps.is_empty());
    let down = scenario.plan(&wanted(stack(SHOP), DesiredRun::Absent));
    scenario.carry_out(&down);
    assert_eq!((scenario.observed.containers.len(), scenario.observed.networks.len()), (0, 0));
}

/// A container cannot be moved to a recreated network, but it can always be stopped.
#[test]
fn without_the_hash_key_a_container_that_lost_its_network_is_only_stopped() {
    let mut scenario = keyless();
    scenario.observed.networks.clear();
    assert!(refused(&scenario, &stack(SHOP)).contains("cannot be planned"));
    let stopping = scenario.plan(&wanted(stack(SHOP), DesiredRun::Stopped));
    scenario.carry_out(&stopping);
    assert!(scenario.observed.containers.iter().all(|container| container.state != RunState::Running));
}

/// Whether a container that was never started has its files cannot be observed, and they cannot be written again.
#[test]
fn without_the_hash_key_a_container_that_may_lack_its_files_is_not_started() {
    let mut scenario = keyless();
    let api = |scenario: &mut Scenario| {
        let api = scenario.observed.containers.iter_mut().find(|c| c.name.as_str() == "devarch-shop-api");
        api.unwrap().state = RunState::Created;
    };
    api(&mut scenario);
    assert!(refused(&scenario, &stack(SHOP)).contains("cannot be planned"));
    assert!(try_plan(&scenario, &wanted(stack(SHOP), DesiredRun::Stopped)).is_ok());
}

/// Changes caused by other instances' wires are not applied either: they may result from the error.
#[test]
fn a_wiring_error_prevents_neither_stop_nor_start() {
    const WIRED: &str = "
db:
  template: t
  exports: [{name: main, type: postgres, port: 5432, properties: {user: shop, database: shop}}]
api:
  template: t
  imports: [{name: db, type: postgres}]
";
    let mut scenario = Scenario::new();
    scenario.apply(&stack(WIRED));
    let broken = stack(&WIRED.replace("type: postgres, port", "type: redis, port"));
    assert!(scenario.try_desire(&broken).is_err(), "an apply is stopped");
    scenario.defer_problems = true;
    let note = plan_text(&scenario.plan(&broken), TextOptions::default());
    insta::assert_snapshot!(note, @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   wire api.db -> db.main (gone)

    note: api.imports.db: nothing in the stack offers postgres; add an instance that does or an entry of `external`, or set `required: false`; until this is fixed, existing containers are kept and no new ones are created

    No changes: the stack is up to date.
    ");
    let stopped = scenario.apply(&wanted(broken.clone(), DesiredRun::Stopped));
    let started = scenario.apply(&broken);
    insta::assert_snapshot!([stopped, started].map(|plan| plan.trace()).join("\n"), @"
    #0 db: stop [c2] {~ db: requested}
    #1 api: stop [c1] {~ api: requested}

    #0 api: start [c1] {~ api: is not running: Created}
    #1 db: start [c2] {~ db: is not running: Created}
    #2 see that everything still runs [api c1 runs, never restarted; db c2 runs, never restarted] {commit} after #0 #1
    ");
}
