//! Wires in plans: the variables they set, the dependencies they add, and when they change.

use crate::support::{Scenario, stack, stack_that_says};
use devarch_core::{
    id::SecretId,
    plan::{PlanOptions, TextOptions, plan, plan_text},
    resolve::login_key,
    secret::{KeptSecret, SecretValue},
    stack::{DesiredRun, Stack},
    text::Text,
};

const DB: &str = "
db:
  template: t
  environment: {PGUSER: shop, PGPASSWORD: {value: hunter2, secret: true}, PGDATABASE: orders}
  exports: [{name: main, type: postgres, port: 5432, properties: {user: '${env:PGUSER}', password: '${env:PGPASSWORD}', database: '${env:PGDATABASE}'}}]
";

const API: &str = "
api:
  template: t
  imports: [{name: db, type: postgres}]
";

const OTHER_DB: &str = "
spare:
  template: t
  exports: [{name: main, type: postgres, port: 5432, properties: {user: u, database: d}}]
";

fn shop() -> Stack {
    stack(&format!("{DB}{API}"))
}

fn text(scenario: &Scenario, stack: &Stack) -> String {
    plan_text(&scenario.plan(stack), TextOptions::default())
}

/// Returns the problems, one per line.
fn problems(scenario: &Scenario, stack: &Stack) -> String {
    let problems = scenario.try_desire(stack).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn variable<'a>(desired: &'a devarch_core::desired::Desired, name: &str, variable: &str) -> Option<&'a Text> {
    desired.instances[&name.parse().unwrap()].spec.environment.get(variable)
}

#[test]
fn a_consumer_gets_its_wires_variables_and_waits_for_its_provider() {
    let mut scenario = Scenario::new();
    let plan = scenario.apply(&shop());
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-net  will be created
    +   api  will be created
          image busybox:1
    +   db  will be created
          image busybox:1

    +   wire api.db -> db.main (auto, new)

    Plan: 2 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    let desired = scenario.desire(&shop());
    let url = variable(&desired, "api", "DB_URL").unwrap();
    assert_eq!(url.reveal(), "postgres://shop:hunter2@devarch-shop-db:5432/orders");
    assert!(url.is_secret() && !variable(&desired, "api", "DB_HOST").unwrap().is_secret());
    let started = |name: &str| scenario.done.iter().position(|it| it.contains("start") && it.contains(name));
    assert!(started("db") < started("api"), "{:#?}", scenario.done);
    assert!(!serde_json::to_string(&plan).unwrap().contains("hunter2"));
}

