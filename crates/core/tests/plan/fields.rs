//! Follows every field of the reference through all stages: parsed, merged, serialized, hashed, exported to the
//! Compose file.

use crate::support::{Scenario, name, stack};
use devarch_core::{
    compose::{ConfigPlace, compose_file},
    desired::Desired,
    id::SecretId,
    persisted::applied_form,
    policy::Allowance,
    read::{
        OVERRIDE_FIELDS, ProjectFile, SERVICE_FIELDS, parse_yaml, project_yaml, read_overrides, read_project,
        read_template,
    },
    resolve::{FieldReference, MergeRule, OVERRIDE_REFERENCE, SERVICE_REFERENCE, merge},
    secret::{KeptSecret, SecretValue},
    template::{Overrides, Template},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// By field: a template's value and an instance's, different where the field has two values.
const SAMPLES: &[(&str, [&str; 2])] = &[
    ("image", ["a:1", "b:1"]),
    ("build", ["./a", "./b"]),
    ("pull_policy", ["always", "never"]),
    ("platform", ["linux/amd64", "linux/arm64"]),
    ("command", ["[a]", "[b]"]),
    ("entrypoint", ["[a]", "[b]"]),
    ("user", ["\"1000:1000\"", "\"1\""]),
    ("working_dir", ["/a", "/b"]),
    ("hostname", ["a", "b"]),
    ("restart", ["unless-stopped", "on-failure:3"]),
    ("job", ["true", "false"]),
    ("init", ["true", "false"]),
    ("tty", ["true", "false"]),
    ("stdin_open", ["true", "false"]),
    ("read_only", ["true", "false"]),
    ("privileged", ["true", "false"]),
    ("network_mode", ["host", "none"]),
    ("pid", ["host", "host"]),
    ("ipc", ["host", "private"]),
    ("stop_signal", ["SIGINT", "SIGTERM"]),
    ("stop_grace_period", ["5s", "1m"]),
    ("shm_size", ["64M", "128M"]),
    ("environment", ["{A: \"1\", C: \"1\"}", "{B: \"2\"}"]),
    ("labels", ["{a: \"1\"}", "{b: \"2\"}"]),
    ("ports", ["[\"80\", \"82\"]", "[\"81\"]"]),
    ("volumes", ["[\"a:/a\", \"c:/c\"]", "[\"b:/b\"]"]),
    ("tmpfs", ["/a", "/b"]),
    ("secrets", ["[A]", "[B]"]),
    ("healthcheck", ["{test: [CMD, a], interval: 5s}", "{test: [CMD, b]}"]),
    ("depends_on", ["[a]", "[b]"]),
    ("extra_hosts", ["{a: 10.0.0.1}", "{b: 10.0.0.2}"]),
    ("dns", ["10.0.0.1", "10.0.0.2"]),
    ("cap_add", ["NET_RAW", "CHOWN"]),
    ("cap_drop", ["ALL", "CHOWN"]),
    ("devices", ["/dev/null", "/dev/zero"]),
    ("security_opt", ["no-new-privileges", "label=type:container_t"]),
    ("group_add", ["a", "b"]),
    ("sysctls", ["{net.core.somaxconn: 1}", "{net.core.somaxconn: 2}"]),
    ("ulimits", ["{nofile: 1}", "{nofile: 2}"]),
    ("resources", ["{limits: {memory: 1g}}", "{limits: {cpus: \"1\"}}"]),
    ("environment_add", ["{A: \"1\", C: \"1\"}", "{B: \"2\", C: null}"]),
    ("ports_add", ["[\"80\", \"82\"]", "{\"81\": auto, \"82\": null}"]),
    ("volumes_add", ["[\"a:/a\", \"c:/c\"]", "{/b: b, /c: null}"]),
    ("config_files", ["{/a: x}", "{/b: y}"]),
    ("exports", ["[{name: a, type: tcp, port: 1}]", "[{name: b, type: tcp, port: 2}]"]),
    ("imports", ["[{name: a, type: tcp}]", "[{name: b, type: tcp}]"]),
];

/// The image of a template that tests another field.
const PLAIN: &str = "plain:1";

fn samples(field: &str) -> [&'static str; 2] {
    let found = SAMPLES.iter().find(|(name, _)| *name == field);
    found.unwrap_or_else(|| panic!("{field} has no samples")).1
}

fn fields() -> impl Iterator<Item = &'static FieldReference> {
    SERVICE_REFERENCE.iter().chain(OVERRIDE_REFERENCE)
}

fn template(field: &str, value: &str) -> Option<Template> {
    let image = if matches!(field, "image" | "build") { String::new() } else { format!("image: {PLAIN}\n") };
    read_template(&parse_yaml(&format!("name: t\n{image}{field}: {value}\n")).unwrap(), None).ok()
}

fn overrides(field: &str, value: &str) -> Option<Overrides> {
    read_overrides(&parse_yaml(&format!("{field}: {value}\n")).unwrap()).ok()
}

fn base(field: &str) -> Template {
    template(field, samples(field)[0]).unwrap_or_else(|| panic!("{field} is not read"))
}

