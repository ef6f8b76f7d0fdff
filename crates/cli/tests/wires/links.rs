//! Links between stacks on real engines: only the two linked containers reach each other.

use crate::common::Sandbox;
use devarch_core::{engine::EngineKind, spec::label};
use devarch_testkit::proxy::{Fault, FaultProxy, Moment};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Two stacks; `api` is linked to the other's `db`. Each instance serves its own name.
const PROJECT: &str = r#"
version: "1"
templates:
  server:
    image: busybox:1.37
    command: [sh, -c, "mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w"]
    stop_grace_period: 0s
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/"], interval: 1s }
    ports: ["80"]
    exports: [{ name: web, type: http, port: 80 }]
  client:
    image: busybox:1.37
    command: [sh, -c, "mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w"]
    stop_grace_period: 0s
    ports: ["80"]
    imports: [{ name: upstream, type: http }]
stacks:
  STACK-infra:
    instances:
      db: { template: server }
      other: { template: server }
  STACK:
    wires:
      - { from: api, to: STACK-infra/db }
      - { from: web, to: db }
    instances:
      api: { template: client }
      web: { template: client }
      db: { template: server }
"#;

/// The response of a host to a request from an instance's container, within two seconds.
fn page(sandbox: &Sandbox, from: &str, host: &str) -> Option<String> {
    let host = host.replace("STACK", &sandbox.stack);
    let line = format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {host} 80");
    let ran = sandbox.run(&["exec", from, "-T", "--", "sh", "-c", &line]);
    let answer = ran.stdout.trim().rsplit_once('\n').map(|(_, last)| last.to_owned());
    answer.filter(|_| ran.code == 0)
}

/// Like `page`, but retries until the host answers.
fn reached(sandbox: &Sandbox, from: &str, host: &str) -> Option<String> {
    let begun = Instant::now();
    loop {
        let page = page(sandbox, from, host);
        // The name server may have moved, see `Sandbox::run_until`.
        if page.is_some() || begun.elapsed() > Duration::from_secs(10) {
            return page;
        }
    }
}

/// The stacks' networks, and the containers on each.
fn topology(sandbox: &Sandbox) -> BTreeMap<String, BTreeSet<String>> {
    let engine = sandbox.engine();
    let containers = sandbox.wait(engine.containers()).unwrap();
    let networks = sandbox.wait(engine.networks()).unwrap();
    let short = |name: &str| name.replace(&sandbox.stack, "STACK");
    let ours = networks.iter().filter(|network| {
        let stack = network.labels.get(label::STACK_NAME);
        stack.is_some_and(|stack| stack.starts_with(&sandbox.stack))
    });
    let on = |network: &str| {
        let on = containers.iter().filter(|container| container.networks.contains_key(network));
        on.map(|container| short(container.name.as_str())).collect()
    };
    ours.map(|network| (short(&network.name), on(&network.name))).collect()
}

/// The address of an instance's container in its own stack's network.
fn address(sandbox: &Sandbox, container: &str) -> String {
    let name = container.replace("STACK", &sandbox.stack);
    let containers = sandbox.wait(sandbox.engine().containers()).unwrap();
    let container = containers.iter().find(|it| it.name.as_str() == name).unwrap();
    let own = container.networks.iter().find(|(network, _)| network.ends_with("-net")).unwrap();
    own.1.unwrap().to_string()
}

fn a_link_joins_only_its_two_containers(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(PROJECT);
    let alone = sandbox.fails(3, &["up", "STACK", "--yes"]).stderr;
    assert!(alone.contains("stack 'STACK-infra' has no instance 'db' to link to"), "{alone}");
    sandbox.ok(&["up", "STACK-infra", "--yes"]);
    let up = sandbox.ok(&["up", "STACK", "--yes"]).stderr;
    for line in [
        "+   network devarch-STACK-api.STACK-infra-db  will be created (links api to STACK-infra/db)",
        "+   wire api.upstream -> STACK-infra/db.web (explicit, new)",
    ] {
        assert!(up.contains(line), "{up}");
    }
    let theirs = sandbox.ok(&["plan", "STACK-infra", "--detailed-exitcode"]).stdout;
    assert!(theirs.contains("note: db.links: STACK/api is linked to it"), "{theirs}");
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    only_linked_containers_reach_each_other(&sandbox);
    a_recreated_provider_is_reached_again(&sandbox);
    a_linked_provider_cannot_be_removed(&sandbox);
    a_link_follows_renames_and_is_removed_with_its_wire(&sandbox);
}

