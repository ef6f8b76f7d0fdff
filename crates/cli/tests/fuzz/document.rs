//! Valid devarch.yml documents, before mutation.

use crate::random::Random;
use devarch_core::{
    policy::Allowance,
    read::{OVERRIDE_FIELDS, SERVICE_FIELDS},
    template::ContractType,
};
use serde_json::{Map, Value, json};

const TEMPLATES: usize = 3;

/// A whole document.
pub(crate) fn project(random: &mut Random) -> Value {
    let templates = (0..TEMPLATES).map(|n| (format!("t{n}"), template(random)));
    let templates: Map<String, Value> = templates.collect();
    let names = ["shop", "infra", "a"];
    let stacks = names[..=random.below(names.len())].iter().map(|name| ((*name).to_owned(), stack(random)));
    let stacks: Map<String, Value> = stacks.collect();
    json!({"version": "1", "templates": templates, "stacks": stacks})
}

fn template(random: &mut Random) -> Value {
    let mut template = Map::new();
    template.insert("image".to_owned(), random.one(&["busybox:1", "postgres:17", "quay.io/a/b"]).into());
    for field in SERVICE_FIELDS.iter().filter(|field| **field != "image") {
        maybe_insert(&mut template, field, (0, 12), random);
    }
    for field in ["config_files", "exports", "imports"] {
        maybe_insert(&mut template, field, (0, 3), random);
    }
    if random.once_in(4) {
        template.insert("description".to_owned(), "What it is".into());
    }
    Value::Object(template)
}

fn stack(random: &mut Random) -> Value {
    let count = random.below(6);
    let instances: Map<String, Value> =
        (0..count).map(|at| (format!("i{at}"), instance(at, random))).collect();
    let mut stack = Map::new();
    let allow: Vec<&str> = Allowance::ALL.iter().map(|allowance| allowance.as_str()).collect();
    if !random.once_in(6) {
        stack.insert("allow".to_owned(), json!(allow));
    }
    stack.insert(
        "secrets".to_owned(),
        json!({"KEY": {"generate": 20}, "OTHER": {"generate": {"length": 40, "charset": "hex"}}}),
    );
    if random.once_in(8) {
        stack.insert("prefer".to_owned(), "primary".into());
    }
    if random.once_in(4) {
        let contract = contract(random);
        stack.insert(
            "external".to_owned(),
            json!({"lan": {"type": contract, "host": "db.lan", "port": 5432}}),
        );
    }
    if count > 1 && random.once_in(4) {
        let to = random.one(&["i0", "i0.main", "lan", "none", "infra/i0"]);
        stack.insert("wires".to_owned(), json!([{"from": "i1.needs", "to": to}]));
    }
    stack.insert("instances".to_owned(), Value::Object(instances));
    Value::Object(stack)
}

fn instance(at: usize, random: &mut Random) -> Value {
    let mut instance = Map::new();
    instance.insert("template".to_owned(), format!("t{}", random.below(TEMPLATES)).into());
    if random.once_in(10) {
        instance.insert("enabled".to_owned(), random.once_in(2).into());
    }
    for field in SERVICE_FIELDS.iter().chain(OVERRIDE_FIELDS) {
        maybe_insert(&mut instance, field, (at, 14), random);
    }
    Value::Object(instance)
}

/// Inserts a field with a probability of one in `times`; `at` is the number of instances that it may depend on.
fn maybe_insert(map: &mut Map<String, Value>, field: &str, (at, times): (usize, usize), random: &mut Random) {
    if random.once_in(times) {
        map.extend(value(field, at, random).map(|value| (field.to_owned(), value)));
    }
}

fn contract(random: &mut Random) -> &'static str {
    ContractType::ALL[random.below(ContractType::ALL.len())].as_str()
}

/// A valid value of a field; unknown fields get an invalid one, so that a missing entry here is noticed.
fn value(field: &str, at: usize, random: &mut Random) -> Option<Value> {
    scalar(field, random).or_else(|| lists(field, random)).or_else(|| objects(field, at, random))
}

