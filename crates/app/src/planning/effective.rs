//! Effective configs of instances, taken from what the engine would be asked to create, so that no secret can be
//! shown.

use crate::Context;
use devarch_core::{
    desired::effective_of,
    diagnostic::Problem,
    name::{ContainerName, InstanceName, NetworkName},
    plan::{FieldDiff, changed_secrets, diff},
    resolve::{Effective, Origin, SpecContext, SupplyContext, build_spec, container_spec},
    spec::{ContainerSpec, MountFrom},
    stack::Stack,
    template::Service,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// The effective configs of a stack's instances, or of the relevant ones.
pub(crate) type EffectiveStack = BTreeMap<InstanceName, Effective>;

/// The effective config of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceConfig {
    /// The instance.
    pub name: InstanceName,
    /// The template it is created from.
    pub template: String,
    /// Its effective config, lists by key.
    pub config: Map<String, Value>,
    /// The origins of values: by field, and by entry (`environment.NAME`). Absent ones are DevArch's defaults.
    pub origins: BTreeMap<String, Origin>,
}

impl InstanceConfig {
    /// Returns the origin of a field's or entry's value, as text.
    pub fn origin(&self, path: &str) -> String {
        let field = || path.split_once('.').and_then(|(field, _)| self.origins.get(field));
        self.origins.get(path).or_else(field).map_or_else(|| "default".to_owned(), ToString::to_string)
    }
}

/// Returns what an edit changed in an instance's own definition.
pub(crate) fn definition_changes(
    ctx: &Context,
    before: &Stack,
    after: &Stack,
    name: &InstanceName,
) -> Vec<FieldDiff> {
    let own = |stack: &Stack| {
        let one = stack.instances.get(name).map(|instance| effective_of(stack, name, instance));
        one.map(|config| (name.clone(), config)).into_iter().collect()
    };
    let (was, is) = (own(before), own(after));
    let before = Version { stack: before, effective: &was };
    changes_between(ctx, name, before, Version { stack: after, effective: &is })
}

/// A definition at one point in time, with its effective configs.
#[derive(Clone, Copy)]
pub(crate) struct Version<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) effective: &'a EffectiveStack,
}

pub(crate) fn changes_between(
    ctx: &Context,
    name: &InstanceName,
    Version { stack: before, effective: old }: Version<'_>,
    Version { stack: after, effective: new }: Version<'_>,
) -> Vec<FieldDiff> {
    let config = |stack: &Stack, effective: &EffectiveStack| {
        let config = instance_config(ctx, stack, name, effective).map(|config| config.config);
        Value::Object(config.unwrap_or_default())
    };
    let mut changes = diff(&config(before, old), &config(after, new));
    changes.iter_mut().for_each(with_container_port);
    let overrides = |stack: &Stack| stack.instances.get(name).map(|instance| instance.overrides.clone());
    let secretly = changes.is_empty() && overrides(before) != overrides(after);
    let service = |effective: &EffectiveStack| effective.get(name).map(|config| config.service.clone());
    let (was, is) = (service(old), service(new));
    // A host port set explicitly to the one already assigned is a change of the definition, but not of the container.
    let spec = |stack: &Stack, effective| instance_spec(ctx, stack, name, effective).map(|(spec, _)| spec);
    match (spec(before, old), spec(after, new), was, is) {
        (_, Some(_), Some(was), Some(is)) if secretly && was.build != is.build => {
            vec![secret_argument(&is)]
        }
        (Some(old), Some(new), ..) if secretly && old != new => {
            changed_secrets(&old.secrets(), &new.secrets())
        }
        _ => changes,
    }
}

/// Returns the spec the engine would be asked to create for an instance, as far as it is known without an engine, and
/// what is not known.
pub(crate) fn instance_spec(
    ctx: &Context,
    stack: &Stack,
    name: &InstanceName,
    effective: &EffectiveStack,
) -> Option<(ContainerSpec, Vec<Problem>)> {
    let instance = stack.instances.get(name)?;
    let container = ContainerName::for_instance(&stack.name, name).ok()?;
    let context = SpecContext {
        stack,
        name,
        instance,
        container: &container,
        network: &NetworkName::for_stack(&stack.name),
        subnet: stack.subnet.unwrap_or_default(),
        home: ctx.settings.user_home.as_deref(),
        build_tag: None,
        image: None,
    };
    Some(container_spec(effective.get(name)?, &context))
}

