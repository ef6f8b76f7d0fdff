//! With snapshots, data is copied before another image writes to it, and an undo restores it.

use crate::{
    promises::SHOP,
    random::{Deed, deeds, meddle, random_edit, random_stack},
    support::{Scenario, name, stack},
};
use devarch_core::{
    id::{ApplyId, ContainerId},
    name::{ContainerName, PhysicalVolume},
    observed::RunState,
    plan::{Action, Before, Plan, PlanOptions, StepId, TextOptions, VolumeCopy, plan_text},
    spec::label,
    stack::Stack,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const DATA: &str = "devarch-shop-db-data";

/// Returns a stack in which every image has changed.
fn with_another_image(text: &str, deeds: &[Deed]) -> Scenario {
    let mut scenario = Scenario::new();
    scenario.apply(&stack(text));
    meddle(&mut scenario, deeds);
    scenario.add_image("busybox:1", "sha256:eeeeeeeeeeeeeeee");
    scenario
}

fn plan(scenario: &Scenario, stack: &Stack) -> Plan {
    scenario.plan_with(stack, &PlanOptions { snapshot: true, ..PlanOptions::default() })
}

/// Returns a plan that resumes an interrupted apply and its copies.
fn resume(scenario: &mut Scenario, stack: &Stack, snapshot: bool) -> Plan {
    let there = scenario.observed.volumes.keys().map(PhysicalVolume::from_stored);
    scenario.remembered.spent_copies = there.filter(PhysicalVolume::is_copy).collect();
    scenario.plan_with(stack, &PlanOptions { snapshot, ..PlanOptions::default() })
}

fn copies(plan: &Plan) -> Vec<VolumeCopy> {
    plan.changes.iter().flat_map(|change| change.copies.clone()).collect()
}

/// Carries out the steps before the first cleanup, or the first of them.
fn carry_out_undoable(scenario: &mut Scenario, plan: &Plan, last: usize) -> ApplyId {
    let undoable = plan.steps.iter().filter(|step| !step.action.is_cleanup()).count();
    scenario.carry_out_until(plan, last.min(undoable))
}

/// Rolls back, in two runs if the first is interrupted; afterwards nothing is left to undo.
fn roll_back(scenario: &mut Scenario, before: &Before, applies: &[ApplyId], cut: usize) {
    let first = scenario.undo(before, applies);
    scenario.make(&first.steps, cut % (first.steps.len() + 1));
    let second = scenario.undo(before, applies);
    scenario.make(&second.steps, second.steps.len());
    let again = scenario.undo(before, applies);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
    assert!(again.kept_volumes.iter().all(|volume| !volume.is_copy()));
}

/// Returns the content of the volumes that a plan copies.
fn contents_of(scenario: &Scenario, copies: &[VolumeCopy]) -> BTreeMap<String, Vec<String>> {
    let content = |volume: &str| {
        let writers = scenario.contents.get(volume).into_iter().flatten();
        writers.map(ToString::to_string).collect()
    };
    copies.iter().map(|copy| (copy.from.to_string(), content(copy.from.as_str()))).collect()
}

fn no_copy_is_left(scenario: &Scenario) -> bool {
    scenario.observed.volumes.keys().all(|name| !PhysicalVolume::from_stored(name).is_copy())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With the apply and then the undo interrupted at any step.
    #[test]
    fn an_undo_restores_the_content_of_volumes(
        (from, to) in random_edit(),
        deeds in deeds(),
        (last, cut) in (0..60_usize, 0..60_usize),
    ) {
        let mut scenario = with_another_image(&from, &deeds);
        let second = stack(&to);
        let before = scenario.before(&second);
        let plan = plan(&scenario, &second);
        prop_assert!(plan.changes.iter().all(|change| !change.may_change_data));
        let (copies, was) = (copies(&plan), contents_of(&scenario, &copies(&plan)));
        let apply = carry_out_undoable(&mut scenario, &plan, last);
        roll_back(&mut scenario, &before, &[apply], cut);
        prop_assert_eq!(contents_of(&scenario, &copies), was);
        prop_assert!(no_copy_is_left(&scenario));
    }

    /// The copies of the first apply are older than those of the second.
    #[test]
    fn an_undo_of_two_applies_restores_the_volumes_from_before_the_first(
        ((from, to), then) in (random_edit(), random_stack()),
        (last, again, cut) in (0..60_usize, 0..60_usize, 0..60_usize),
    ) {
        let mut scenario = with_another_image(&from, &[]);
        let (second, third) = (stack(&to), stack(&then));
        let before = scenario.before(&second);
        let first = plan(&scenario, &second);
        let (copies, was) = (copies(&first), contents_of(&scenario, &copies(&first)));
        let first = carry_out_undoable(&mut scenario, &first, last);
        scenario.add_image("busybox:1", "sha256:ffffffffffffffff");
        let resumed = resume(&mut scenario, &third, true);
        let resumed = carry_out_undoable(&mut scenario, &resumed, again);
        roll_back(&mut scenario, &before, &[first, resumed], cut);
        prop_assert_eq!(contents_of(&scenario, &copies), was);
        prop_assert!(no_copy_is_left(&scenario));
    }

    /// Also if the second apply completes: neither can be undone any more.
    #[test]
    fn an_apply_that_resumed_another_leaves_no_copy(
        ((from, to), then) in (random_edit(), random_stack()),
        (last, again) in (0..60_usize, any::<bool>()),
    ) {
        let mut scenario = with_another_image(&from, &[]);
        let (second, third) = (stack(&to), stack(&then));
        let first = plan(&scenario, &second);
        carry_out_undoable(&mut scenario, &first, last);
        let resumed = resume(&mut scenario, &third, again);
        scenario.carry_out(&resumed);
        prop_assert!(no_copy_is_left(&scenario));
        prop_assert!(resume(&mut scenario, &third, again).is_empty());
    }

    /// A completed apply leaves no copy and the desired state.
    #[test]
    fn a_copy_is_removed_when_everything_is_ready((from, to) in random_edit(), deeds in deeds()) {
        let mut scenario = with_another_image(&from, &deeds);
        let second = stack(&to);
        let plan = plan(&scenario, &second);
        scenario.carry_out(&plan);
        prop_assert!(no_copy_is_left(&scenario));
        prop_assert!(scenario.plan(&second).is_empty());
    }
}

#[test]
fn a_plan_shows_which_data_is_copied() {
    let scenario = with_another_image(SHOP, &[]);
    let plan = plan(&scenario, &stack(SHOP));
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa)
    -/+ db  will be replaced (its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa)
          ! another image writes to volume devarch-shop-db-data: the data is copied first
    -/+ migrate  will be replaced (its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa)
    -/+ web  will be replaced (its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa)

    Plan: 0 to create, 0 to change, 4 to replace, 0 to remove.
    ");
    let data: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::CopyVolume(_) | Action::RemoveVolume { .. }))
        .map(|step| step.action.to_string())
        .collect();
    insta::assert_snapshot!(data.join("\n"), @"
    copy volume devarch-shop-db-data to devarch-shop-db-data.snapshot
    remove volume devarch-shop-db-data.snapshot
    ");
}

