//! Real servers and clients, with only the values that wires provide.

use crate::common::Sandbox;
use devarch_core::engine::EngineKind;
use std::{
    env,
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, UdpSocket},
    thread,
};

/// Two databases, each visible to its consumer only, and a cache. No host, port or password is written down.
const PROJECT: &str = r#"
version: "1"
templates:
  client:
    image: postgres:17.2
    entrypoint: ["sleep", "1000"]
    stop_grace_period: 0s
    volumes: ["nothing:/var/lib/postgresql/data"]
    imports:
      - name: db
        type: postgres
        environment:
          PGHOST: "{host}"
          PGPORT: "{port}"
          PGUSER: "{user}"
          PGPASSWORD: "{password}"
          PGDATABASE: "{database}"
          DATABASE_URL: "{url}"
  worker:
    image: busybox:1.37
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    imports: [{ name: cache, type: redis }]
stacks:
  STACK:
    wires: [{ from: reader, to: archive }]
    prefer: primary
    instances:
      db:
        template: postgres
        labels: { devarch.role: primary }
        environment_add: { POSTGRES_USER: "me@shop", POSTGRES_DB: orders }
      archive: { template: postgres, environment_add: { POSTGRES_DB: archive } }
      cache: { template: redis }
      writer: { template: client }
      reader: { template: client }
      worker: { template: worker }
"#;

fn query(sandbox: &Sandbox, instance: &str, sql: &str) -> String {
    sandbox
        .ok_soon(&["exec", &format!("STACK/{instance}"), "-T", "--", "psql", "-tAc", sql])
        .stdout
        .trim()
        .to_owned()
}

fn consumers_log_in_with_the_values_of_their_wires(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(PROJECT);
    let up = sandbox.ok(&["up", "--yes"]).stderr;
    for line in [
        "+   wire reader.db -> archive.db (explicit, new)",
        "+   wire worker.cache -> cache.cache (auto, new)",
        "+   wire writer.db -> db.db (auto, new)",
    ] {
        assert!(up.contains(line), "{up}");
    }
    query(&sandbox, "writer", "CREATE TABLE orders (item text); INSERT INTO orders VALUES ('teapot')");
    assert_eq!(query(&sandbox, "writer", "SELECT item FROM orders"), "teapot");
    assert_eq!(query(&sandbox, "writer", "SELECT current_user || current_database()"), "me@shoporders");
    assert_eq!(
        query(&sandbox, "reader", "SELECT to_regclass('orders') IS NULL"),
        "t",
        "another's data is not seen"
    );
    let url = ["exec", "STACK/writer", "-T", "--", "sh", "-c", "psql \"$DATABASE_URL\" -tAc 'SELECT 1'"];
    assert_eq!(sandbox.ok_soon(&url).stdout.trim(), "1");
    sandbox.ok_soon(&[
        "exec",
        "STACK/worker",
        "-T",
        "--",
        "sh",
        "-c",
        "printf 'PING\\r\\n' | nc -w 1 $CACHE_HOST $CACHE_PORT | grep PONG",
    ]);
    on_the_host(&sandbox);
    nothing_secret_is_shown(&sandbox);
    a_change_of_the_provider_reaches_its_consumers(&sandbox);
}

fn on_the_host(sandbox: &Sandbox) {
    let env = sandbox.ok(&["wire", "env", "STACK/worker", "--host"]).stdout;
    assert!(env.contains("CACHE_HOST=127.0.0.1"), "{env}");
    let ping = "exec 3<>/dev/tcp/$CACHE_HOST/$CACHE_PORT; printf 'PING\\r\\n' >&3; head -c 5 <&3; exit 3";
    let ran = sandbox.fails(3, &["run", "STACK/worker", "--", "bash", "-c", ping]);
    assert_eq!(ran.stdout, "+PONG");
    if let Ok(bin) = env::var("DEVARCH_TEST_POSTGRES_BIN") {
        let psql = format!("{bin}/psql");
        let sql = "SELECT item FROM orders";
        assert_eq!(sandbox.ok(&["run", "STACK/writer", "--", &psql, "-tAc", sql]).stdout.trim(), "teapot");
    }
    sandbox.ok(&["set", "STACK/cache", "ports=[]"]);
    let unpublished = sandbox.fails(5, &["run", "STACK/worker", "--", "true"]).stderr;
    assert!(unpublished.contains("cache.cache publishes no port for 6379"), "{unpublished}");
    sandbox.ok(&["unset", "STACK/cache", "ports"]);
    let undone = sandbox.ok(&["wire", "add", "STACK", "worker", "cache"]);
    assert!(undone.stderr.contains("added {from: worker, to: cache}"), "{undone}");
    let up = sandbox.ok(&["up", "--yes"]).stderr;
    assert!(up.contains("! wires: - {from: worker, to: cache}"), "overwritten edits are reported: {up}");
}

