//! Wires within a stack: which instances are wired, what consumers receive, and what is refused.

use crate::{
    harness::{Command, Sandbox, hints, parsed},
    stacks::shop_of,
};
use devarch_app::{
    Conflict, DefinitionError, Elsewhere, ErrorKind, OperationError, Target, add_wire, instance_environment,
    list_wires, remove_wire, stack_config,
};
use devarch_core::{
    name::{InstanceName, StackName},
    text::Text,
    wire::WireDecl,
};
use std::collections::BTreeMap;

const SERVER: &str = r#"server: {image: "busybox:1.37", ports: [5432], environment: {NAME: shop, PASSWORD: {generate: 20}}, healthcheck: {test: "exit 0"}, exports: [{name: db, type: postgres, port: 5432, properties: {user: me, database: "${env:NAME}", password: "${env:PASSWORD}"}}]}"#;

const CLIENT: &str = r#"client: {image: "busybox:1.37", imports: [{name: db, type: postgres}]}"#;

const DREAMER: &str =
    r#"dreamer: {image: "busybox:1.37", imports: [{name: db, type: postgres, required: false}]}"#;

fn stack_of(fields: &str, instances: &[&str]) -> &'static str {
    shop_of(fields, &[SERVER, CLIENT, DREAMER], instances)
}

const DB: &str = "db: {template: server}";
const SECOND: &str = "db2: {template: server}";
const API: &str = "api: {template: client}";

async fn sandbox(fields: &str, instances: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", stack_of(fields, instances)).await;
    sandbox
}

fn shop() -> StackName {
    parsed("shop")
}

fn api() -> Target {
    Target { stack: shop(), instance: parsed("api") }
}

fn wire(text: &str) -> WireDecl {
    let (from, to) = text.split_once(" -> ").unwrap();
    WireDecl { from: parsed(from), to: parsed(to), contract: None }
}

async fn environment(sandbox: &Sandbox, host: bool) -> Result<BTreeMap<String, String>, OperationError> {
    let all = instance_environment(sandbox.ctx(), &api(), host).await?;
    Ok(all.into_iter().map(|(name, value): (String, Text)| (name, value.reveal().to_owned())).collect())
}

/// Returns each wire as text, and the problems.
async fn wires(sandbox: &Sandbox) -> (Vec<String>, Vec<String>) {
    let wires = list_wires(sandbox.ctx(), &shop()).await.unwrap();
    let links = wires.resolution.links.iter();
    let links = links.map(|link| format!("{}.{} -> {}", link.consumer, link.import, link.to));
    let findings = wires.resolution.findings.iter().map(ToString::to_string);
    (links.collect(), findings.collect())
}

#[tokio::test]
async fn the_only_provider_of_a_type_is_wired_automatically() {
    let sandbox = sandbox("", &[DB, API]).await;
    assert_eq!(wires(&sandbox).await, (vec!["api.db -> db.db".to_owned()], Vec::new()));
    let environment = environment(&sandbox, false).await.unwrap();
    assert_eq!(
        (environment["DB_HOST"].as_str(), environment["DB_PORT"].as_str()),
        ("devarch-shop-db", "5432")
    );
    assert_eq!((environment["DB_USER"].as_str(), environment["DB_DATABASE"].as_str()), ("me", "shop"));
    let url = format!("postgres://me:{}@devarch-shop-db:5432/shop", environment["DB_PASSWORD"]);
    assert_eq!(environment["DB_URL"], url);
}

#[tokio::test]
async fn a_container_gets_the_values_of_its_wire_and_secrets_stay_secret() {
    let sandbox = sandbox("", &[DB, API]).await;
    sandbox.run("shop", Command::apply()).await.unwrap();
    let spec = sandbox.engine.request("devarch-shop-api").unwrap().spec;
    let known = environment(&sandbox, false).await.unwrap();
    for name in ["DB_PASSWORD", "DB_URL"] {
        assert!(spec.environment[name].is_secret(), "{name}");
        assert_eq!(spec.environment[name].reveal(), known[name]);
    }
    assert!(!spec.environment["DB_HOST"].is_secret());
    let config = stack_config(sandbox.ctx(), &shop(), None).await.unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert!(!text.contains(&known["DB_PASSWORD"]), "{text}");
    let api = config.instances.iter().find(|config| config.name.as_str() == "api").unwrap();
    assert!(api.origin("environment.DB_HOST").contains("wire"), "{}", api.origin("environment.DB_HOST"));
    assert_eq!(api.origin("image"), "template");
    assert_eq!(api.origin("nothing.of.that"), "default");
}

