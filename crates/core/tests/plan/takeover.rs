//! Data of an instance that went, and the values that belong to it: kept as they were last used, and given back.

use crate::support::{Scenario, name, stack};
use devarch_core::{
    desired::effective,
    environment::Ids,
    id::{InstanceId, SecretId, StackId},
    kept::{KeptValues, LastUse, Recipient, give_back},
    name::PhysicalVolume,
    plan::{
        AppliedSpec, GivenBack, KeptData, Plan, PlanError, PlanOptions, SpecState, TextOptions, plan,
        plan_text,
    },
    secret::{KeptSecret, SecretValue, Undecryptable},
    stack::Stack,
    template::EnvValue,
};
use std::collections::{BTreeMap, BTreeSet};

const DB: &str = "db: {template: t, volumes: [\"data:/data\"], environment: {PASSWORD: {generate: 20}, \
    URL: \"pg://u:${secret:PW}@h\", OWN: {value: written, secret: true}, USER: ann}}";
const DATA: &str = "devarch-shop-db-data";

/// Ids in a row.
#[derive(Debug)]
struct Fresh;

impl Ids for Fresh {
    fn fresh(&self) -> String {
        "fresh".to_owned()
    }
}

fn secret(value: &str) -> KeptSecret {
    KeptSecret { id: SecretId::new("secret"), value: SecretValue::new(value), changed_at: 1 }
}

/// A stack in which DevArch made that password, and the user set that secret.
fn shop(made: &str, set: Option<&str>) -> Stack {
    let mut shop = stack(DB);
    let db = shop.instances.get_mut(&name("db")).unwrap();
    db.generated.insert("PASSWORD".to_owned(), secret(made));
    shop.secrets = set.map(|set| ("PW".parse().unwrap(), secret(set))).into_iter().collect();
    shop
}

/// What a container with these values is remembered by.
fn remembered(shop: &Stack) -> AppliedSpec {
    let desired = Scenario::new().desire(shop);
    let made = desired.made(&name("db"), &desired.instances[&name("db")]).unwrap();
    AppliedSpec::read(made.hash.clone(), &made.memory().unwrap(), SpecState::Completed).unwrap()
}

fn last_values(shop: &Stack, applied: &AppliedSpec) -> KeptValues {
    let instance = &shop.instances[&name("db")];
    let config = &effective(shop)[&name("db")];
    LastUse { stack: shop, instance, config, applied }.values(BTreeMap::new())
}

fn shown(values: &KeptValues) -> String {
    let shown = |value: &SecretValue| match value.open() {
        Ok(secret) => secret.reveal().to_owned(),
        Err(why) => format!("{why:?}"),
    };
    let variables = values.environment.iter().map(|(name, value)| format!("{name}={}", shown(value)));
    let secrets = values.secrets.iter().map(|(name, value)| format!("secret {name}={}", shown(value)));
    variables.chain(secrets).collect::<Vec<_>>().join(", ")
}

#[test]
fn what_was_edited_since_the_last_apply_is_not_what_a_volume_was_used_with() {
    let applied = remembered(&shop("first", Some("set")));
    let edited = shop("second", Some("set later"));
    assert_eq!(shown(&last_values(&edited, &applied)), "OWN=written, PASSWORD=first, secret PW=set");
}

#[test]
fn values_that_were_given_up_with_their_key_are_kept_as_such() {
    let applied =
        AppliedSpec { secrets: Err(Undecryptable::GivenUp), ..remembered(&shop("first", Some("set"))) };
    let values = last_values(&shop("second", Some("set later")), &applied);
    assert_eq!(shown(&values), "OWN=GivenUp, PASSWORD=GivenUp, secret PW=GivenUp");
    assert_eq!(values.locked(), None, "that they are gone is all there is to know");
}