fn only_linked_containers_reach_each_other(sandbox: &Sandbox) {
    assert_eq!(reached(sandbox, "STACK/api", "$UPSTREAM_HOST").as_deref(), Some("db"));
    let env = sandbox.ok(&["wire", "env", "STACK/api"]).stdout;
    assert!(env.contains("UPSTREAM_HOST=devarch-STACK-infra-db"), "{env}");
    assert_eq!(reached(sandbox, "STACK/web", "$UPSTREAM_HOST").as_deref(), Some("db"), "its own stack's");
    let (db, other) =
        (address(sandbox, "devarch-STACK-infra-db"), address(sandbox, "devarch-STACK-infra-other"));
    let web = address(sandbox, "devarch-STACK-web");
    for (from, to) in [
        // Other instances of the provider's stack, and the provider's address in its own network.
        ("STACK/api", other.as_str()),
        ("STACK/api", "devarch-STACK-infra-other"),
        ("STACK/api", &db),
        // Other instances of the consumer's stack.
        ("STACK/web", &db),
        ("STACK/web", "devarch-STACK-infra-db"),
        // From the provider's stack.
        ("STACK-infra/db", &web),
        ("STACK-infra/other", "devarch-STACK-api"),
    ] {
        assert_eq!(page(sandbox, from, to), None, "{from} reaches {to}");
    }
    let link = "devarch-STACK-api.STACK-infra-db";
    let both = ["devarch-STACK-api", "devarch-STACK-infra-db"].map(str::to_owned);
    assert_eq!(topology(sandbox)[link], BTreeSet::from(both));
    // Both are still reachable from the host.
    for instance in ["STACK/api", "STACK-infra/db"] {
        let (stack, name) = instance.split_once('/').unwrap();
        let status = sandbox.json(&["status", stack]);
        let port = status["stacks"][0]["instances"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == name)
            .unwrap();
        let socket = port["ports"][0]["host"].as_str().unwrap().parse().unwrap();
        let page = sandbox.wait(devarch_testkit::outside::web_page(socket, "/"));
        assert!(page.is_some_and(|page| page.contains(name)), "{instance} at {socket}");
    }
}

fn a_recreated_provider_is_reached_again(sandbox: &Sandbox) {
    sandbox.ok(&["apply", "STACK-infra", "--replace", "db", "--yes"]);
    assert_eq!(reached(sandbox, "STACK/api", "$UPSTREAM_HOST").as_deref(), Some("db"));
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    let down = sandbox.ok(&["down", "STACK-infra", "--yes"]).stderr;
    assert!(down.contains("warning: db.links: STACK/api runs, is linked to it and loses it"), "{down}");
    let plan = sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]).stdout;
    assert!(
        plan.contains("warning: api.wires: STACK-infra/db, which it is linked to, is not running"),
        "{plan}"
    );
    let refused = sandbox.fails(5, &["apply", "STACK", "--replace", "api", "--yes"]).stderr;
    assert!(refused.contains("`devarch up STACK-infra` starts it"), "{refused}");
    sandbox.ok(&["up", "STACK-infra", "--yes"]);
    assert_eq!(reached(sandbox, "STACK/api", "$UPSTREAM_HOST").as_deref(), Some("db"));
}

fn a_linked_provider_cannot_be_removed(sandbox: &Sandbox) {
    for args in [&["instance", "remove", "STACK-infra/db"][..], &["stack", "delete", "STACK-infra", "--yes"]]
    {
        let refused = sandbox.run(args);
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains("is linked to by STACK/api -> db"), "{refused}");
    }
    let listed = sandbox.ok(&["wire", "list", "STACK-infra"]).stderr;
    assert!(listed.contains("linked from another stack: STACK/api -> db"), "{listed}");
}

