//! An apply that ended anywhere before its first cleanup is put back.

use crate::{
    promises::SHOP,
    random::{Deed, deeds, meddle, random_edit, random_stack, wish},
    support::{Paper, stack},
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

/// What an undo promises of a stack: its containers by id with name, whether they run and their networks, and its
/// networks. A paused container that is started again counts as one that runs.
type State = (BTreeMap<String, (String, bool, BTreeSet<String>)>, BTreeSet<String>);

fn state(paper: &Paper) -> State {
    let container = |c: &devarch_core::observed::ObservedContainer| {
        let runs = matches!(c.state, RunState::Running | RunState::Paused);
        (c.id.to_string(), (c.name.to_string(), runs, c.networks.keys().cloned().collect()))
    };
    let networks = paper.observed.networks.iter().map(|network| format!("{} {}", network.name, network.id));
    (paper.observed.containers.iter().map(container).collect(), networks.collect())
}

/// Carries a plan out until some step before its commit point.
fn half(paper: &mut Paper, plan: &Plan, last: usize) -> ApplyId {
    paper.carry_out_until(plan, last % (undoable(plan) + 1))
}

/// The number of steps before the commit point.
fn undoable(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| !step.action.is_cleanup()).count()
}

/// Puts back, in two goes if the first is cut off; after it there is nothing to put back.
fn put_back(paper: &mut Paper, before: &Before, applies: &[ApplyId], cut: usize) {
    let first = paper.undo(before, applies);
    assert_eq!(first.lost, Vec::<String>::new());
    paper.make(&first.steps, cut % (first.steps.len() + 1));
    let second = paper.undo(before, applies);
    paper.make(&second.steps, second.steps.len());
    let again = paper.undo(before, applies);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
}

fn applied(from: &Stack, deeds: &[Deed]) -> Paper {
    let mut paper = Paper::new();
    paper.apply(from);
    meddle(&mut paper, deeds);
    paper
}

