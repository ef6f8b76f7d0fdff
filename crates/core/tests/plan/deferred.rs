//! What is there is stopped, started and removed whatever is wrong with its definition; nothing is made while that is wrong.

use crate::{
    promises::SHOP,
    support::{Paper, name, stack},
};
use devarch_core::{
    observed::RunState,
    plan::{Plan, PlanError, PlanOptions, TextOptions, plan, plan_text},
    stack::{Stack, Wanted},
};

fn wanted(mut stack: Stack, wanted: Wanted) -> Stack {
    stack.instances.values_mut().for_each(|instance| instance.wanted = wanted);
    stack
}

/// The shop as it runs, and then without the key of config hashes.
fn keyless() -> Paper {
    let mut paper = Paper::new();
    paper.apply(&stack(SHOP));
    (paper.keyless, paper.defer_problems) = (true, true);
    paper
}

fn try_plan(paper: &Paper, stack: &Stack) -> Result<Plan, PlanError> {
    plan(&paper.desire(stack), &paper.observed, &paper.remembered, &PlanOptions::default())
}

fn refused(paper: &Paper, stack: &Stack) -> String {
    try_plan(paper, stack).unwrap_err().to_string()
}

#[test]
fn without_the_hash_key_what_runs_is_taken_for_unchanged_and_that_is_told() {
    let paper = keyless();
    let unchanged = paper.plan(&stack(SHOP));
    insta::assert_snapshot!(plan_text(&unchanged, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    note: the store's own key, which config hashes are made with, cannot be read: the key it was encrypted with is not on this machine; `devarch secret key import FILE` imports it, or, if it is lost for good, `devarch secret key reset` discards what was encrypted with it; until this is fixed, existing containers are kept and no new ones are created

    No changes: the stack is up to date.
    ");
    assert!(unchanged.steps.is_empty());
}

#[test]
fn without_the_hash_key_containers_are_stopped_and_started() {
    let mut paper = keyless();
    let stopped = paper.apply(&wanted(stack(SHOP), Wanted::Stopped));
    let started = paper.apply(&stack(SHOP));
    let restart = PlanOptions { restart: [name("web")].into(), ..PlanOptions::default() };
    let restarted = paper.plan_with(&stack(SHOP), &restart);
    paper.carry_out(&restarted);
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
fn without_the_hash_key_nothing_is_made() {
    let mut paper = keyless();
    paper.observed.containers.retain(|container| !container.name.as_str().ends_with("web"));
    insta::assert_snapshot!(refused(&paper, &stack(SHOP)), @"
    stack 'shop' cannot be planned:
      the store's own key, which config hashes are made with, cannot be read: the key it was encrypted with is not on this machine; `devarch secret key import FILE` imports it, or, if it is lost for good, `devarch secret key reset` discards what was encrypted with it
    ");
    let start = |needed: &[&str]| PlanOptions {
        needed: Some(needed.iter().map(|it| name(it)).collect()),
        ..PlanOptions::default()
    };
    let told = plan_text(&paper.plan_with(&stack(SHOP), &start(&["api"])), TextOptions::default());
    assert!(
        told.contains("no new ones are created") && told.contains("No changes"),
        "nobody asked for it: {told}"
    );
    assert!(plan(&paper.desire(&stack(SHOP)), &paper.observed, &paper.remembered, &start(&["web"])).is_err());
    let without_web = &mut stack(SHOP);
    without_web.instances.get_mut(&name("web")).unwrap().enabled = false;
    assert!(try_plan(&paper, without_web).unwrap().steps.is_empty());
    let down = paper.plan(&wanted(stack(SHOP), Wanted::Absent));
    paper.carry_out(&down);
    assert_eq!((paper.observed.containers.len(), paper.observed.networks.len()), (0, 0));
}

/// A container can't be brought onto a network that was made anew, but stopped whatever it is on.
#[test]
fn without_the_hash_key_a_container_that_lost_its_network_is_only_stopped() {
    let mut paper = keyless();
    paper.observed.networks.clear();
    assert!(refused(&paper, &stack(SHOP)).contains("cannot be planned"));
    let stopping = paper.plan(&wanted(stack(SHOP), Wanted::Stopped));
    paper.carry_out(&stopping);
    assert!(paper.observed.containers.iter().all(|container| container.state != RunState::Running));
}

/// Whether a container that was never started has its files can't be seen, and they can't be put again.
#[test]
fn without_the_hash_key_a_container_that_may_lack_its_files_is_not_started() {
    let mut paper = keyless();
    let api = |paper: &mut Paper| {
        let api = paper.observed.containers.iter_mut().find(|c| c.name.as_str() == "devarch-shop-api");
        api.unwrap().state = RunState::Created;
    };
    api(&mut paper);
    assert!(refused(&paper, &stack(SHOP)).contains("cannot be planned"));
    assert!(try_plan(&paper, &wanted(stack(SHOP), Wanted::Stopped)).is_ok());
}

/// Also what the wires of others would change is left as it is: it may come of what is wrong.
#[test]
fn a_wiring_error_stops_neither_stop_nor_start() {
    const WIRED: &str = "
db:
  template: t
  exports: [{name: main, type: postgres, port: 5432, properties: {user: shop, database: shop}}]
api:
  template: t
  imports: [{name: db, type: postgres}]
";
    let mut paper = Paper::new();
    paper.apply(&stack(WIRED));
    let broken = stack(&WIRED.replace("type: postgres, port", "type: redis, port"));
    assert!(paper.try_desire(&broken).is_err(), "an apply is stopped");
    paper.defer_problems = true;
    let note = plan_text(&paper.plan(&broken), TextOptions::default());
    insta::assert_snapshot!(note, @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   wire api.db -> db.main (gone)

    note: api.imports.db: nothing in the stack offers postgres; add an instance that does or an entry of `external`, or set `required: false`; until this is fixed, existing containers are kept and no new ones are created

    No changes: the stack is up to date.
    ");
    let stopped = paper.apply(&wanted(broken.clone(), Wanted::Stopped));
    let started = paper.apply(&broken);
    insta::assert_snapshot!([stopped, started].map(|plan| plan.trace()).join("\n"), @"
    #0 db: stop [c2] {~ db: requested}
    #1 api: stop [c1] {~ api: requested}

    #0 api: start [c1] {~ api: is not running: Created}
    #1 db: start [c2] {~ db: is not running: Created}
    #2 see that everything still runs [api c1 runs, never restarted; db c2 runs, never restarted] {commit} after #0 #1
    ");
}
