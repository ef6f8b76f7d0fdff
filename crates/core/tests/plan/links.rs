//! Links between stacks in plans: created with the consumer, kept when the provider is recreated, removed when an
//! apply is rolled back.

use crate::support::{Scenario, stack, stack_that_says};
use devarch_core::{
    desired::effective,
    id::{InstanceId, StackId},
    name::NetworkName,
    observed::{ObservedNetwork, RunState},
    plan::{PlanError, PlanOptions, TextOptions, plan, plan_text},
    resolve::{LinkedInstance, WireContext, wired},
    stack::{DesiredRun, Stack},
};
use std::collections::{BTreeMap, BTreeSet};

const DB: &str = "
db:
  template: t
  healthcheck: {test: [CMD, 'true']}
  exports: [{name: main, type: postgres, port: 5432, properties: {user: u, database: d}}]
";

const API: &str = "
api:
  template: t
  imports: [{name: db, type: postgres}]
";

const LINK: &str = "devarch-shop-api.infra-db";

fn infra() -> Stack {
    let mut infra = stack(DB);
    infra.name = "infra".parse().unwrap();
    infra.id = StackId::new("stack-2");
    infra.instances.values_mut().for_each(|instance| instance.id = InstanceId::new("infra-db"));
    infra
}

fn shop() -> Stack {
    stack_that_says("wires: [{from: api.db, to: infra/db}]", API)
}

/// An engine and the definitions of both stacks; nothing is running.
struct Two {
    scenario: Scenario,
}

impl Two {
    fn new() -> Self {
        let mut scenario = Scenario::new();
        let infra = infra();
        let nothing = BTreeMap::new();
        let context = WireContext { images: &BTreeMap::new(), prior: &BTreeMap::new(), others: &nothing };
        let wired = wired(&infra, effective(&infra), &context);
        let db = "db".parse().unwrap();
        let other = LinkedInstance::from_stack(&infra, &wired, &db).unwrap();
        scenario.others.insert((infra.name.clone(), db), other);
        scenario.links.insert(NetworkName::from_stored(LINK), "10.213.240.0/29".parse().unwrap());
        Self { scenario }
    }

    /// Runs a closure with the addresses of this stack.
    fn infra<T>(&mut self, what: impl FnOnce(&mut Scenario) -> T) -> T {
        self.scenario.subnet = "10.213.1.0/24".parse().unwrap();
        what(&mut self.scenario)
    }

    fn shop<T>(&mut self, what: impl FnOnce(&mut Scenario) -> T) -> T {
        self.scenario.subnet = "10.213.0.0/24".parse().unwrap();
        what(&mut self.scenario)
    }

    /// Returns the two stacks running.
    fn up() -> Self {
        let mut two = Self::new();
        two.infra(|scenario| scenario.apply(&infra()));
        two.shop(|scenario| scenario.apply(&shop()));
        two
    }

    /// Returns the networks, with the names of the running containers on each.
    fn picture(&self) -> BTreeMap<String, BTreeSet<String>> {
        let running = |network: &ObservedNetwork| {
            let on = self.scenario.observed.containers.iter().filter(|container| {
                container.state == RunState::Running && container.networks.contains_key(&network.name)
            });
            on.map(|container| container.name.to_string()).collect()
        };
        self.scenario.observed.networks.iter().map(|it| (it.name.clone(), running(it))).collect()
    }
}

fn text(scenario: &Scenario, stack: &Stack) -> String {
    plan_text(&scenario.plan(stack), TextOptions::default())
}