/// Returns a field of the effective config of a template and an instance.
fn effective(template: &Template, overrides: &Overrides, field: &str) -> Value {
    let effective = merge(template, overrides);
    match field {
        "config_files" => serde_json::to_value(&effective.config_files).unwrap(),
        "exports" => serde_json::to_value(&effective.exports).unwrap(),
        "imports" => serde_json::to_value(&effective.imports).unwrap(),
        _ => serde_json::to_value(&effective.service).unwrap()[field].clone(),
    }
}

fn entries(value: &Value) -> usize {
    value.as_object().map(serde_json::Map::len).or_else(|| value.as_array().map(Vec::len)).unwrap_or_default()
}

#[test]
fn the_reference_lists_exactly_the_parsed_fields() {
    let listed: Vec<&str> = fields().map(|field| field.name).collect();
    assert_eq!(listed, [SERVICE_FIELDS, OVERRIDE_FIELDS].concat());
}

#[test]
fn every_field_is_parsed_where_the_reference_lists_it() {
    for field in fields() {
        let value = samples(field.name)[1];
        assert!(overrides(field.name, value).is_some(), "{}", field.name);
        let only_instances = matches!(field.merge, MergeRule::AddTo(_));
        assert_eq!(template(field.name, value).is_none(), only_instances, "{}", field.name);
    }
}

#[test]
fn every_field_merges_as_the_reference_describes() {
    for field in fields() {
        merges(field);
    }
}

fn merges(field: &FieldReference) {
    let name = field.name;
    let [inherited, own] = samples(name);
    let over = overrides(name, own).unwrap();
    let alone = effective(&template("image", PLAIN).unwrap(), &over, name);
    let inherits = |field: &str| effective(&base(field), &Overrides::default(), field);
    match field.merge {
        MergeRule::Replace | MergeRule::ReplaceList(_) => {
            assert_eq!(effective(&base(name), &over, name), alone, "{name}");
            assert!(!inherits(name).is_null(), "{name} is not inherited");
            assert_eq!(inherits(name) == alone, inherited == own, "{name}");
        }
        MergeRule::ReplaceImageAndBuild => {
            let text = "name: t\nimage: a:1\nbuild: ./a\n";
            let both = read_template(&parse_yaml(text).unwrap(), None).unwrap();
            let other = if name == "image" { "build" } else { "image" };
            assert_eq!(effective(&both, &over, name), alone);
            assert!(effective(&both, &over, other).is_null(), "{other} stays");
        }
        MergeRule::AddTo(list) => {
            let merged = effective(&base(list), &over, list);
            assert_eq!(entries(&inherits(list)), 2, "{list}");
            assert_eq!(entries(&merged), 2, "{name}: one is added, one removed: {merged}");
            assert_ne!(merged, inherits(list));
        }
        MergeRule::ByKey => {
            let merged = effective(&base(name), &over, name);
            assert_eq!(entries(&merged), 2, "{name}: {merged}");
        }
    }
}

fn project(text: &str) -> ProjectFile {
    read_project(&parse_yaml(text).unwrap()).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

#[test]
fn every_field_survives_a_round_trip() {
    let line = |field: &FieldReference| format!("    {}: {}", field.name, samples(field.name)[1]);
    let lines = fields().map(line).collect::<Vec<_>>().join("\n");
    let text = format!(
        "version: \"1\"\ntemplates:\n  t:\n    image: {PLAIN}\nstacks:\n s:\n  instances:\n   i:\n    template: t\n{lines}\n"
    );
    let given = project(&text);
    let written = project_yaml(&given).unwrap();
    assert_eq!(project(&written), given, "{written}");
    let value: Value = serde_saphyr::from_str(&written).unwrap();
    let instance = &value["stacks"]["s"]["instances"]["i"];
    for field in fields() {
        assert!(instance.get(field.name).is_some(), "{} is not written: {written}", field.name);
    }
}

/// Returns a stack of two instances with every policy allowed: `x`, which sets the field, and `a`.
fn desired(field: &str, value: &str) -> Desired {
    let mut stack = stack(&format!("a:\n  template: t\nx:\n  template: t\n  {field}: {value}\n"));
    stack.allow = Allowance::ALL.into();
    let secret = KeptSecret { id: SecretId::new("s1"), value: SecretValue::new("hunter2"), changed_at: 0 };
    stack.secrets.insert("A".parse().unwrap(), secret);
    Scenario::new().desire(&stack)
}

#[test]
fn every_field_of_a_service_is_compared_with_the_running_container() {
    let compared = |desired: &Desired| {
        let x = &desired.instances[&name("x")];
        (applied_form(&x.spec, &x.depends_on, &BTreeMap::new()), x.supply)
    };
    let without = compared(&desired("enabled", "true"));
    for field in SERVICE_FIELDS {
        assert_ne!(compared(&desired(field, samples(field)[0])), without, "{field}");
    }
}

#[test]
fn every_field_of_a_service_is_part_of_the_compose_file() {
    let written = |desired: &Desired| compose_file(desired, ConfigPlace::Inline).to_yaml().unwrap();
    let without = written(&desired("enabled", "true"));
    // Compose has no jobs: a container that runs once is not restarted.
    for field in SERVICE_FIELDS.iter().filter(|field| **field != "job") {
        assert_ne!(written(&desired(field, samples(field)[0])), without, "{field}");
    }
}