fn a_link_follows_renames_and_is_removed_with_its_wire(sandbox: &Sandbox) {
    sandbox.ok(&["instance", "rename", "STACK-infra", "db", "store"]);
    let listed = sandbox.ok(&["wire", "list", "STACK"]).stdout;
    assert!(listed.contains("STACK-infra/store.web"), "{listed}");
    sandbox.ok(&["apply", "STACK-infra", "--yes"]);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    assert_eq!(reached(sandbox, "STACK/api", "$UPSTREAM_HOST").as_deref(), Some("store"));
    sandbox.ok(&["wire", "remove", "STACK", "api"]);
    sandbox.ok(&["wire", "add", "STACK", "api", "db"]);
    let ended = sandbox.ok(&["apply", "STACK", "--yes"]).stderr;
    assert!(
        ended.contains(
            "-   network devarch-STACK-api.STACK-infra-store  will be removed (its link was removed)"
        ),
        "{ended}"
    );
    let networks: Vec<String> = topology(sandbox).into_keys().collect();
    assert_eq!(networks, ["devarch-STACK-infra-net", "devarch-STACK-net"]);
    sandbox.ok(&["plan", "STACK-infra", "--detailed-exitcode"]);
}

#[test]
fn a_link_joins_only_its_two_containers_on_docker() {
    a_link_joins_only_its_two_containers(EngineKind::Docker);
}

#[test]
fn a_link_joins_only_its_two_containers_on_podman() {
    a_link_joins_only_its_two_containers(EngineKind::Podman);
}

fn an_apply_that_fails_leaves_no_link(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(PROJECT);
    sandbox.ok(&["up", "STACK-infra", "--yes"]);
    let before = topology(&sandbox);
    sandbox
        .write(&PROJECT.replace("{ template: client }", "{ template: client, command: [sh, -c, 'exit 3'] }"));
    let failed = sandbox.fails(1, &["up", "STACK", "--yes"]).stderr;
    assert!(failed.contains("api"), "{failed}");
    assert_eq!(topology(&sandbox), before, "the provider is on its own network alone");
    sandbox.write(PROJECT);
    sandbox.ok(&["up", "STACK", "--yes"]);
    sandbox.ok(&["down", "STACK", "--yes"]);
    assert_eq!(topology(&sandbox), before);
}

#[test]
fn an_apply_that_fails_leaves_no_link_on_docker() {
    an_apply_that_fails_leaves_no_link(EngineKind::Docker);
}

#[test]
fn an_apply_that_fails_leaves_no_link_on_podman() {
    an_apply_that_fails_leaves_no_link(EngineKind::Podman);
}

/// One consumer and one provider.
const PAIR: &str = r#"
version: "1"
templates:
  server: { image: "busybox:1.37", command: [sleep, "1000"], stop_grace_period: 0s, exports: [{ name: web, type: http, port: 80 }] }
  client: { image: "busybox:1.37", command: [sleep, "1000"], stop_grace_period: 0s, imports: [{ name: upstream, type: http }] }
stacks:
  STACK-infra: { instances: { db: { template: server } } }
  STACK: { wires: [{ from: api, to: STACK-infra/db }], instances: { api: { template: client } } }
"#;

fn a_link_survives_a_kill_at_any_call(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(PAIR);
    sandbox.ok(&["up", "STACK-infra", "--yes"]);
    let before = topology(&sandbox);
    sandbox.ok(&["up", "STACK", "--yes"]);
    let both = topology(&sandbox);
    // Killed while the link is created, and while it is removed.
    for (command, old, new) in [("up", &before, &both), ("down", &both, &before)] {
        for at in 1..40 {
            sandbox.ok(&[if command == "up" { "down" } else { "up" }, "STACK", "--yes"]);
            let killed = {
                let _runtime = sandbox.enter();
                let proxy = FaultProxy::start(&sandbox.endpoint(), Some((at, Fault::Kill(Moment::After))));
                let mut words = sandbox.command_at(&proxy.endpoint(), &[command, "STACK", "--yes"]);
                sandbox.end(words.spawn().unwrap());
                proxy.broken().is_some()
            };
            if !killed {
                assert!(at > 4, "{command} makes more calls");
                break;
            }
            let undone = sandbox.run(&["apply", "STACK", "--undo"]);
            let now = topology(&sandbox);
            // A committed apply cannot be undone.
            let forward = undone.stderr.contains("it cannot be undone");
            assert!(forward || now == *old || now == *new, "{command} {at}: {now:#?}\n{undone}");
            sandbox.ok(&[command, "STACK", "--yes"]);
            assert_eq!(topology(&sandbox), *new, "{command} {at}");
            sandbox.ok(&["plan", "STACK-infra", "--detailed-exitcode"]);
        }
    }
}