#[test]
fn a_link_is_created_with_its_consumer_and_shown_in_both_plans() {
    let mut two = Two::new();
    two.infra(|scenario| scenario.apply(&infra()));
    let plan = two.shop(|scenario| scenario.apply(&shop()));
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-api.infra-db  will be created (links api to infra/db)
    +   network devarch-shop-net  will be created
    +   api  will be created
          image busybox:1

    +   wire api.db -> infra/db.main (explicit, new)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    insta::assert_snapshot!(plan.trace(), @"
    #0 create network devarch-shop-net {+ network devarch-shop-net: does not exist}
    #1 api: create container devarch-shop-api {+ api: does not exist} after #0
    #2 api: create network devarch-shop-api.infra-db {+ network devarch-shop-api.infra-db: links api to infra/db}
    #3 api: connect to devarch-shop-api.infra-db [#1] {+ api: does not exist} after #1 #2
    #4 api: connect to devarch-shop-api.infra-db [c1] {+ network devarch-shop-api.infra-db: links api to infra/db} after #2
    #5 api: wait until it is healthy [c1] {+ api: does not exist}
    #6 api: start [#1] {+ api: does not exist} after #3 #4 #5
    #7 see that everything still runs [api #1 runs; api #1 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #6
    ");
    insta::assert_snapshot!(text(&two.scenario, &shop()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

        wire api.db -> infra/db.main (explicit)

    No changes: the stack is up to date.
    ");
    insta::assert_snapshot!(two.infra(|scenario| text(scenario, &infra())), @"
    stack infra on docker 20.10.24, network devarch-infra-net 10.213.1.0/24

    note: db.links: shop/api is linked to it, by network devarch-shop-api.infra-db

    No changes: the stack is up to date.
    ");
    let on: Vec<String> = two.picture()[LINK].iter().cloned().collect();
    assert_eq!(on, ["devarch-infra-db", "devarch-shop-api"]);
}

#[test]
fn a_consumer_does_not_start_without_its_provider_but_a_running_one_is_kept() {
    let mut two = Two::new();
    let refused = |two: &mut Two| {
        two.shop(|scenario| {
            let desired = scenario.desire(&shop());
            let plan = plan(&desired, &scenario.observed, &scenario.remembered, &PlanOptions::default());
            let refused = plan.unwrap_err();
            assert!(matches!(refused, PlanError::Conflicts { .. }));
            refused.to_string()
        })
    };
    insta::assert_snapshot!(refused(&mut two), @"stack 'shop' cannot be applied: instance 'api': infra/db, which it is linked to, is not running; `devarch up infra` starts it, `devarch wire remove shop api` removes the link");
    let mut two = Two::up();
    let mut down = infra();
    down.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Stopped);
    insta::assert_snapshot!(two.infra(|scenario| text(scenario, &down)), @"
    stack infra on docker 20.10.24, network devarch-infra-net 10.213.1.0/24

    ~   db  will be stopped

    warning: db.links: shop/api runs, is linked to it and loses it

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
    two.infra(|scenario| scenario.apply(&down));
    insta::assert_snapshot!(two.shop(|scenario| text(scenario, &shop())), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

        wire api.db -> infra/db.main (explicit)

    warning: api.wires: infra/db, which it is linked to, is not running; `devarch up infra` starts it, `devarch wire remove shop api` removes the link

    No changes: the stack is up to date.
    ");
}

#[test]
fn a_recreated_provider_is_linked_before_it_starts() {
    let mut two = Two::up();
    let mut changed = infra();
    changed.instances.values_mut().for_each(|instance| {
        instance.overrides.service.hostname = Some("other".to_owned());
    });
    let plan = two.infra(|scenario| scenario.apply(&changed));
    insta::assert_snapshot!(plan.trace(), @"
    #0 db: create container devarch-infra-db.next {-/+ db: its config changed}
    #1 db: connect to devarch-shop-api.infra-db [#0] {-/+ db: its config changed} after #0
    #2 db: stop [c1] {-/+ db: its config changed} after #1
    #3 db: rename to devarch-infra-db.old [c1] {-/+ db: its config changed} after #1 #2
    #4 db: rename to devarch-infra-db [#0] {-/+ db: its config changed} after #3
    #5 db: start [#0] {-/+ db: its config changed} after #2 #4
    #6 db: wait until it is healthy [#0] {-/+ db: its config changed} after #5
    #7 check the images of the new containers [db #0 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #6
    #8 db: remove container devarch-infra-db.old [c1] {-/+ db: its config changed} after #7
    ");
    let on: Vec<String> = two.picture()[LINK].iter().cloned().collect();
    assert_eq!(on, ["devarch-infra-db", "devarch-shop-api"]);
    assert!(two.infra(|scenario| scenario.plan(&changed)).is_empty());
    assert!(two.shop(|scenario| scenario.plan(&shop())).is_empty());
}

#[test]
fn a_link_end_disconnected_by_hand_is_reconnected() {
    let mut two = Two::up();
    for container in &mut two.scenario.observed.containers {
        container.networks.remove(LINK);
    }
    insta::assert_snapshot!(two.infra(|scenario| text(scenario, &infra())), @"
    stack infra on docker 20.10.24, network devarch-infra-net 10.213.1.0/24

    ~   db  will be reconnected (its link to shop/api is missing)

    note: db.links: shop/api is linked to it, by network devarch-shop-api.infra-db

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
    insta::assert_snapshot!(two.shop(|scenario| text(scenario, &shop())), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    ~   api  will be reconnected (its link to infra/db is missing)

        wire api.db -> infra/db.main (explicit)

    Plan: 0 to create, 1 to change, 0 to replace, 0 to remove.
    ");
    two.shop(|scenario| scenario.apply(&shop()));
    assert_eq!(two.picture()[LINK].len(), 2);
    assert!(two.infra(|scenario| scenario.plan(&infra())).is_empty());
}

#[test]
fn a_link_is_removed_with_its_wire_and_with_its_stack() {
    let mut two = Two::up();
    let alone = stack("\napi:\n  template: t\n");
    let plan = two.shop(|scenario| scenario.apply(&alone));
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   network devarch-shop-api.infra-db  will be removed (its link was removed)
    -/+ api  will be replaced (one of its wires was removed)
          ~ api.environment.DB_DATABASE: - d
          ~ api.environment.DB_HOST: - devarch-infra-db
          ~ api.environment.DB_PORT: - 5432
          ~ api.environment.DB_URL: - postgres://u@devarch-infra-db:5432/d
          ~ api.environment.DB_USER: - u
          ~ api.wires.db: - infra/db.main

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    insta::assert_snapshot!(plan.trace(), @"
    #0 api: create container devarch-shop-api.next {-/+ api: one of its wires was removed}
    #1 api: stop [c2] {-/+ api: one of its wires was removed} after #0
    #2 api: rename to devarch-shop-api.old [c2] {-/+ api: one of its wires was removed} after #0 #1
    #3 api: rename to devarch-shop-api [#0] {-/+ api: one of its wires was removed} after #2
    #4 api: start [#0] {-/+ api: one of its wires was removed} after #1 #3
    #5 see that everything still runs [api #0 runs; api #0 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #4
    #6 api: remove container devarch-shop-api.old [c2] {-/+ api: one of its wires was removed} after #5
    #7 disconnect from devarch-shop-api.infra-db [c1] {- network devarch-shop-api.infra-db: its link was removed} after #5
    #8 remove network devarch-shop-api.infra-db {- network devarch-shop-api.infra-db: its link was removed} after #5 #6 #7
    ");
    assert!(!two.picture().contains_key(LINK));
    assert!(two.infra(|scenario| scenario.plan(&infra())).is_empty(), "the provider is as it was");

    let mut two = Two::up();
    let mut down = shop();
    down.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Absent);
    two.shop(|scenario| scenario.apply(&down));
    assert_eq!(two.picture().keys().collect::<Vec<_>>(), ["devarch-infra-net"]);
    assert!(two.infra(|scenario| scenario.plan(&infra())).is_empty());
}

#[test]
fn an_apply_interrupted_at_any_step_is_rolled_back_with_its_links() {
    let mut begun = Two::new();
    begun.infra(|scenario| scenario.apply(&infra()));
    let before = begun.picture();
    let plan = begun.shop(|scenario| scenario.plan(&shop()));
    for last in 0..=plan.steps.len() {
        let mut two = Two::new();
        two.infra(|scenario| scenario.apply(&infra()));
        let put_back = |scenario: &mut Scenario| {
            let journal = scenario.before(&shop());
            let apply = scenario.carry_out_until(&plan, last);
            for _ in 0..2 {
                let undo = scenario.undo(&journal, std::slice::from_ref(&apply));
                scenario.make(&undo.steps, undo.steps.len());
            }
            scenario.undo(&journal, &[apply]).steps
        };
        assert!(two.shop(put_back).is_empty(), "after {last} steps");
        assert_eq!(two.picture(), before, "after {last} steps");
    }
}

#[test]
fn a_plan_is_stale_if_its_provider_was_replaced() {
    let mut two = Two::up();
    let assumed = two.shop(|scenario| scenario.assume(&shop()));
    let theirs = two.infra(|scenario| scenario.assume(&infra()));
    let options = PlanOptions {
        replace: [infra().instances.keys().next().unwrap().clone()].into(),
        ..PlanOptions::default()
    };
    let anew = two.infra(|scenario| scenario.plan_with(&infra(), &options));
    two.scenario.carry_out(&anew);
    let now = two.shop(|scenario| scenario.assume(&shop()));
    let told: Vec<String> = assumed.differences(&now).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"link api -> infra/db: assumed id c1, found c3");
    let mut down = shop();
    down.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Absent);
    two.shop(|scenario| scenario.apply(&down));
    let now = two.infra(|scenario| scenario.assume(&infra()));
    let told: Vec<String> = theirs.differences(&now).iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|line| line.starts_with(&format!("network {LINK}: "))), "{told:?}");
}
