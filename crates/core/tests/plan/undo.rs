//! An apply interrupted at any step before its first cleanup is rolled back.

use crate::{
    promises::SHOP,
    random::{Deed, deeds, meddle, random_edit, random_stack, wish},
    support::{Scenario, stack},
};
use devarch_core::{
    id::{ApplyId, ContainerId},
    name::{ContainerName, PhysicalVolume},
    observed::RunState,
    ownership::Seen,
    plan::{Before, Plan, undo},
    spec::label,
    stack::Stack,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a stack that an undo guarantees: its containers by id with their names, whether they run, and their
/// networks; and the stack's networks. A paused container that was started again counts as running.
type State = (BTreeMap<String, (String, bool, BTreeSet<String>)>, BTreeSet<String>);

fn state(scenario: &Scenario) -> State {
    let container = |c: &devarch_core::observed::ObservedContainer| {
        let runs = matches!(c.state, RunState::Running | RunState::Paused);
        (c.id.to_string(), (c.name.to_string(), runs, c.networks.keys().cloned().collect()))
    };
    let networks =
        scenario.observed.networks.iter().map(|network| format!("{} {}", network.name, network.id));
    (scenario.observed.containers.iter().map(container).collect(), networks.collect())
}

/// Carries out a plan up to some step before its commit point.
fn carry_out_undoable(scenario: &mut Scenario, plan: &Plan, last: usize) -> ApplyId {
    scenario.carry_out_until(plan, last % (undoable(plan) + 1))
}

/// Returns the number of steps before the commit point.
fn undoable(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| !step.action.is_cleanup()).count()
}

/// Rolls back, in two runs if the first is interrupted; afterwards nothing is left to undo.
fn roll_back(scenario: &mut Scenario, before: &Before, applies: &[ApplyId], cut: usize) {
    let first = scenario.undo(before, applies);
    assert_eq!(first.lost, Vec::<String>::new());
    scenario.make(&first.steps, cut % (first.steps.len() + 1));
    let second = scenario.undo(before, applies);
    scenario.make(&second.steps, second.steps.len());
    let again = scenario.undo(before, applies);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
}

fn applied(from: &Stack, deeds: &[Deed]) -> Scenario {
    let mut scenario = Scenario::new();
    scenario.apply(from);
    meddle(&mut scenario, deeds);
    scenario
}