fn given_back(shop: &mut Stack, (is_new, stack_is_new): (bool, bool), kept: &KeptValues) -> GivenBack {
    let db = name("db");
    let consumers = BTreeSet::from([(name("web"), "db".to_owned())]);
    let to = Recipient { name: &db, is_new, stack_is_new, consumers, now: 2, ids: &Fresh };
    give_back(shop, &to, kept)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn values_of(shop: &Stack) -> String {
    let db = &shop.instances[&name("db")];
    let reveal = |kept: &KeptSecret| kept.value.open().unwrap().reveal().to_owned();
    let made = db.generated.iter().map(|(key, kept)| format!("{key}={}", reveal(kept)));
    let set = shop.secrets.iter().map(|(key, kept)| format!("secret {key}={}", reveal(kept)));
    made.chain(set).collect::<Vec<_>>().join(", ")
}

fn kept() -> KeptValues {
    let first = shop("first", Some("set"));
    last_values(&first, &remembered(&first))
}

#[test]
fn a_new_instance_gets_the_values_its_volume_was_last_used_with() {
    let mut again = shop("second", None);
    let given = given_back(&mut again, (true, true), &kept());
    assert_eq!(given.same, names(&["OWN", "PASSWORD", "secret PW"]));
    assert_eq!((given.new, given.other), (vec![], vec![]));
    assert_eq!(values_of(&again), "PASSWORD=first, secret PW=set");
    assert_eq!(remembered(&again).hash, remembered(&shop("first", Some("set"))).hash);
    let twice = given_back(&mut again, (true, true), &kept());
    assert_eq!(twice.same, given.same, "given back again it is the same");
}

#[test]
fn a_value_that_the_definition_gives_itself_wins() {
    let mut again = shop("second", Some("set anew"));
    let db = again.instances.get_mut(&name("db")).unwrap();
    let said = db.overrides.service.environment.as_mut().unwrap();
    said.insert("OWN".to_owned(), EnvValue::secret("another"));
    let given = given_back(&mut again, (true, true), &kept());
    assert_eq!((given.same, given.other), (names(&["PASSWORD"]), names(&["OWN", "secret PW"])));
    assert_eq!(values_of(&again), "PASSWORD=first, secret PW=set anew");
}

#[test]
fn an_instance_that_other_data_depends_on_keeps_its_values() {
    let mut lives = shop("second", Some("set"));
    let given = given_back(&mut lives, (false, false), &kept());
    assert_eq!((given.same, given.other), (names(&["OWN", "secret PW"]), names(&["PASSWORD"])));
    assert_eq!(values_of(&lives), "PASSWORD=second, secret PW=set");
}

#[test]
fn what_nobody_knows_any_more_is_new() {
    let mut again = shop("second", Some("set"));
    let given = given_back(&mut again, (true, true), &KeptValues::default());
    assert_eq!(given, GivenBack { new: names(&["PASSWORD"]), ..GivenBack::default() });
    assert_eq!(values_of(&again), "PASSWORD=second, secret PW=set");
}

#[test]
fn of_a_container_that_was_only_looked_at_its_environment_is_enough() {
    let seen = [("PASSWORD", "first"), ("URL", "pg://u:set@h"), ("USER", "bob"), ("PATH", "/bin")];
    let seen = seen.map(|(name, value)| (name.to_owned(), SecretValue::new(value)));
    let seen = KeptValues { environment: BTreeMap::from(seen), ..KeptValues::default() };
    let mut again = shop("second", None);
    let given = given_back(&mut again, (true, true), &seen);
    assert_eq!((given.same, given.other), (names(&["PASSWORD", "secret PW"]), names(&["USER"])));
    assert_eq!(values_of(&again), "PASSWORD=first, secret PW=set");
}

#[test]
fn a_login_comes_back_with_its_name() {
    let key = |name: &str| format!("own db {name}");
    let mut again = stack(&format!("{DB}\nweb: {{template: t}}"));
    let web = again.instances.get_mut(&name("web")).unwrap();
    web.generated.insert(key("web_db"), secret("new"));
    let logins = BTreeMap::from([(key("shop_db"), SecretValue::new("old"))]);
    let kept = KeptValues { logins: BTreeMap::from([(name("web"), logins)]), ..KeptValues::default() };
    assert_eq!(given_back(&mut again, (true, true), &kept).same, names(&["login shop_db"]));
    let made = &again.instances[&name("web")].generated;
    assert_eq!(made.keys().collect::<Vec<_>>(), [&key("shop_db")]);
    assert_eq!(made[&key("shop_db")].value, SecretValue::new("old"));
}

/// The volume of a stack of the same name that was deleted.
fn left_behind() -> Scenario {
    let mut scenario = Scenario::new();
    let mut first = shop("first", Some("set"));
    first.id = StackId::new("stack-0");
    first.instances.get_mut(&name("db")).unwrap().id = InstanceId::new("id-old");
    scenario.apply(&first);
    scenario.observed.containers.clear();
    scenario.observed.networks.clear();
    scenario.remembered.applied.clear();
    scenario
}

fn reused(scenario: &Scenario) -> Plan {
    let options = PlanOptions { reuse_volumes: true, ..PlanOptions::default() };
    scenario.plan_with(&shop("first", Some("set")), &options)
}

#[test]
fn a_plan_says_whose_data_is_taken_over_and_with_which_values() {
    let mut scenario = left_behind();
    let refused = plan(
        &scenario.desire(&shop("second", Some("set"))),
        &scenario.observed,
        &scenario.remembered,
        &PlanOptions::default(),
    );
    assert!(matches!(refused, Err(PlanError::Conflicts { .. })), "not without being told");
    let values =
        GivenBack { same: names(&["PASSWORD"]), new: names(&["TOKEN"]), other: names(&["secret PW"]) };
    let kept = KeptData { of: Some("old/db".to_owned()), values };
    scenario.remembered.kept = BTreeMap::from([(PhysicalVolume::from_stored(DATA), kept)]);
    let plan = reused(&scenario);
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-net  will be created
    +   db  will be created
          image busybox:1

    note: db takes over volume devarch-shop-db-data with the data of 'old/db'; as last used with it: PASSWORD
    warning: db.volumes: TOKEN is new; volume devarch-shop-db-data may expect what it was last used with, which is not known
    warning: db.volumes: the definition has other values for secret PW than volume devarch-shop-db-data was last used with; its data may not accept them

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    scenario.carry_out(&plan);
    scenario.remembered.kept.clear();
    assert!(reused(&scenario).takeovers.is_empty(), "what was taken over is its own");
}

#[test]
fn a_volume_that_nobody_remembers_is_named_by_its_labels() {
    let takeovers = reused(&left_behind()).takeovers;
    assert_eq!((takeovers[0].of.as_str(), takeovers[0].of_another_home), ("shop/db", false));
}
