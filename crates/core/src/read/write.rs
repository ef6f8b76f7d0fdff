//! Definitions to text: the way back from [`super::read_project`], in the forms a person would write.

use super::ProjectFile;
use crate::{
    port::Protocol,
    serialize::SerializeError,
    stack::{InstanceFile, SecretFile, StackFile},
    template::{
        Build, ConfigContent, ConfigFile, Dependency, DependencyCondition, HealthTest, Healthcheck,
        HostPortChoice, MountSource, Overrides, PortSpec, RestartPolicy, SECRETS_DIRECTORY, SecretMount,
        Service, Template, TmpfsMount, Ulimit, VolumeMount,
    },
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::IpAddr};

/// YAML that readers of YAML 1.1 and 1.2 read alike: what one of them would take for something else is quoted,
/// long lines are not folded.
pub(crate) fn yaml_text(value: &impl Serialize) -> Result<String, SerializeError> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}

/// A devarch.yml that reads back as the same project, in a stable order, but for secret values: they are redacted.
///
/// # Errors
///
/// Where it has no YAML form.
pub fn project_yaml(project: &ProjectFile) -> Result<String, SerializeError> {
    let mut file = Map::new();
    file.insert("version".to_owned(), json!("1"));
    file.insert("stacks".to_owned(), map(&project.stacks, stack));
    if !project.templates.is_empty() {
        file.insert("templates".to_owned(), map(&project.templates, template));
    }
    yaml_text(&file)
}

fn map<K: ToString, V>(entries: &BTreeMap<K, V>, write: impl Fn(&V) -> Value) -> Value {
    entries.iter().map(|(key, value)| (key.to_string(), write(value))).collect()
}

fn stack(stack: &StackFile) -> Value {
    let mut fields = Map::new();
    if !stack.allow.is_empty() {
        fields.insert("allow".to_owned(), json!(stack.allow));
    }
    if !stack.secrets.is_empty() {
        fields.insert("secrets".to_owned(), map(&stack.secrets, secret));
    }
    if let Ok(Value::Object(wiring)) = serde_json::to_value(&stack.wiring) {
        fields.extend(wiring);
    }
    fields.insert("instances".to_owned(), map(&stack.instances, instance));
    Value::Object(fields)
}

/// Nothing where the user sets it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what `map` hands on")]
fn secret(secret: &SecretFile) -> Value {
    if secret.generate.is_some() { json!(secret) } else { Value::Null }
}

fn instance(instance: &InstanceFile) -> Value {
    let mut fields = Map::new();
    fields.insert("template".to_owned(), json!(instance.template));
    if !instance.enabled {
        fields.insert("enabled".to_owned(), json!(false));
    }
    fields.extend(overrides(&instance.overrides));
    Value::Object(fields)
}

fn template(template: &Template) -> Value {
    let mut fields = Map::new();
    if !template.description.is_empty() {
        fields.insert("description".to_owned(), json!(template.description));
    }
    fields.extend(service(&template.service));
    if !template.config_files.is_empty() {
        let files = map(&template.config_files, config_file);
        fields.insert("config_files".to_owned(), files);
    }
    if !template.exports.is_empty() {
        fields.insert("exports".to_owned(), json!(template.exports));
    }
    if !template.imports.is_empty() {
        fields.insert("imports".to_owned(), json!(template.imports));
    }
    Value::Object(fields)
}

/// The stored form is the user's but for the fields that are written anew here.
fn overrides(overrides: &Overrides) -> Map<String, Value> {
    let mut fields = service(&overrides.service);
    if !overrides.environment_add.is_empty() {
        fields.insert("environment_add".to_owned(), json!(overrides.environment_add));
    }
    if !overrides.ports_add.is_empty() {
        let host = |port: &Option<PortSpec>| port.as_ref().map(|port| host_side(port, "auto"));
        let added = overrides.ports_add.iter();
        let added: Value = added.map(|(key, port)| (key.to_string(), json!(host(port)))).collect();
        fields.insert("ports_add".to_owned(), added);
    }
    if !overrides.volumes_add.is_empty() {
        let added = map(&overrides.volumes_add, |mount| mount.as_ref().map_or(Value::Null, added_mount));
        fields.insert("volumes_add".to_owned(), added);
    }
    if !overrides.config_files.is_empty() {
        let files = map(&overrides.config_files, |file| file.as_ref().map_or(Value::Null, config_file));
        fields.insert("config_files".to_owned(), files);
    }
    if let Some(exports) = &overrides.exports {
        fields.insert("exports".to_owned(), json!(exports));
    }
    if let Some(imports) = &overrides.imports {
        fields.insert("imports".to_owned(), json!(imports));
    }
    fields
}

/// A service's fields in their order. The form kept in the store is what users write too, but for these.
fn service(service: &Service) -> Map<String, Value> {
    let Value::Object(mut fields) = json!(service) else {
        return Map::new();
    };
    let mut rewrite = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value);
        }
    };
    rewrite("build", service.build.as_ref().map(build));
    rewrite("restart", service.restart.map(restart));
    rewrite("ports", service.ports.as_deref().map(|all| list(all, port)));
    rewrite("volumes", service.volumes.as_deref().map(|all| list(all, mount)));
    rewrite("tmpfs", service.tmpfs.as_deref().map(|all| list(all, tmpfs)));
    rewrite("secrets", service.secrets.as_deref().map(|all| list(all, secret_mount)));
    rewrite("healthcheck", service.healthcheck.as_ref().map(healthcheck));
    rewrite("depends_on", service.depends_on.as_ref().map(depends_on));
    rewrite("ulimits", service.ulimits.as_ref().map(|all| map(all, ulimit)));
    fields
}