fn scalar(field: &str, random: &mut Random) -> Option<Value> {
    Some(match field {
        "image" => random
            .one(&["busybox:1", "localhost:5000/a/b:c", "a@sha256:0123456789abcdef0123456789abcdef"])
            .into(),
        "pull_policy" => random.one(&["missing", "always", "never"]).into(),
        "platform" => random.one(&["linux/amd64", "linux/arm/v7"]).into(),
        "command" | "entrypoint" => json!(["sh", "-c", "echo ${secret:KEY} $A"]),
        "user" => random.one(&["0", "1000:1000"]).into(),
        "working_dir" => "/srv".into(),
        "hostname" => random.one(&["web", "a.example.com"]).into(),
        "restart" => random.one(&["no", "always", "on-failure:3", "unless-stopped"]).into(),
        "job" | "init" | "tty" | "stdin_open" | "read_only" | "privileged" => random.once_in(2).into(),
        "network_mode" => "none".into(),
        "pid" => "host".into(),
        "ipc" => random.one(&["host", "private", "shareable"]).into(),
        "stop_signal" => "SIGTERM".into(),
        "stop_grace_period" => "1m30s".into(),
        "shm_size" => "64m".into(),
        _ => return None,
    })
}

fn lists(field: &str, random: &mut Random) -> Option<Value> {
    Some(match field {
        "ports" => random_list(random, &["80", "127.0.0.1::53/udp", "[::1]:8080:81", "auto:82"]),
        "volumes" => random_list(random, &["data:/data", "./src:/src:ro", "more:/var/lib/more"]),
        "tmpfs" => random_list(random, &["/run", "/tmp:size=64m,mode=1777"]),
        "secrets" => json!(["KEY", {"source": "OTHER", "target": "/etc/other", "mode": "0440"}]),
        "dns" => random_list(random, &["1.1.1.1", "::1"]),
        "cap_add" | "cap_drop" => random_list(random, &["NET_ADMIN", "ALL"]),
        "devices" => random_list(random, &["/dev/null", "/dev/zero:/dev/a:r"]),
        "security_opt" => json!(["no-new-privileges:true"]),
        "group_add" => random_list(random, &["100", "audio"]),
        "exports" => {
            json!([{"name": "main", "type": contract(random), "port": 80, "properties": {"user": "${env:A}"}}])
        }
        "imports" => {
            json!([{"name": "needs", "type": contract(random), "required": false, "environment": {"URL": "{url}"}}])
        }
        _ => return None,
    })
}

fn objects(field: &str, at: usize, random: &mut Random) -> Option<Value> {
    Some(match field {
        "build" => json!({"context": "./web", "target": "dev", "args": {"A": "1"}}),
        "environment" => {
            json!({"A": "1", "B": {"generate": 24}, "C": "${secret:KEY}", "D": {"value": "x", "secret": true}})
        }
        "environment_add" => json!({"A": null, "E": "2"}),
        "labels" => json!({"com.example.a": "b"}),
        "healthcheck" => json!({"test": ["CMD", "true"], "interval": "5s", "retries": 3}),
        "depends_on" if at == 0 => return None,
        "depends_on" => {
            let on = format!("i{}", random.below(at));
            json!({on: {"condition": random.one(&["ready", "service_started"]), "restart": true}})
        }
        "extra_hosts" => json!({"db.lan": "10.0.0.1", "host": "host-gateway"}),
        "sysctls" => json!({"net.core.somaxconn": "1024"}),
        "ulimits" => json!({"nofile": 1024, "nproc": {"soft": 1, "hard": 2}}),
        "resources" => json!({"limits": {"cpus": "0.5", "memory": "512m", "pids": 10}}),
        "ports_add" => json!({"83": "auto", "84/udp": 8084}),
        "volumes_add" => json!({"/more": "more"}),
        "config_files" => {
            json!({"/etc/a": "a = 1\n", "/etc/b": {"content": "${secret:KEY}", "mode": "0600"}})
        }
        _ => return Some(json!({"not": ["known"]})),
    })
}

fn random_list(random: &mut Random, of: &[&str]) -> Value {
    of[..=random.below(of.len())].iter().copied().collect()
}