#[test]
fn a_link_survives_a_kill_at_any_call_on_docker() {
    a_link_survives_a_kill_at_any_call(EngineKind::Docker);
}

#[test]
fn a_link_survives_a_kill_at_any_call_on_podman() {
    a_link_survives_a_kill_at_any_call(EngineKind::Podman);
}

/// A database server shared by several stacks: each consumer has its own login, even if names are equal.
const SHARED: &str = r#"
version: "1"
templates:
  client:
    image: postgres:17.2
    entrypoint: ["sleep", "1000"]
    stop_grace_period: 0s
    volumes: ["nothing:/var/lib/postgresql/data"]
    imports: [{ name: db, type: postgres, own: true }]
stacks:
  STACK-infra: { instances: { db: { template: postgres } } }
  STACK-a: { wires: [{ from: one, to: STACK-infra/db }], instances: { one: { template: client } } }
  STACK-b: { wires: [{ from: one, to: STACK-infra/db }], instances: { one: { template: client } } }
"#;

fn stacks_share_a_server_and_not_their_data(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(SHARED);
    for stack in ["STACK-infra", "STACK-a", "STACK-b"] {
        sandbox.ok(&["up", stack, "--yes"]);
    }
    let query = |instance: &str, sql: &str| {
        let line = format!("psql \"$DB_URL\" -tAc \"{sql}\"");
        sandbox.run_until(&["exec", instance, "-T", "--", "sh", "-c", &line], |ran| ran.code == 0)
    };
    let made = query("STACK-a/one", "CREATE TABLE orders (item text); INSERT INTO orders VALUES ('teapot')");
    assert_eq!(made.code, 0, "{made}");
    let compose = sandbox.ok(&["compose", "STACK-a"]);
    assert!(compose.stdout.contains("name: devarch-STACK-infra-net\n    external: true"), "{compose}");
    let who = |instance| query(instance, "SELECT current_user || ' ' || current_database()").stdout;
    let (a, b) = (who("STACK-a/one"), who("STACK-b/one"));
    let Some((user, database)) = a.trim().split_once(' ') else { panic!("{a}") };
    assert!(user.starts_with("one_db_") && user == database && a != b, "{a} and {b}");
    let note = format!("one logs in to STACK-infra/db as {user}, a login that DevArch creates");
    assert!(compose.stderr.contains(&note), "{compose}");
    let line = "psql \"$DB_URL\" -tAc 'SELECT * FROM orders'";
    sandbox.refused(&["exec", "STACK-b/one", "-T", "--", "sh", "-c", line], "does not exist");
    assert_eq!(query("STACK-a/one", "SELECT * FROM orders").stdout.trim(), "teapot", "nor its password lost");
    let other = format!("psql -h $DB_HOST -U $DB_USER -d {database} -tAc 'SELECT * FROM orders'");
    let line = format!("PGPASSWORD=$DB_PASSWORD {other}");
    sandbox.refused(&["exec", "STACK-b/one", "-T", "--", "sh", "-c", &line], "permission denied");
    sandbox.ok(&["down", "STACK-a", "--yes"]);
    let deleted = sandbox.ok(&["stack", "delete", "STACK-a", "--yes"]).stderr;
    assert!(
        deleted.contains(&format!("  {user} on STACK-infra/db")),
        "remaining logins are listed: {deleted}"
    );
}

#[test]
fn stacks_share_a_server_and_not_their_data_on_docker() {
    stacks_share_a_server_and_not_their_data(EngineKind::Docker);
}

#[test]
fn stacks_share_a_server_and_not_their_data_on_podman() {
    stacks_share_a_server_and_not_their_data(EngineKind::Podman);
}