#[test]
fn an_undo_leaves_what_cannot_be_started_any_more_and_puts_the_rest_back() {
    let mut paper = Paper::new();
    let (old, new) = (
        stack("a: {template: t}\nb: {template: t}"),
        stack("a: {template: t, tty: true}\nb: {template: t, tty: true}"),
    );
    paper.apply(&old);
    let before = paper.before(&new);
    let plan = paper.plan(&new);
    let apply = half(&mut paper, &plan, undoable(&plan));
    // Both replaced ones are stopped by now; of one the engine has lost track.
    let kept = |paper: &Paper| {
        paper.observed.containers.iter().find(|c| c.name.as_str().ends_with("-a.old")).map(|c| c.id.clone())
    };
    let stuck = kept(&paper).expect("a's predecessor");
    paper.container(&stuck).state = RunState::Stuck;
    let way_back = paper.undo(&before, std::slice::from_ref(&apply));
    assert_eq!(
        way_back.lost,
        ["container devarch-shop-a.old cannot be started again; `devarch up` replaces it"]
    );
    paper.make(&way_back.steps, way_back.steps.len());
    assert_eq!(paper.of("b").state, RunState::Running);
    assert_eq!(paper.of("a").id, stuck);
    assert!(paper.undo(&before, &[apply]).steps.is_empty());
    paper.apply(&old);
    assert_eq!(paper.of("a").state, RunState::Running);
    assert!(paper.plan(&old).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever ran, whatever was asked, wherever the apply and then the undo were cut off.
    #[test]
    fn what_there_was_is_there_again(
        (from, to) in random_edit(),
        (wished, wanted) in (wish(), wish()),
        deeds in deeds(),
        (last, cut) in (0..60_usize, 0..60_usize),
    ) {
        let mut paper = applied(&wished.of(stack(&from)), &deeds);
        let second = wanted.of(stack(&to));
        let (before, was) = (paper.before(&second), state(&paper));
        let plan = paper.plan(&second);
        let apply = half(&mut paper, &plan, last);
        put_back(&mut paper, &before, &[apply], cut);
        prop_assert_eq!(state(&paper), was);
    }

    /// A second apply that took over from the first is put back together with it.
    #[test]
    fn an_apply_that_resumed_another_is_put_back_to_before_the_first(
        ((from, to), then) in (random_edit(), random_stack()),
        deeds in deeds(),
        (last, again, cut) in (0..60_usize, 0..60_usize, 0..60_usize),
    ) {
        let mut paper = applied(&stack(&from), &deeds);
        let (second, third) = (stack(&to), stack(&then));
        let (before, was) = (paper.before(&second), state(&paper));
        let plan = paper.plan(&second);
        let first = half(&mut paper, &plan, last);
        let plan = paper.plan(&third);
        let resumed = half(&mut paper, &plan, again);
        put_back(&mut paper, &before, &[first, resumed], cut);
        prop_assert_eq!(state(&paper), was);
    }

    /// What was put back can be applied again.
    #[test]
    fn after_an_undo_the_next_apply_converges(
        (from, to) in random_edit(),
        last in 0..60_usize,
    ) {
        let mut paper = applied(&stack(&from), &[]);
        let second = stack(&to);
        let before = paper.before(&second);
        let plan = paper.plan(&second);
        let apply = half(&mut paper, &plan, last);
        put_back(&mut paper, &before, &[apply], usize::MAX);
        paper.apply(&second);
        prop_assert!(paper.plan(&second).is_empty());
    }
}

#[test]
fn an_undo_goes_in_the_order_that_loses_least() {
    let mut paper = applied(&stack(SHOP), &[]);
    let edited = SHOP.replace("A: \"1\"", "A: \"2\"").replace("8080:80", "8081:80");
    let edited = stack(&format!("{edited}zoo: {{template: t, volumes: [\"animals:/a\"]}}"));
    let before = paper.before(&edited);
    let plan = paper.plan(&edited);
    let apply = paper.carry_out_until(&plan, undoable(&plan));
    let undo = paper.undo(&before, &[apply]);
    paper.make(&undo.steps, undo.steps.len());
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
fn names_that_were_swapped_are_swapped_back() {
    let mut paper = applied(&stack("a: {template: t}\nb: {template: t}\nc: {template: t}"), &[]);
    let shop = stack("a: {template: t}\nb: {template: t}\nc: {template: t}");
    let (before, was) = (paper.before(&shop), state(&paper));
    for container in &mut paper.observed.containers {
        let (stem, last) = container.name.as_str().split_at(container.name.as_str().len() - 1);
        let next = match last {
            "a" => "b",
            "b" => "c",
            _ => "a",
        };
        container.name = ContainerName::from_stored(format!("{stem}{next}"));
    }
    put_back(&mut paper, &before, &[], 2);
    assert_eq!(state(&paper), was);
}

#[test]
fn what_can_not_be_put_back_is_told() {
    let mut paper = applied(&stack(SHOP), &[]);
    let before = paper.before(&stack(SHOP));
    paper.of("db").networks.clear();
    paper.of("db").name = ContainerName::from_stored("elsewhere");
    paper.of("api").name = ContainerName::from_stored("devarch-shop-db");
    paper.of("db").id = ContainerId::new("theirs");
    paper.observed.containers.retain(|container| container.name.as_str() != "devarch-shop-web");
    let undo = paper.undo(&before, &[]);
    insta::assert_snapshot!(undo.lost.join("\n"), @"
    container devarch-shop-web was removed; `devarch up` creates it again
    container devarch-shop-api was removed; `devarch up` creates it again
    container elsewhere cannot be renamed back to devarch-shop-db: another container has that name
    ");
    paper.make(&undo.steps, undo.steps.len());
}

#[test]
fn a_container_whose_stop_may_be_under_way_is_stopped_and_started() {
    let mut paper = applied(&stack(SHOP), &[]);
    let (before, was) = (paper.before(&stack(SHOP)), state(&paper));
    let uncertain = ["api", "migrate"].map(|name| paper.of(name).id.clone());
    let undo = undo(
        &before,
        Seen { observed: &paper.observed, ownership: &paper.remembered.ownership },
        &BTreeSet::new(),
        &uncertain.into(),
        &[],
    );
    paper.make(&undo.steps, undo.steps.len());
    insta::assert_snapshot!(undo.trace(), @"
    #0 api: stop [c2] {undo}
    #1 migrate: stop [c3] {undo} after #0
    #2 api: start [c2] {undo} after #0 #1
    #3 see that everything still runs [api c2 runs, never restarted] {undo} after #2
    ");
    assert_eq!(state(&paper), was);
}

#[test]
fn a_volume_and_another_stacks_container_are_never_touched() {
    let mut paper = applied(&stack(SHOP), &[]);
    let before = paper.before(&stack(SHOP));
    let mut others = paper.of("web").clone();
    others.id = ContainerId::new("theirs");
    others.name = ContainerName::from_stored("devarch-other-web");
    others.labels.insert(label::STACK_ID.to_owned(), "stack-2".to_owned());
    paper.observed.containers.push(others);
    let undo = paper.undo(&before, &[ApplyId::new("apply-1")]);
    assert!(undo.steps.is_empty(), "{:#?}", undo.steps);
}
