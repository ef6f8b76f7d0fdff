//! The record that an undo is based on, which later programs can read.

use crate::{
    random::random_edit,
    support::{Scenario, stack},
};
use devarch_core::{
    id::{ContainerId, InstanceId},
    ownership::Seen,
    plan::{Before, Undo, undo},
    spec::label,
    stack::Stack,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const FIRST: &str = include_str!("records/before-1.json");
const SECOND: &str = include_str!("records/before-2.json");

/// Converts the record to version 1, which has the names of instances instead of their ids; ids in these tests are
/// derived from names.
fn as_version_1(before: &Before) -> Before {
    let name = |id: &str| Value::from(id.trim_start_matches("id-"));
    let Value::Object(mut record) = serde_json::to_value(before).unwrap() else { panic!("no object") };
    record.remove("version").unwrap();
    let Value::Object(instances) = record.remove("instances").unwrap() else { panic!("no object") };
    for container in record["containers"].as_array_mut().unwrap() {
        container["instance"] = name(container["instance"].as_str().unwrap());
        let needs = container["depends_on"].as_object_mut().unwrap();
        *needs = std::mem::take(needs).into_iter().map(|(id, need)| (of(&name(&id)), need)).collect();
    }
    let wanted = instances.into_values().map(|instance| {
        let needs = instance["needs"].as_array().unwrap().iter().map(|id| name(id.as_str().unwrap()));
        (of(&instance["name"]), needs.collect::<Vec<_>>().into())
    });
    record.insert("wanted".to_owned(), wanted.collect::<Map<_, _>>().into());
    serde_json::from_value(record.into()).unwrap()
}

fn of(name: &Value) -> String {
    name.as_str().unwrap().to_owned()
}

/// Returns an undo for which every container may have been stopping.
fn restarted(scenario: &Scenario, before: &Before) -> Undo {
    let all: BTreeSet<ContainerId> = scenario.observed.containers.iter().map(|c| c.id.clone()).collect();
    let seen = Seen { observed: &scenario.observed, ownership: &scenario.remembered.ownership };
    undo(before, seen, &BTreeSet::new(), &all, &[])
}

fn descriptions(undo: &Undo) -> Vec<String> {
    let step = |step: &devarch_core::plan::Step| {
        let who = step.instance.as_ref().map_or(String::new(), |name| format!("{name}: "));
        format!("{who}{}", step.action)
    };
    undo.steps.iter().map(step).collect()
}

/// Returns a stack whose instance `db` was renamed to `data`.
fn renamed() -> Stack {
    let mut stack = stack("data: {template: t}\nweb: {template: t, depends_on: [data]}");
    stack.instances.get_mut(&"data".parse().unwrap()).unwrap().id = InstanceId::new("id-db");
    stack
}

#[test]
fn a_record_without_a_version_identifies_instances_by_name() {
    let before: Before = serde_json::from_str(FIRST).unwrap();
    let written: Value = serde_json::to_value(&before).unwrap();
    assert_eq!((&written["version"], &written["label"]), (&json!(2), &json!("name")));
    assert_eq!(written["containers"], serde_json::from_str::<Value>(FIRST).unwrap()["containers"]);
    assert_eq!(
        written["instances"],
        json!({"late": {"name": "late", "needs": ["web"]}, "web": {"name": "web", "needs": []}})
    );
    assert_eq!(
        serde_json::from_value::<Before>(written).unwrap(),
        before,
        "an apply that takes over keeps it"
    );
}

#[test]
fn a_record_is_written_in_version_2() {
    let before: Before = serde_json::from_str(SECOND).unwrap();
    assert_eq!(serde_json::to_string(&before).unwrap(), SECOND);
}

#[test]
fn a_record_of_a_newer_version_is_refused() {
    let newer = SECOND.replacen("\"version\":2", "\"version\":3", 1);
    let refused = serde_json::from_str::<Before>(&newer).unwrap_err().to_string();
    assert!(refused.contains("newer devarch (form 3, this one knows 2)"), "{refused}");
}

#[test]
fn an_undo_identifies_instances_by_id_whatever_their_name_labels() {
    let mut scenario = Scenario::new();
    let shop =
        stack("a: {template: t, depends_on: [b]}\nb: {template: t, depends_on: [c]}\nc: {template: t}");
    scenario.apply(&shop);
    let before = scenario.before(&shop);
    let expected = restarted(&scenario, &before);
    for container in &mut scenario.observed.containers {
        container.labels.insert(label::INSTANCE_NAME.to_owned(), "c".to_owned());
    }
    assert_eq!(restarted(&scenario, &before), expected);
    assert_eq!(restarted(&scenario, &scenario.before(&shop)), expected);
    insta::assert_snapshot!(descriptions(&expected).join("\n"), @"
    a: stop
    b: stop
    c: stop
    c: start
    b: start
    a: start
    see that everything still runs
    ");
}

#[test]
fn a_consumer_waits_for_its_provider_under_its_new_name() {
    let mut scenario = Scenario::new();
    scenario.apply(&stack("db: {template: t}\nweb: {template: t, depends_on: [db]}"));
    let undo = restarted(&scenario, &scenario.before(&renamed()));
    insta::assert_snapshot!(descriptions(&undo).join("\n"), @"
    web: stop
    data: stop
    data: start
    web: start
    see that everything still runs
    ");
    let place = |what: &str| descriptions(&undo).iter().position(|step| step == what).unwrap();
    let after: BTreeMap<usize, BTreeSet<usize>> =
        undo.steps.iter().map(|step| step.after.iter().map(|id| id.0).collect()).enumerate().collect();
    assert!(after[&place("data: stop")].contains(&place("web: stop")));
    assert!(after[&place("web: start")].contains(&place("data: start")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any edit, with the apply interrupted at any step.
    #[test]
    fn an_undo_from_a_version_1_record_has_the_same_result((from, to) in random_edit(), last in 0..60_usize) {
        let mut scenario = Scenario::new();
        scenario.apply(&stack(&from));
        let second = stack(&to);
        let before = scenario.before(&second);
        let first = as_version_1(&before);
        let plan = scenario.plan(&second);
        let undoable = plan.steps.iter().filter(|step| !step.action.is_cleanup()).count();
        let apply = scenario.carry_out_until(&plan, last % (undoable + 1));
        let applies = std::slice::from_ref(&apply);
        prop_assert_eq!(scenario.undo(&first, applies), scenario.undo(&before, applies));
    }
}
