//! Every problem with a stack's wires is reported alike by `wire list`, `config` and `status`, and blocks `plan`.

use crate::common::Sandbox;
use devarch_core::engine::EngineKind;

const TEMPLATES: &str = r#"
version: "1"
templates:
  db:
    image: busybox:1.37
    environment: { DB_USER: u, DB_NAME: n }
    exports: [{ name: main, type: postgres, port: 5432, properties: { user: "${env:DB_USER}", database: "${env:DB_NAME}" } }]
  cache: { image: "busybox:1.37", exports: [{ name: main, type: redis, port: 6379 }] }
  web: { image: "busybox:1.37", exports: [{ name: http, type: http, port: 80 }] }
  api: { image: "busybox:1.37", imports: [{ name: store, type: postgres }] }
  both: { image: "busybox:1.37", imports: [{ name: one, type: postgres }, { name: two, type: postgres }] }
  maybe: { image: "busybox:1.37", imports: [{ name: store, type: postgres, required: false }] }
  proxy: { image: "busybox:1.37", imports: [{ name: to, type: http }], exports: [{ name: http, type: http, port: 80 }] }
stacks:
  STACK:
"#;

fn defined(stack: &str) -> Sandbox {
    let sandbox = Sandbox::without_engine();
    let indented: String = stack.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    sandbox.define(&format!("{TEMPLATES}{indented}"));
    sandbox
}

/// The findings of `wire list`, which `config` and `status` report too.
fn findings(stack: &str) -> String {
    findings_of(&defined(stack))
}

fn findings_of(sandbox: &Sandbox) -> String {
    let findings = sandbox.ok(&["wire", "list", "shop"]).stderr;
    let config = sandbox.ok(&["config", "shop"]);
    assert_eq!(config.stderr, findings, "config reports the same");
    let status = sandbox.ok(&["status", "shop"]).stdout;
    for line in findings.lines() {
        assert!(status.contains(line), "status does not report {line:?}:\n{status}");
    }
    let json = sandbox.json(&["config", "shop"]);
    assert_eq!(json["findings"].as_array().unwrap().len(), findings.lines().count());
    findings
}