#[test]
fn applied_wires_are_listed_only_in_a_full_plan() {
    let mut scenario = Scenario::new();
    scenario.apply(&shop());
    let plan = scenario.plan(&shop());
    assert!(plan.is_empty());
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

        1 wire made automatically stays; `--full` lists all

    No changes: the stack is up to date.
    ");
    insta::assert_snapshot!(plan_text(&plan, TextOptions { full: true }), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

        wire api.db -> db.main (auto)

    No changes: the stack is up to date.
    ");
}

#[test]
fn a_second_provider_changes_no_running_wire() {
    let mut scenario = Scenario::new();
    scenario.apply(&shop());
    let two = stack(&format!("{DB}{API}{OTHER_DB}"));
    insta::assert_snapshot!(problems(&scenario, &two), @"api.imports.db: 2 providers offer postgres: db, spare (the running container is wired to db.main and is kept); add one of these to the stack's `wires`: `{from: api, to: db, contract: postgres}` or `{from: api, to: spare, contract: postgres}`");
    let said = stack_that_says("wires: [{from: api, to: spare}]", &format!("{DB}{API}{OTHER_DB}"));
    insta::assert_snapshot!(text(&scenario, &said), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (the values from wire db -> spare.main changed)
          ~ api.depends_on.db.condition: - ready
          ~ api.depends_on.db.required: - true
          ~ api.depends_on.spare.condition: + ready
          ~ api.depends_on.spare.required: + true
          ~ api.environment.DB_DATABASE: orders => d
          ~ api.environment.DB_HOST: devarch-shop-db => devarch-shop-spare
          ~ api.environment.DB_PASSWORD: - [REDACTED]
          ~ api.environment.DB_URL: [REDACTED] => postgres://u@devarch-shop-spare:5432/d
          ~ api.environment.DB_USER: shop => u
          ~ api.wires.db: db.main => spare.main
    +   spare  will be created
          image busybox:1

    ~   wire api.db -> spare.main (explicit, new, was db.main)

    Plan: 1 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    let kept = stack_that_says("wires: [{from: api, to: db}]", &format!("{DB}{API}{OTHER_DB}"));
    insta::assert_snapshot!(text(&scenario, &kept), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   spare  will be created
          image busybox:1

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn consumers_are_recreated_only_if_their_providers_values_change() {
    let mut scenario = Scenario::new();
    scenario.apply(&shop());
    let renamed = stack(&format!("{DB}{API}").replace("orders", "invoices"));
    insta::assert_snapshot!(text(&scenario, &renamed), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (the values from wire db -> db.main changed)
          ~ api.environment.DB_DATABASE: orders => invoices
          ~ api.environment.DB_URL: secret changed
    -/+ db  will be replaced (its config changed)
          ~ db.environment.PGDATABASE: orders => invoices
          wired to it, changes too: api

        1 wire made automatically stays; `--full` lists all

    Plan: 0 to create, 0 to change, 2 to replace, 0 to remove.
    ");
    let tuned = stack(&format!("{DB}{API}").replace("PGUSER: shop,", "PGUSER: shop, TUNED: yes,"));
    insta::assert_snapshot!(text(&scenario, &tuned), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ db  will be replaced (its config changed)
          ~ db.environment.TUNED: + yes
          wired to it, unchanged: api

        1 wire made automatically stays; `--full` lists all

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
    let secretly = stack(&format!("{DB}{API}").replace("hunter2", "hunter3"));
    insta::assert_snapshot!(text(&scenario, &secretly), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (the values from wire db -> db.main changed)
          ~ api.environment.DB_PASSWORD: secret changed
          ~ api.environment.DB_URL: secret changed
    -/+ db  will be replaced (its config changed)
          ~ db.environment.PGPASSWORD: secret changed
          wired to it, changes too: api

        1 wire made automatically stays; `--full` lists all

    Plan: 0 to create, 0 to change, 2 to replace, 0 to remove.
    ");
}

#[test]
fn removing_a_wire_removes_its_variables() {
    let mut scenario = Scenario::new();
    let optional = API.replace("type: postgres", "type: postgres, required: false");
    scenario.apply(&stack(&format!("{DB}{optional}")));
    let declined = stack_that_says("wires: [{from: api, to: none}]", &format!("{DB}{optional}"));
    insta::assert_snapshot!(text(&scenario, &declined), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -/+ api  will be replaced (one of its wires was removed)
          ~ api.depends_on.db.condition: - ready
          ~ api.depends_on.db.required: - true
          ~ api.environment.DB_DATABASE: - orders
          ~ api.environment.DB_HOST: - devarch-shop-db
          ~ api.environment.DB_PASSWORD: - [REDACTED]
          ~ api.environment.DB_PORT: - 5432
          ~ api.environment.DB_URL: - [REDACTED]
          ~ api.environment.DB_USER: - shop
          ~ api.wires.db: - db.main

    -   wire api.db -> db.main (gone)

    Plan: 0 to create, 0 to change, 1 to replace, 0 to remove.
    ");
}

#[test]
fn instances_that_should_not_exist_block_nothing() {
    let scenario = Scenario::new();
    insta::assert_snapshot!(problems(&scenario, &stack(API)), @"api.imports.db: nothing in the stack offers postgres; add an instance that does or an entry of `external`, or set `required: false`");
    let mut down = stack(&API.replace("name: db", "name: db, environment: {A: '{nothing}'}"));
    down.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Absent);
    assert!(scenario.plan(&down).is_empty());
    let without = stack(&format!("{API}  enabled: false\nweb: {{template: t}}"));
    insta::assert_snapshot!(text(&scenario, &without), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-net  will be created
    +   web  will be created
          image busybox:1

    Plan: 1 to create, 0 to change, 0 to replace, 0 to remove.
    ");
}

#[test]
fn a_cycle_is_reported_and_the_stack_can_still_be_taken_down() {
    let cycle = "
a:
  template: t
  imports: [{name: b, type: http}]
  exports: [{name: web, type: http, port: 80}]
b:
  template: t
  depends_on: [a]
  exports: [{name: web, type: http, port: 80}]
";
    let mut scenario = Scenario::new();
    insta::assert_snapshot!(problems(&scenario, &stack(cycle)), @"a.imports.b: a -> b (import b) -> a (depends_on): each waits for the next, so none can start; wire one differently, such as `{from: a.b, to: none}`, or remove the depends_on");
    let apart = stack(&cycle.replace("depends_on: [a]", "restart: 'no'"));
    scenario.apply(&apart);
    let mut down = stack(cycle);
    down.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Absent);
    let plan =
        plan(&scenario.desire(&down), &scenario.observed, &scenario.remembered, &PlanOptions::default())
            .unwrap();
    insta::assert_snapshot!(plan_text(&plan, TextOptions::default()), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    -   network devarch-shop-net  will be removed (down)
    -   a  will be removed (down)
    -   b  will be removed (down)

    Plan: 0 to create, 0 to change, 0 to replace, 2 to remove.
    ");
}

#[test]
fn an_override_hides_a_wire_and_the_plan_notes_it() {
    let scenario = Scenario::new();
    let hidden = stack(&format!("{DB}{API}  environment: {{DB_HOST: elsewhere}}"));
    insta::assert_snapshot!(text(&scenario, &hidden), @"
    stack shop on docker 20.10.24, network devarch-shop-net 10.213.0.0/24

    +   network devarch-shop-net  will be created
    +   api  will be created
          image busybox:1
    +   db  will be created
          image busybox:1

    +   wire api.db -> db.main (auto, new)

    note: api.environment.DB_HOST: an override sets DB_HOST, so the value from db.main is not used

    Plan: 2 to create, 0 to change, 0 to replace, 0 to remove.
    ");
    assert_eq!(variable(&scenario.desire(&hidden), "api", "DB_HOST").unwrap().reveal(), "elsewhere");
}

#[test]
fn a_saved_plan_is_stale_when_a_wire_has_another_provider() {
    let mut scenario = Scenario::new();
    scenario.apply(&shop());
    let both = format!("{DB}{API}{OTHER_DB}");
    let assumed = scenario.assume(&stack_that_says("wires: [{from: api, to: db}]", &both));
    let now = scenario.assume(&stack_that_says("wires: [{from: api, to: spare}]", &both));
    let told: Vec<String> = assumed.differences(&now).iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|line| line.contains("assumed wires db -> db.main, found db -> spare.main")),
        "{told:?}"
    );
}

#[test]
fn an_own_login_is_created_between_the_start_of_the_provider_and_its_consumer() {
    let own = format!("{DB}{API}")
        .replace("port: 5432,", "port: 5432, provision: {command: [make-login]},")
        .replace("{name: db, type: postgres}", "{name: db, type: postgres, own: true}");
    let mut stack = stack(&own);
    let api = stack.instances.get_mut(&"api".parse().unwrap()).unwrap();
    let key = login_key(&"api".parse().unwrap(), "db", |_| false);
    let value = SecretValue::new("hunter3");
    api.generated.insert(key, KeptSecret { id: SecretId::new("s1"), value, changed_at: 0 });
    let mut scenario = Scenario::new();
    let desired = scenario.desire(&stack);
    let url = variable(&desired, "api", "DB_URL").unwrap();
    assert_eq!(url.reveal(), "postgres://api_db:hunter3@devarch-shop-db:5432/api_db");
    let plan = scenario.apply(&stack);
    assert!(!serde_json::to_string(&plan).unwrap().contains("hunter3"));
    insta::assert_snapshot!(plan.trace(), @"
    #0 create network devarch-shop-net {+ network devarch-shop-net: does not exist}
    #1 db: create container devarch-shop-db {+ db: does not exist} after #0
    #2 db: start [#1] {+ db: does not exist} after #1
    #3 api: create container devarch-shop-api {+ api: does not exist} after #0
    #4 api: see that db has login api_db [#1] {+ api: does not exist} after #2
    #5 api: start [#3] {+ api: does not exist} after #2 #3 #4
    #6 see that everything still runs [api #3 runs; db #1 runs; db #1 is of sha256:aaaaaaaaaaaaaaaa; api #3 is of sha256:aaaaaaaaaaaaaaaa] {commit} after #5
    ");
    let without = stack_without_provision(&own);
    insta::assert_snapshot!(problems(&Scenario::new(), &without), @"api.imports.db: db.main has no `provision` command to create a login with; leave out `own`, or add the command");
}

fn stack_without_provision(text: &str) -> Stack {
    stack(&text.replace(" provision: {command: [make-login]},", ""))
}