fn nothing_secret_is_shown(sandbox: &Sandbox) {
    let revealed = sandbox.json(&["wire", "env", "STACK/writer", "--reveal"]);
    let password = revealed["PGPASSWORD"].as_str().unwrap();
    assert!(password.len() > 20);
    let all: &[&[&str]] = &[
        &["plan", "STACK", "--full"],
        &["plan", "STACK", "--json"],
        &["plan", "STACK", "--replace", "writer", "--json"],
        &["config", "STACK", "--origin"],
        &["config", "STACK", "--json"],
        &["compose", "STACK"],
        &["wire", "list", "STACK", "--json"],
        &["wire", "env", "STACK/writer"],
        &["wire", "env", "STACK/writer", "--host", "--json"],
        &["history", "show", "STACK", "--json"],
        &["status", "STACK", "--json"],
        &["exec", "STACK/writer", "-T", "--", "env"],
    ];
    for args in all {
        let ran = sandbox.ok(args);
        assert!(!ran.to_string().contains(password), "{args:?} shows it");
    }
    let origin = sandbox.ok(&["config", "STACK/writer", "--origin"]).stdout;
    assert!(origin.contains("PGHOST: devarch-STACK-db  # wire db -> db.db"), "{origin}");
}

fn a_change_of_the_provider_reaches_its_consumers(sandbox: &Sandbox) {
    sandbox.ok(&["set", "STACK/archive", "environment.POSTGRES_DB=renamed"]);
    let plan = sandbox.ok(&["plan", "STACK"]).stdout;
    assert!(
        plan.contains("-/+ reader  will be replaced (the values from wire db -> archive.db changed)"),
        "{plan}"
    );
    assert!(plan.contains("~ reader.environment.PGDATABASE: archive => renamed"), "{plan}");
    assert!(!plan.contains("writer  will be replaced"), "{plan}");
    sandbox.ok(&["unset", "STACK/archive", "environment.POSTGRES_DB"]);
    sandbox.ok(&["set", "STACK/archive", "environment.POSTGRES_DB=archive"]);
    let plan = sandbox.ok(&["plan", "STACK"]).stdout;
    assert!(plan.contains("No changes"), "{plan}");
}

#[test]
fn consumers_log_in_with_the_values_of_their_wires_on_docker() {
    consumers_log_in_with_the_values_of_their_wires(EngineKind::Docker);
}

#[test]
fn consumers_log_in_with_the_values_of_their_wires_on_podman() {
    consumers_log_in_with_the_values_of_their_wires(EngineKind::Podman);
}