#[tokio::test]
async fn a_process_on_the_host_reaches_providers_by_their_host_ports() {
    let sandbox = sandbox("", &[DB, API]).await;
    let port = sandbox.stack("shop").await.instances[&parsed::<InstanceName>("db")]
        .ports
        .values()
        .next()
        .unwrap()
        .host_port;
    let host = environment(&sandbox, true).await.unwrap();
    assert_eq!((host["DB_HOST"].as_str(), host["DB_PORT"].clone()), ("127.0.0.1", port.to_string()));
    assert!(host["DB_URL"].contains(&format!("@127.0.0.1:{port}/shop")), "{host:?}");
}

#[tokio::test]
async fn a_provider_without_a_host_port_cannot_be_reached_from_the_host() {
    let sandbox = sandbox("", &["db: {template: server, ports: []}", API]).await;
    environment(&sandbox, false).await.unwrap();
    let error = environment(&sandbox, true).await.unwrap_err();
    assert!(matches!(error, OperationError::Definition(DefinitionError::Unwired { .. })), "{error:?}");
    assert!(error.to_string().contains("db"), "{error}");
}

#[tokio::test]
async fn with_several_providers_none_is_wired_until_one_is_named() {
    let sandbox = sandbox("", &[DB, SECOND, API]).await;
    let (links, findings) = wires(&sandbox).await;
    assert!(links.is_empty() && findings.len() == 1 && findings[0].contains("db2"), "{findings:?}");
    let error = environment(&sandbox, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    sandbox.run("shop", Command::apply()).await.unwrap_err();
    assert!(sandbox.engine.changes().is_empty());
    add_wire(sandbox.ctx(), &shop(), &wire("api.db -> db2")).await.unwrap();
    assert_eq!(environment(&sandbox, false).await.unwrap()["DB_HOST"], "devarch-shop-db2");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn the_primary_is_preferred_if_the_stack_requests_it() {
    let first = "db: {template: server, labels: {devarch.role: primary}}";
    let sandbox = sandbox("prefer: primary", &[first, SECOND, API]).await;
    assert_eq!(wires(&sandbox).await.0, ["api.db -> db.db"]);
}

#[tokio::test]
async fn a_required_import_without_a_provider_creates_nothing_and_an_optional_one_gets_nothing() {
    let sandbox = sandbox("", &["api: {template: dreamer}"]).await;
    assert!(!environment(&sandbox, false).await.unwrap().contains_key("DB_HOST"));
    sandbox.run("shop", Command::apply()).await.unwrap();
    let other = Sandbox::new().await;
    let error = other.run("shop", Command::up(stack_of("", &[API]))).await.unwrap_err();
    assert!(error.to_string().contains("imports.db"), "{error}");
    assert!(other.engine.changes().is_empty());
}

#[tokio::test]
async fn a_wire_to_none_disables_the_import() {
    let sandbox = sandbox("wires: [{from: api.db, to: none}]", &[DB, "api: {template: dreamer}"]).await;
    assert!(wires(&sandbox).await.0.is_empty());
}

#[tokio::test]
async fn a_provider_outside_the_stack_is_wired_like_an_instance() {
    let external = "external: {out: {type: postgres, host: db.lan, port: 6000, user: u, database: d, password: {value: hush, secret: true}}}";
    let sandbox = sandbox(external, &[API]).await;
    add_wire(sandbox.ctx(), &shop(), &wire("api.db -> out")).await.unwrap();
    let found = environment(&sandbox, false).await.unwrap();
    assert_eq!((found["DB_HOST"].as_str(), found["DB_PORT"].as_str()), ("db.lan", "6000"));
    assert_eq!(environment(&sandbox, true).await.unwrap()["DB_HOST"], "db.lan", "it is there from anywhere");
    assert!(instance_environment(sandbox.ctx(), &api(), false).await.unwrap()["DB_PASSWORD"].is_secret());
}

#[tokio::test]
async fn an_impossible_wire_is_refused_and_changes_nothing() {
    let sandbox = sandbox("", &[DB, SECOND, API]).await;
    add_wire(sandbox.ctx(), &shop(), &wire("api.db -> db")).await.unwrap();
    let before = sandbox.stack("shop").await;
    let wrong = [
        ("api.db -> db2", "wires[0]"),
        ("api.none -> db", "none"),
        ("nobody.db -> db", "nobody"),
        ("api.db -> nowhere", "nowhere"),
        ("db.db -> db2", "db"),
        ("api.db -> other/db", "other"),
    ];
    for (text, part) in wrong {
        let error = add_wire(sandbox.ctx(), &shop(), &wire(text)).await.unwrap_err();
        assert!(
            matches!(error, OperationError::Definition(DefinitionError::Wire { .. })),
            "{text}: {error:?}"
        );
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(sandbox.stack("shop").await, before, "{text}");
    }
}

#[tokio::test]
async fn a_wire_is_removed_by_import_or_as_the_only_one_of_its_instance() {
    let sandbox = sandbox("", &[DB, SECOND, API]).await;
    for from in ["api.db", "api"] {
        add_wire(sandbox.ctx(), &shop(), &wire("api.db -> db2")).await.unwrap();
        let removed = remove_wire(sandbox.ctx(), &shop(), &parsed(from)).await.unwrap();
        assert_eq!((removed.from, removed.to), (parsed("api.db"), parsed("db2")), "{from}");
        assert!(sandbox.stack("shop").await.wiring.wires.is_empty());
    }
    add_wire(sandbox.ctx(), &shop(), &wire("api.db -> db2")).await.unwrap();
    let error = remove_wire(sandbox.ctx(), &shop(), &parsed("db")).await.unwrap_err();
    assert!(
        matches!(error, OperationError::Conflict(Conflict::Elsewhere(Elsewhere::Wire { .. }))),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "stack 'shop' declares no wire from db; it declares {from: api.db, to: db2}"
    );
    assert!(hints(&error).contains("`devarch wire list shop`"));
}

#[tokio::test]
async fn consumers_start_after_their_providers_and_stop_before_them() {
    let sandbox = sandbox("", &[DB, API]).await;
    sandbox.run("shop", Command::apply()).await.unwrap();
    sandbox.run("shop", Command::Stop).await.unwrap();
    let place = |call: &str| sandbox.engine.changes().iter().position(|change| change == call).unwrap();
    assert!(place("Start devarch-shop-db") < place("Start devarch-shop-api"));
    assert!(place("Stop devarch-shop-api") < place("Stop devarch-shop-db"));
}

#[tokio::test]
async fn a_provider_with_changed_values_replaces_only_its_consumers() {
    let sandbox = sandbox("", &[DB, API, "other: {template: dreamer, imports: []}"]).await;
    sandbox.run("shop", Command::apply()).await.unwrap();
    let before = sandbox.objects().await.containers;
    sandbox.run("shop", Command::Set("db", "environment.NAME", "archive")).await.unwrap();
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(plan.contains("wire db -> db.db changed"), "{plan}");
    sandbox.run("shop", Command::apply()).await.unwrap();
    let after = sandbox.objects().await.containers;
    assert_ne!(after["devarch-shop-api"].id, before["devarch-shop-api"].id);
    assert_eq!(after["devarch-shop-other"], before["devarch-shop-other"]);
    assert_eq!(
        sandbox.engine.request("devarch-shop-api").unwrap().spec.environment["DB_DATABASE"].reveal(),
        "archive"
    );
}

#[tokio::test]
async fn a_second_provider_takes_over_no_existing_wire_and_is_reported() {
    let sandbox = sandbox("", &[DB, API]).await;
    sandbox.run("shop", Command::apply()).await.unwrap();
    let before = sandbox.objects().await;
    let error = sandbox.run("shop", Command::up(stack_of("", &[DB, SECOND, API]))).await.unwrap_err();
    let reported = error.to_string();
    assert!(
        reported.contains("2 providers offer postgres") && reported.contains("is wired to db.db and is kept"),
        "{reported}"
    );
    assert_eq!(sandbox.objects().await, before);
    let wired = stack_of("wires: [{from: api.db, to: db}]", &[DB, SECOND, API]);
    sandbox.run("shop", Command::up(wired)).await.unwrap();
    let after = sandbox.objects().await.containers;
    assert_eq!(after["devarch-shop-api"], before.containers["devarch-shop-api"]);
}

#[tokio::test]
async fn an_override_hides_the_value_of_a_wire() {
    let sandbox = sandbox("", &[DB, "api: {template: client, environment_add: {DB_HOST: localhost}}"]).await;
    assert_eq!(environment(&sandbox, false).await.unwrap()["DB_HOST"], "localhost");
    let config = stack_config(sandbox.ctx(), &shop(), Some(&parsed("api"))).await.unwrap();
    assert_eq!(config.instances.len(), 1);
    assert!(
        config.findings.iter().any(|finding| finding.to_string().contains("DB_HOST")),
        "{:?}",
        config.findings
    );
}

#[tokio::test]
async fn a_removed_instance_loses_its_own_wires_and_keeps_those_to_it() {
    let sandbox = sandbox("wires: [{from: api.db, to: db2}]", &[DB, SECOND, API]).await;
    sandbox.run("shop", Command::RemoveInstance("db2")).await.unwrap();
    let (_, findings) = wires(&sandbox).await;
    assert!(findings.iter().any(|finding| finding.contains("db2")), "{findings:?}");
    sandbox.run("shop", Command::RemoveInstance("api")).await.unwrap();
    assert!(sandbox.stack("shop").await.wiring.wires.is_empty());
}

#[tokio::test]
async fn wires_follow_a_renamed_instance() {
    let sandbox = sandbox("wires: [{from: api.db, to: db2}]", &[DB, SECOND, API]).await;
    sandbox.rename_instance("shop", "db2", "archive").await.unwrap();
    sandbox.rename_instance("shop", "api", "front").await.unwrap();
    assert_eq!(wires(&sandbox).await.0, ["front.db -> archive.db"]);
}