#[test]
fn an_undo_skips_containers_that_cannot_start_and_restores_the_rest() {
    let mut scenario = Scenario::new();
    let (old, new) = (
        stack("a: {template: t}\nb: {template: t}"),
        stack("a: {template: t, tty: true}\nb: {template: t, tty: true}"),
    );
    scenario.apply(&old);
    let before = scenario.before(&new);
    let plan = scenario.plan(&new);
    let apply = carry_out_undoable(&mut scenario, &plan, undoable(&plan));
    // Both replaced containers are stopped now; the engine can no longer start one of them.
    let kept = |scenario: &Scenario| {
        scenario
            .observed
            .containers
            .iter()
            .find(|c| c.name.as_str().ends_with("-a.old"))
            .map(|c| c.id.clone())
    };
    let stuck = kept(&scenario).expect("a's predecessor");
    scenario.container(&stuck).state = RunState::Stuck;
    let way_back = scenario.undo(&before, std::slice::from_ref(&apply));
    assert_eq!(
        way_back.lost,
        ["container devarch-shop-a.old cannot be started again; `devarch up` replaces it"]
    );
    scenario.make(&way_back.steps, way_back.steps.len());
    assert_eq!(scenario.of("b").state, RunState::Running);
    assert_eq!(scenario.of("a").id, stuck);
    assert!(scenario.undo(&before, &[apply]).steps.is_empty());
    scenario.apply(&old);
    assert_eq!(scenario.of("a").state, RunState::Running);
    assert!(scenario.plan(&old).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With any containers running, any desired state, and the apply and then the undo interrupted at any step.
    #[test]
    fn an_undo_restores_the_previous_state(
        (from, to) in random_edit(),
        (wished, wanted) in (wish(), wish()),
        deeds in deeds(),
        (last, cut) in (0..60_usize, 0..60_usize),
    ) {
        let mut scenario = applied(&wished.of(stack(&from)), &deeds);
        let second = wanted.of(stack(&to));
        let (before, was) = (scenario.before(&second), state(&scenario));
        let plan = scenario.plan(&second);
        let apply = carry_out_undoable(&mut scenario, &plan, last);
        roll_back(&mut scenario, &before, &[apply], cut);
        prop_assert_eq!(state(&scenario), was);
    }

    /// A second apply that resumed the first is rolled back together with it.
    #[test]
    fn an_apply_that_resumed_another_is_rolled_back_to_before_the_first(
        ((from, to), then) in (random_edit(), random_stack()),
        deeds in deeds(),
        (last, again, cut) in (0..60_usize, 0..60_usize, 0..60_usize),
    ) {
        let mut scenario = applied(&stack(&from), &deeds);
        let (second, third) = (stack(&to), stack(&then));
        let (before, was) = (scenario.before(&second), state(&scenario));
        let plan = scenario.plan(&second);
        let first = carry_out_undoable(&mut scenario, &plan, last);
        let plan = scenario.plan(&third);
        let resumed = carry_out_undoable(&mut scenario, &plan, again);
        roll_back(&mut scenario, &before, &[first, resumed], cut);
        prop_assert_eq!(state(&scenario), was);
    }

    /// A rolled-back stack can be applied again.
    #[test]
    fn after_an_undo_the_next_apply_converges(
        (from, to) in random_edit(),
        last in 0..60_usize,
    ) {
        let mut scenario = applied(&stack(&from), &[]);
        let second = stack(&to);
        let before = scenario.before(&second);
        let plan = scenario.plan(&second);
        let apply = carry_out_undoable(&mut scenario, &plan, last);
        roll_back(&mut scenario, &before, &[apply], usize::MAX);
        scenario.apply(&second);
        prop_assert!(scenario.plan(&second).is_empty());
    }
}

#[test]
fn an_undo_proceeds_in_the_order_that_loses_least() {
    let mut scenario = applied(&stack(SHOP), &[]);
    let edited = SHOP.replace("A: \"1\"", "A: \"2\"").replace("8080:80", "8081:80");
    let edited = stack(&format!("{edited}zoo: {{template: t, volumes: [\"animals:/a\"]}}"));
    let before = scenario.before(&edited);
    let plan = scenario.plan(&edited);
    let apply = scenario.carry_out_until(&plan, undoable(&plan));
    let undo = scenario.undo(&before, &[apply]);
    scenario.make(&undo.steps, undo.steps.len());
    insta::assert_snapshot!(undo.trace(), @"
    #0 zoo: stop [c6] {undo}
    #1 web: stop [c5] {undo}
    #2 db: stop [c7] {undo}
    #3 web: remove container devarch-shop-web [c5] {undo} after #1
    #4 zoo: remove container devarch-shop-zoo [c6] {undo} after #0
    #5 db: remove container devarch-shop-db [c7] {undo} after #2
    #6 web: rename to devarch-shop-web [c1] {undo} after #3
    #7 db: rename to devarch-shop-db [c4] {undo} after #5
    #8 db: start [c4] {undo} after #0 #1 #2 #7
    #9 db: wait until it is healthy [c4] {undo} after #8
    #10 web: start [c1] {undo} after #0 #1 #2 #6
    #11 see that everything still runs [web c1 runs, never restarted] {undo} after #4 #9 #10
    ");
    assert_eq!(undo.kept_volumes, [PhysicalVolume::from_stored("devarch-shop-zoo-animals")]);
}

#[test]
fn swapped_names_are_swapped_back() {
    let mut scenario = applied(&stack("a: {template: t}\nb: {template: t}\nc: {template: t}"), &[]);
    let shop = stack("a: {template: t}\nb: {template: t}\nc: {template: t}");
    let (before, was) = (scenario.before(&shop), state(&scenario));
    for container in &mut scenario.observed.containers {
        let (stem, last) = container.name.as_str().split_at(container.name.as_str().len() - 1);
        let next = match last {
            "a" => "b",
            "b" => "c",
            _ => "a",
        };
        container.name = ContainerName::from_stored(format!("{stem}{next}"));
    }
    roll_back(&mut scenario, &before, &[], 2);
    assert_eq!(state(&scenario), was);
}

#[test]
fn objects_that_cannot_be_restored_are_reported() {
    let mut scenario = applied(&stack(SHOP), &[]);
    let before = scenario.before(&stack(SHOP));
    scenario.of("db").networks.clear();
    scenario.of("db").name = ContainerName::from_stored("elsewhere");
    scenario.of("api").name = ContainerName::from_stored("devarch-shop-db");
    scenario.of("db").id = ContainerId::new("theirs");
    scenario.observed.containers.retain(|container| container.name.as_str() != "devarch-shop-web");
    let undo = scenario.undo(&before, &[]);
    insta::assert_snapshot!(undo.lost.join("\n"), @"
    container devarch-shop-web was removed; `devarch up` creates it again
    container devarch-shop-api was removed; `devarch up` creates it again
    container elsewhere cannot be renamed back to devarch-shop-db: another container has that name
    ");
    scenario.make(&undo.steps, undo.steps.len());
}

#[test]
fn a_container_whose_stop_may_be_in_progress_is_stopped_and_started() {
    let mut scenario = applied(&stack(SHOP), &[]);
    let (before, was) = (scenario.before(&stack(SHOP)), state(&scenario));
    let uncertain = ["api", "migrate"].map(|name| scenario.of(name).id.clone());
    let undo = undo(
        &before,
        Seen { observed: &scenario.observed, ownership: &scenario.remembered.ownership },
        &BTreeSet::new(),
        &uncertain.into(),
        &[],
    );
    scenario.make(&undo.steps, undo.steps.len());
    insta::assert_snapshot!(undo.trace(), @"
    #0 api: stop [c2] {undo}
    #1 migrate: stop [c3] {undo} after #0
    #2 api: start [c2] {undo} after #0 #1
    #3 see that everything still runs [api c2 runs, never restarted] {undo} after #2
    ");
    assert_eq!(state(&scenario), was);
}

#[test]
fn a_volume_and_another_stacks_container_are_never_touched() {
    let mut scenario = applied(&stack(SHOP), &[]);
    let before = scenario.before(&stack(SHOP));
    let mut others = scenario.of("web").clone();
    others.id = ContainerId::new("theirs");
    others.name = ContainerName::from_stored("devarch-other-web");
    others.labels.insert(label::STACK_ID.to_owned(), "stack-2".to_owned());
    scenario.observed.containers.push(others);
    let undo = scenario.undo(&before, &[ApplyId::new("apply-1")]);
    assert!(undo.steps.is_empty(), "{:#?}", undo.steps);
}