fn list<T>(entries: &[T], write: impl Fn(&T) -> Value) -> Value {
    entries.iter().map(write).collect()
}

/// The context alone where nothing else is said.
fn build(build: &Build) -> Value {
    match build {
        Build { context, dockerfile: None, args, target: None } if args.is_empty() => json!(context),
        _ => json!(build),
    }
}

fn restart(policy: RestartPolicy) -> Value {
    match policy {
        RestartPolicy::No => json!("no"),
        RestartPolicy::OnFailure(0) => json!("on-failure"),
        RestartPolicy::OnFailure(times) => json!(format!("on-failure:{times}")),
        RestartPolicy::UnlessStopped => json!("unless-stopped"),
    }
}

/// `80`, `8080:80`, `127.0.0.1::80`, `[::1]:8080:53/udp`.
fn port(port: &PortSpec) -> Value {
    let mut text = host_side(port, "");
    if !text.is_empty() {
        text.push(':');
    }
    text.push_str(&port.key.target.to_string());
    if port.key.protocol != Protocol::Tcp {
        text.push('/');
        text.push_str(port.key.protocol.as_str());
    }
    json!(text)
}

/// `8080`, `127.0.0.1:8080`, and `auto` in the way it is written there.
fn host_side(port: &PortSpec, auto: &str) -> String {
    let number = match port.published {
        HostPortChoice::Auto => auto.to_owned(),
        HostPortChoice::Fixed(number) => number.to_string(),
    };
    match port.host_ip {
        None => number,
        Some(IpAddr::V4(ip)) => format!("{ip}:{number}"),
        Some(IpAddr::V6(ip)) => format!("[{ip}]:{number}"),
    }
}

/// `data:/var/lib/data:ro`; the long form where a path has a colon or does not look like one.
fn mount(mount: &VolumeMount) -> Value {
    match short_source(&mount.source) {
        Some(source) if !source.contains(':') && !mount.target.contains(':') => {
            let options = if mount.read_only { ":ro" } else { "" };
            json!(format!("{source}:{}{options}", mount.target))
        }
        _ => {
            let mut fields = long_source(mount);
            fields.insert("target".to_owned(), json!(mount.target));
            Value::Object(fields)
        }
    }
}

/// The same under its target as key.
fn added_mount(mount: &VolumeMount) -> Value {
    match short_source(&mount.source) {
        Some(source) if !mount.read_only => json!(source),
        _ => Value::Object(long_source(mount)),
    }
}

/// A source that says by its form what it is.
fn short_source(source: &MountSource) -> Option<&str> {
    match source {
        MountSource::Volume(name) => Some(name.as_str()),
        MountSource::Bind(path) => path.starts_with(['/', '.', '~']).then_some(path),
    }
}

fn long_source(mount: &VolumeMount) -> Map<String, Value> {
    let (kind, source) = match &mount.source {
        MountSource::Volume(name) => ("volume", name.as_str()),
        MountSource::Bind(path) => ("bind", path.as_str()),
    };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(kind));
    fields.insert("source".to_owned(), json!(source));
    if mount.read_only {
        fields.insert("read_only".to_owned(), json!(true));
    }
    fields
}

fn tmpfs(mount: &TmpfsMount) -> Value {
    if mount.size.is_none() && mount.mode.is_none() && !mount.target.contains(':') {
        json!(mount.target)
    } else {
        json!(mount)
    }
}

fn healthcheck(check: &Healthcheck) -> Value {
    let mut fields = json!(check);
    fields["test"] = match &check.test {
        HealthTest::Shell(line) => json!(line),
        test => json!(test.to_argv()),
    };
    fields
}

/// A list of names where all have what a list means.
fn depends_on(providers: &BTreeMap<crate::name::InstanceName, Dependency>) -> Value {
    let usual = |dependency: &Dependency| {
        dependency.condition == DependencyCondition::Ready && !dependency.restart && dependency.required
    };
    if providers.values().all(usual) {
        return providers.keys().map(|name| json!(name)).collect();
    }
    map(providers, |dependency| {
        let mut fields = json!(dependency);
        if let (true, Some(fields)) = (dependency.required, fields.as_object_mut()) {
            fields.remove("required");
        }
        fields
    })
}

fn ulimit(limit: &Ulimit) -> Value {
    if limit.soft == limit.hard { json!(limit.soft) } else { json!(limit) }
}

/// Its name where nothing else is said.
fn secret_mount(mount: &SecretMount) -> Value {
    let usual = mount.target == format!("{SECRETS_DIRECTORY}/{}", mount.source);
    match mount {
        SecretMount { mode: None, uid: None, gid: None, .. } if usual => json!(mount.source),
        _ => json!(mount),
    }
}

/// Only its content where nothing else is said.
fn config_file(file: &ConfigFile) -> Value {
    match file {
        ConfigFile { content: ConfigContent::Content(content), mode: None, owner: None } => {
            json!(content)
        }
        _ => json!(file),
    }
}