#[test]
fn data_is_copied_while_nothing_runs_on_it_and_restored_before_anything_does() {
    let mut scenario = with_another_image("db: {template: t, volumes: [\"data:/data\"]}", &[]);
    let shop = stack("db: {template: t, volumes: [\"data:/data\"]}");
    let before = scenario.before(&shop);
    let plan = plan(&scenario, &shop);
    let apply = carry_out_undoable(&mut scenario, &plan, usize::MAX);
    let undo = scenario.undo(&before, &[apply]);
    scenario.make(&undo.steps, undo.steps.len());
    insta::assert_snapshot!([plan.trace(), undo.trace()].join("\n"), @"
    #0 db: create container devarch-shop-db.next {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa}
    #1 db: create volume devarch-shop-db-data.snapshot {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa}
    #2 db: stop [c1] {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #0 #1
    #3 db: copy volume devarch-shop-db-data to devarch-shop-db-data.snapshot {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #0 #1 #2
    #4 db: rename to devarch-shop-db.old [c1] {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #0 #1 #2
    #5 db: rename to devarch-shop-db [#0] {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #4
    #6 db: start [#0] {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #2 #3 #5
    #7 see that everything still runs [db #0 runs; db #0 is of sha256:eeeeeeeeeeeeeeee] {commit} after #6
    #8 db: remove container devarch-shop-db.old [c1] {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #7
    #9 db: remove volume devarch-shop-db-data.snapshot {-/+ db: its image tag is now sha256:eeeeeeeeeeee instead of sha256:aaaaaaaaaaaa} after #7

    #0 db: stop [c2] {undo}
    #1 db: remove container devarch-shop-db [c2] {undo} after #0
    #2 db: rename to devarch-shop-db [c1] {undo} after #1
    #3 copy volume devarch-shop-db-data.snapshot to devarch-shop-db-data {undo} after #1
    #4 remove volume devarch-shop-db-data.snapshot {undo} after #3
    #5 db: start [c1] {undo} after #0 #2 #4
    #6 see that everything still runs [db c1 runs, never restarted] {undo} after #5
    ");
}

#[test]
fn an_incomplete_copy_is_never_restored() {
    let mut scenario = with_another_image(SHOP, &[]);
    let before = scenario.before(&stack(SHOP));
    let plan = plan(&scenario, &stack(SHOP));
    let was = scenario.contents.clone();
    let copying = plan.steps.iter().position(|step| matches!(step.action, Action::CopyVolume(_))).unwrap();
    let apply = scenario.carry_out_until(&plan, copying);
    scenario.copies.clear();
    scenario.contents.insert(format!("{DATA}.snapshot"), [].into());
    roll_back(&mut scenario, &before, &[apply], usize::MAX);
    assert_eq!(scenario.contents[DATA], was[DATA]);
    assert!(no_copy_is_left(&scenario));
}

#[test]
fn a_copy_whose_volume_is_gone_is_kept_and_reported() {
    let mut scenario = with_another_image(SHOP, &[]);
    let before = scenario.before(&stack(SHOP));
    let plan = plan(&scenario, &stack(SHOP));
    let apply = carry_out_undoable(&mut scenario, &plan, usize::MAX);
    scenario.observed.containers.retain(|container| !container.volumes.contains(DATA));
    scenario.observed.volumes.remove(DATA);
    let undo = scenario.undo(&before, &[apply]);
    assert!(undo.steps.iter().all(|step| !matches!(step.action, Action::RemoveVolume { .. })));
    insta::assert_snapshot!(undo.lost.join("\n"), @"
    container devarch-shop-db was removed; `devarch up` creates it again
    volume devarch-shop-db-data was removed; its copy devarch-shop-db-data.snapshot is kept
    ");
}

#[test]
fn a_copy_that_an_undo_might_need_is_listed_and_kept() {
    let mut scenario = with_another_image(SHOP, &[]);
    let plan = plan(&scenario, &stack(SHOP));
    carry_out_undoable(&mut scenario, &plan, usize::MAX);
    let next = scenario.plan(&stack(SHOP));
    let text = plan_text(&next, TextOptions::default());
    let note = format!(
        "note: volume {DATA}.snapshot is a copy of data made by an earlier apply; it is kept until you remove it\n"
    );
    assert!(text.contains(&note), "{text}");
    scenario.carry_out(&next);
    assert!(scenario.observed.volumes.contains_key(&format!("{DATA}.snapshot")));
}

#[test]
fn a_plan_that_resumes_an_interrupted_apply_removes_its_copies_last() {
    let mut scenario = with_another_image(SHOP, &[]);
    let first = plan(&scenario, &stack(SHOP));
    carry_out_undoable(&mut scenario, &first, usize::MAX);
    let resumed = resume(&mut scenario, &stack(SHOP), false);
    insta::assert_snapshot!(plan_text(&resumed, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   volume devarch-shop-db-data.snapshot  will be removed (copied by an earlier apply and no longer needed)
    -   container devarch-shop-api.old  will be removed (left over from an apply that did not finish)
    -   container devarch-shop-db.old  will be removed (left over from an apply that did not finish)
    -   container devarch-shop-migrate.old  will be removed (left over from an apply that did not finish)
    -   container devarch-shop-web.old  will be removed (left over from an apply that did not finish)

    Plan: 0 to create, 0 to change, 0 to replace, 4 to remove.
    ");
    scenario.done.clear();
    scenario.carry_out(&resumed);
    let last =
        scenario.done.iter().rposition(|done| done.contains("wait until") || done.contains("see that"));
    let removed = scenario.done.iter().position(|done| *done == format!("remove volume {DATA}.snapshot"));
    assert!(last < removed, "{:#?}", scenario.done);
}

/// Leaves a copy container on the engine, as an apply killed during the copy does.
fn leave_copier(scenario: &mut Scenario, volume: &PhysicalVolume) {
    let mut copier = scenario.of("db").clone();
    copier.id = ContainerId::new("copier");
    copier.name = ContainerName::from_stored(format!("{volume}{}", label::COPIER_SUFFIX));
    copier.state = RunState::Exited;
    copier.labels = scenario.observed.volumes[volume.as_str()].clone();
    copier.labels.insert(label::COPIER.to_owned(), "true".to_owned());
    copier.volumes = [DATA.to_owned(), volume.to_string()].into();
    copier.networks.clear();
    copier.ports.clear();
    scenario.observed.containers.push(copier);
    let instance = stack(SHOP).instances[&name("db")].id.clone();
    scenario.remembered.ownership.remember_volume(DATA, instance);
}

/// An engine keeps a volume that a container uses, even if that has exited.
#[test]
fn a_copy_is_removed_after_the_container_that_was_filling_it_when_its_apply_was_killed() {
    let mut scenario = with_another_image(SHOP, &[]);
    let first = plan(&scenario, &stack(SHOP));
    carry_out_undoable(&mut scenario, &first, usize::MAX);
    let copy = PhysicalVolume::from_stored(DATA).copy(1);
    leave_copier(&mut scenario, &copy);
    let resumed = resume(&mut scenario, &stack(SHOP), false);
    let place = |action: &str| {
        let step = resumed.steps.iter().position(|step| step.action.to_string() == action);
        step.unwrap_or_else(|| panic!("no step {action}"))
    };
    let gone = StepId(place(&format!("remove container {copy}{}", label::COPIER_SUFFIX)));
    assert!(resumed.steps[place(&format!("remove volume {copy}"))].after.contains(&gone));
    scenario.carry_out(&resumed);
    assert!(no_copy_is_left(&scenario));
}

#[test]
fn the_last_copy_of_a_volume_that_is_gone_is_not_removed() {
    let mut scenario = with_another_image(SHOP, &[]);
    let first = plan(&scenario, &stack(SHOP));
    carry_out_undoable(&mut scenario, &first, usize::MAX);
    scenario.observed.containers.retain(|container| !container.volumes.contains(DATA));
    scenario.observed.volumes.remove(DATA);
    let resumed = resume(&mut scenario, &stack(SHOP), false);
    scenario.carry_out(&resumed);
    assert!(scenario.observed.volumes.contains_key(&format!("{DATA}.snapshot")));
}