fn consumers_start_after_their_providers_are_ready_and_stop_before_them(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(
        r#"
version: "1"
templates:
  slow:
    image: busybox:1.37
    stop_grace_period: 0s
    command: ["sh", "-c", "sleep 1; touch /ready; sleep 1000"]
    healthcheck: { test: "test -e /ready", interval: 1s }
    exports: [{ name: http, type: http, port: 80 }]
  eager:
    image: busybox:1.37
    stop_grace_period: 0s
    command: ["sleep", "1000"]
    imports: [{ name: up, type: http }]
stacks:
  STACK:
    instances: { zero: {template: slow}, a: {template: eager} }
"#,
    );
    sandbox.ok(&["up", "--yes"]);
    let plan = sandbox.json(&["plan", "STACK", "--replace", "zero", "--replace", "a"]);
    let steps = plan["steps"].as_array().unwrap();
    let find = |instance: &str, action: &str| {
        steps
            .iter()
            .position(|step| step["instance"] == instance && step["action"].get(action).is_some())
            .unwrap()
    };
    let after = |step: usize| {
        steps[step]["after"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(serde_json::Value::as_u64)
            .collect::<Vec<_>>()
    };
    let (ready, started) = (find("zero", "await"), find("a", "start"));
    let mut reached = std::collections::BTreeSet::from([started as u64]);
    let mut todo = vec![started];
    while let Some(step) = todo.pop() {
        for before in after(step) {
            if reached.insert(before) {
                todo.push(usize::try_from(before).unwrap());
            }
        }
    }
    assert!(reached.contains(&(ready as u64)), "{plan:#}");
    let compose = sandbox.ok(&["compose", "STACK"]).stdout;
    assert!(compose.contains("condition: service_healthy"), "{compose}");
    sandbox.ok(&["down", "STACK", "--yes"]);
}

#[test]
fn consumers_start_after_their_providers_are_ready_and_stop_before_them_on_docker() {
    consumers_start_after_their_providers_are_ready_and_stop_before_them(EngineKind::Docker);
}

#[test]
fn consumers_start_after_their_providers_are_ready_and_stop_before_them_on_podman() {
    consumers_start_after_their_providers_are_ready_and_stop_before_them(EngineKind::Podman);
}

/// A server on this machine, outside of every engine, that speaks Redis and requires a password.
fn server() -> Option<(IpAddr, u16)> {
    let probe = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: this only selects the local address that would be used.
    probe.connect("192.0.2.1:9").ok()?;
    let listener = TcpListener::bind("0.0.0.0:0").ok()?;
    let port = listener.local_addr().ok()?.port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = [0; 64];
            let read = stream.read(&mut line).unwrap_or(0);
            let knows = line[..read].starts_with(b"AUTH hunter2");
            let _ = stream.write_all(if knows { b"+OK\r\n" } else { b"-NOAUTH\r\n" });
        }
    });
    Some((probe.local_addr().ok()?.ip(), port))
}

fn an_external_provider_is_wired_like_an_instance(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let Some((host, port)) = server() else { return };
    sandbox.write(&format!(
        r#"
version: "1"
templates:
  worker:
    image: busybox:1.37
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    imports: [{{ name: cache, type: redis }}]
stacks:
  STACK:
    external: {{ shared: {{ type: redis, host: {host}, port: {port}, password: "${{secret:PW}}" }} }}
    instances: {{ worker: {{template: worker}} }}
"#
    ));
    let unset = sandbox.fails(3, &["up", "--yes"]).stderr;
    assert!(unset.contains("external.shared.password: secret 'PW' of stack 'STACK' is not set"), "{unset}");
    assert_eq!(sandbox.feed(b"hunter2", &["secret", "set", "STACK", "PW"]).code, 0);
    let up = sandbox.ok(&["up", "--yes"]).stderr;
    assert!(up.contains("+   wire worker.cache -> shared (auto, new)"), "{up}");
    let auth = "printf 'AUTH %s\\r\\n' $CACHE_PASSWORD | nc -w 2 $CACHE_HOST $CACHE_PORT";
    assert_eq!(sandbox.ok(&["exec", "STACK/worker", "-T", "--", "sh", "-c", auth]).stdout.trim(), "+OK");
    let used = sandbox.ok(&["secret", "list", "STACK"]).stdout;
    assert!(used.contains("external.shared.password"), "{used}");
    assert!(!sandbox.ok(&["config", "STACK"]).to_string().contains("hunter2"));
}

#[test]
fn an_external_provider_is_wired_like_an_instance_on_docker() {
    an_external_provider_is_wired_like_an_instance(EngineKind::Docker);
}

#[test]
fn an_external_provider_is_wired_like_an_instance_on_podman() {
    an_external_provider_is_wired_like_an_instance(EngineKind::Podman);
}