#[test]
fn an_ambiguous_provider_is_reported_with_what_to_write() {
    let stack = "instances: { one: {template: db}, two: {template: db}, api: {template: api} }";
    insta::assert_snapshot!(findings(stack), @"error: api.imports.store: 2 providers offer postgres: one, two; add one of these to the stack's `wires`: `{from: api, to: one, contract: postgres}` or `{from: api, to: two, contract: postgres}`");
    let preferable = "
instances:
  one: { template: db, labels: { devarch.role: primary } }
  two: { template: db }
  api: { template: api }";
    insta::assert_snapshot!(findings(preferable), @"error: api.imports.store: 2 providers offer postgres: one, two; add one of these to the stack's `wires`: `{from: api, to: one, contract: postgres}` or `{from: api, to: two, contract: postgres}`; or set `prefer: primary`, which is one");
    insta::assert_snapshot!(findings(&format!("prefer: primary{preferable}")), @"");
    let list = defined(&format!("prefer: primary{preferable}")).ok(&["wire", "list", "shop"]).stdout;
    insta::assert_snapshot!(list, @"
    CONSUMER  IMPORT  TYPE      PROVIDER  HOW        VARIABLES
    api       store   postgres  one.main  auto, new  STORE_DATABASE STORE_HOST STORE_PORT STORE_URL STORE_USER
    ");
}

#[test]
fn a_missing_provider_is_reported_unless_it_is_optional() {
    insta::assert_snapshot!(findings("instances: { api: {template: api}, cache: {template: cache} }"), @"error: api.imports.store: nothing in the stack offers postgres; add an instance that does or an entry of `external`, or set `required: false`");
    insta::assert_snapshot!(findings("instances: { api: {template: maybe}, cache: {template: cache} }"), @"");
}

#[test]
fn a_provider_of_another_type_is_reported_with_its_exports() {
    let stack = "
wires: [{ from: api, to: cache }]
instances: { api: {template: api}, cache: {template: cache}, db: {template: db} }";
    insta::assert_snapshot!(findings(stack), @"error: wires[0].to: instance cache exports [redis]; api needs postgres");
}

#[test]
fn dangling_and_duplicate_wires_are_reported_with_their_position() {
    let stack = "
wires:
  - { from: api, to: db }
  - { from: api.store, to: db }
  - { from: both, to: db, contract: postgres }
  - { from: both.one, to: db.replica }
  - { from: both.three, to: db }
  - { from: proxy, to: proxy }
  - { from: db, to: api }
  - { from: both.two, to: elsewhere/db }
instances: { api: {template: api}, both: {template: both}, db: {template: db}, proxy: {template: proxy} }";
    insta::assert_snapshot!(findings(stack), @"
    error: wires[1]: api.store is wired by wires[0] already; keep one of them
    error: wires[2].from: both has several imports that could be meant: one, two; write `from: both.one`
    error: wires[3].to: db has no export 'replica'; it has [main (postgres)]
    error: wires[4].from: both has no import 'three'; it has [one (postgres), two (postgres)]
    error: wires[5].to: proxy cannot be wired to itself
    error: wires[6].from: db imports nothing, so there is nothing to wire
    error: wires[7].to: stack 'elsewhere' has no instance 'db' to link to; `devarch instance list elsewhere` lists all
    ");
    let sandbox =
        defined("wires: [{ from: api, to: db }]\ninstances: { api: {template: api}, db: {template: db} }");
    sandbox.ok(&["instance", "remove", "shop/db"]);
    insta::assert_snapshot!(findings_of(&sandbox), @"error: wires[0].to: the stack has no instance and no external provider 'db'");
}

#[test]
fn a_dependency_cycle_is_reported() {
    let stack = "
wires: [{ from: a, to: b }, { from: b, to: a }]
instances: { a: {template: proxy}, b: {template: proxy} }";
    insta::assert_snapshot!(findings(stack), @"error: a.imports.to: a -> b (import to) -> a (import to): each waits for the next, so none can start; wire one differently, such as `{from: a.to, to: none}`");
}

#[test]
fn a_declined_import_and_a_shadowed_wire_do_not_stop_a_plan() {
    let stack = "
wires: [{ from: api, to: none }]
instances: { api: {template: api}, db: {template: db}, other: {template: api, environment: {STORE_HOST: mine}} }";
    insta::assert_snapshot!(findings(stack), @"
    warning: api.imports.store: it is wired to none, so its variables are yours to set
    note: other.environment.STORE_HOST: an override sets STORE_HOST, so the value from db.main is not used
    ");
}

#[test]
fn conflicting_variables_and_missing_properties_are_reported() {
    let stack = "
instances:
  bare: { template: web, exports: [{name: main, type: postgres, port: 5432, properties: {user: u}}] }
  api: { template: api }
  twin:
    template: api
    imports: [{name: a, type: http, environment: {URL: '{url}'}}, {name: b, type: http, environment: {URL: '{nothing}'}}]
  web: { template: web }";
    insta::assert_snapshot!(findings(stack), @"
    error: api.imports.store: bare.main has no database, which postgres needs; add it to its `properties`, or map `environment` without it
    error: twin.imports.b.environment.URL: `{nothing}` is nothing that http has; it has host, port, scheme, user, password, database, path, url; write `{{` for a brace
    warning: bare.exports.main.properties: it has no database; consumers that need it cannot be wired
    ");
}

fn an_error_stops_plan_and_apply_but_neither_stop_nor_down(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let stack = "    instances: { one: {template: db, command: [sleep, '100']}, api: {template: api, command: [sleep, '100']} }\n";
    let text = format!("{TEMPLATES}{stack}")
        .replace("{ image: \"busybox:1.37\"", "{ image: \"busybox:1.37\", stop_grace_period: 0s");
    sandbox.write(
        &text.replace("    environment: { DB_USER", "    stop_grace_period: 0s\n    environment: { DB_USER"),
    );
    sandbox.ok(&["up", "--yes"]);
    let before = sandbox.json(&["status", "STACK"]);
    sandbox.ok(&["instance", "add", "STACK", "two", "postgres"]);
    for command in ["plan", "apply"] {
        let failed = sandbox.fails(3, &[command, "STACK", "--yes"]).stderr;
        assert!(failed.contains("api.imports.store: 2 providers offer postgres: one, two"), "{failed}");
        assert!(failed.contains("the running container is wired to one.main and is kept"), "{failed}");
        assert!(failed.contains("`{from: api, to: one, contract: postgres}`"), "{failed}");
    }
    let container = |status: &serde_json::Value| status["stacks"][0]["instances"][0]["container"].clone();
    assert_eq!(
        container(&sandbox.json(&["status", "STACK"])),
        container(&before),
        "what runs is not touched"
    );
    let refused = sandbox.fails(3, &["start", "STACK"]);
    assert!(refused.stderr.contains("2 providers offer postgres"), "two is not there: {refused}");
    sandbox.ok(&["set", "STACK/two", "enabled=false"]);
    for command in ["restart", "stop", "start"] {
        sandbox.ok(&[command, "STACK"]);
    }
    assert_eq!(container(&sandbox.json(&["status", "STACK"])), container(&before), "it is still the same");
    sandbox.ok(&["set", "STACK/two", "enabled=true"]);
    sandbox.ok(&["stop", "STACK/api"]);
    sandbox.ok(&["down", "STACK", "--yes"]);
}

#[test]
fn an_error_stops_plan_and_apply_but_neither_stop_nor_down_on_docker() {
    an_error_stops_plan_and_apply_but_neither_stop_nor_down(EngineKind::Docker);
}

#[test]
fn an_error_stops_plan_and_apply_but_neither_stop_nor_down_on_podman() {
    an_error_stops_plan_and_apply_but_neither_stop_nor_down(EngineKind::Podman);
}