pub(crate) fn instance_config(
    ctx: &Context,
    stack: &Stack,
    name: &InstanceName,
    all: &EffectiveStack,
) -> Option<InstanceConfig> {
    let (instance, effective) = (stack.instances.get(name)?, all.get(name)?);
    // Values that are not set or cannot be decrypted are not shown either.
    let (spec, _) = instance_spec(ctx, stack, name, all)?;
    let mut config = shown(&spec, effective);
    let home = ctx.settings.user_home.as_deref();
    let context = SupplyContext { home, ..SupplyContext::default() };
    if let Some(build) = build_spec(stack, effective, &context) {
        config.shift_insert(1, "build".to_owned(), json!(build));
    }
    if !instance.enabled {
        config.insert("enabled".to_owned(), Value::Bool(false));
    }
    let template = instance.template.template.name.to_string();
    Some(InstanceConfig { name: name.clone(), template, config, origins: effective.origins.clone() })
}

/// Adds the container port to the values of a port's change, as in plans: its path names only the list.
pub(crate) fn with_container_port(change: &mut FieldDiff) {
    if let Some(key) = change.field.strip_prefix("ports.") {
        let key = key.strip_suffix("/tcp").unwrap_or(key);
        for host in [&mut change.from, &mut change.to].into_iter().flatten() {
            *host = format!("{host}->{key}");
        }
    }
}

/// Returns the change of a secret build argument without its values.
pub(crate) fn secret_argument(service: &Service) -> FieldDiff {
    let args = service.build.iter().flat_map(|build| &build.args).filter(|(_, arg)| arg.is_secret());
    let fields: Vec<String> = args.map(|(name, _)| format!("build.args.{name}")).collect();
    FieldDiff::secret(fields.join(" or "))
}

/// Returns a spec as it is shown: lists by key, and including what the engine never receives.
pub(crate) fn shown(spec: &ContainerSpec, effective: &Effective) -> Map<String, Value> {
    let Ok(Value::Object(mut config)) = serde_json::to_value(spec) else { return Map::new() };
    for field in ["network", "mounts", "tmpfs", "ports"] {
        config.remove(field);
    }
    let ports = spec.ports.iter().map(|port| {
        (port.key.to_string(), Value::String(SocketAddr::new(port.host_ip, port.host_port).to_string()))
    });
    let volumes = spec.mounts.iter().map(|mount| {
        let (kind, source) = match &mount.source {
            MountFrom::Volume(name) => ("volume", name.as_str()),
            MountFrom::Bind(path) => ("bind", path.as_str()),
        };
        let mut shown = json!({kind: source});
        if mount.read_only {
            shown["read_only"] = Value::Bool(true);
        }
        (mount.target.clone(), shown)
    });
    let tmpfs = spec
        .tmpfs
        .iter()
        .map(|mount| (mount.target.clone(), json!({"size": mount.size, "mode": mount.mode})));
    let lists =
        [("ports", ports.collect::<Map<_, _>>()), ("volumes", volumes.collect()), ("tmpfs", tmpfs.collect())];
    config.extend(
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(k, v)| (k.to_owned(), v.into())),
    );
    if let Some(policy) = effective.service.pull_policy {
        config.insert("pull_policy".to_owned(), json!(policy));
    }
    if let Some(depends_on) = effective.service.depends_on.as_ref().filter(|of| !of.is_empty()) {
        config.insert("depends_on".to_owned(), json!(depends_on));
    }
    if !effective.exports.is_empty() {
        config.insert("exports".to_owned(), json!(effective.exports));
    }
    if !effective.imports.is_empty() {
        config.insert("imports".to_owned(), json!(effective.imports));
    }
    config
}
