//! Effective configs as they may be shown: taken from what the engine would be asked to make, so that no secret can
//! be in them, with where each value comes from.

use crate::{
    App, AppError,
    app::instance,
    wiring::{findings, wired_with},
};
use devarch_core::{
    desired::effective_of,
    diagnostic::{Finding, Problem},
    name::{ContainerName, InstanceName, NetworkName, StackName},
    plan::{FieldDiff, changed_secrets, diff},
    resolve::{Effective, Origin, Others, Prior, SpecContext, SupplyContext, build_spec, container_spec},
    serialize::SerializeError,
    spec::{ContainerSpec, MountFrom},
    stack::Stack,
    template::{Service, Template},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// The effective configs of a stack's instances, or of those that matter.
pub(crate) type EffectiveStack = BTreeMap<InstanceName, Effective>;

/// What a stack's instances amount to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configs {
    /// Them.
    pub instances: Vec<InstanceConfig>,
    /// What was found of their wires.
    pub findings: Vec<Finding>,
}

/// What an instance amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceConfig {
    /// The instance.
    pub name: InstanceName,
    /// The template it is made from.
    pub template: String,
    /// Its effective config, lists by key.
    pub config: Map<String, Value>,
    /// Where values come from: by field, and by entry (`environment.NAME`). What is not in it is DevArch's default.
    pub origins: BTreeMap<String, Origin>,
}

impl InstanceConfig {
    /// Where the value of a field or entry comes from, in a word.
    pub fn origin(&self, path: &str) -> String {
        let field = || path.split_once('.').and_then(|(field, _)| self.origins.get(field));
        self.origins.get(path).or_else(field).map_or_else(|| "default".to_owned(), ToString::to_string)
    }
}

impl App {
    /// The effective configs of a stack's instances, or of one.
    pub async fn config(&self, name: &StackName, only: Option<&InstanceName>) -> Result<Configs, AppError> {
        let stack = self.stack(name).await?;
        if let Some(only) = only {
            instance(&stack, only)?;
        }
        let chosen = stack.instances.keys().filter(|name| only.is_none_or(|only| only == *name));
        let wired = self.wired(&stack).await?;
        let instances = chosen.filter_map(|name| self.instance_config(&stack, name, &wired.effective));
        Ok(Configs { instances: instances.collect(), findings: findings(&wired.resolution, only) })
    }

    /// Refuses an instance that a stack does not have.
    pub async fn known_instance(&self, stack: &StackName, name: &InstanceName) -> Result<(), AppError> {
        instance(&self.stack(stack).await?, name).map(|_| ())
    }

    /// What an edit changed in an instance's effective config, what its wires give included.
    pub fn config_changes(&self, (before, after): (&Stack, &Stack), name: &InstanceName) -> Vec<FieldDiff> {
        let wired = |stack| wired_with(stack, &Prior::new(), &Others::new()).effective;
        self.changes((before, after), name, (&wired(before), &wired(after)))
    }

    /// What an edit changed in what an instance itself says.
    pub(crate) fn definition_changes(
        &self,
        (before, after): (&Stack, &Stack),
        name: &InstanceName,
    ) -> Vec<FieldDiff> {
        let own = |stack: &Stack| {
            let one = stack.instances.get(name).map(|instance| effective_of(stack, name, instance));
            one.map(|config| (name.clone(), config)).into_iter().collect()
        };
        self.changes((before, after), name, (&own(before), &own(after)))
    }

    fn changes(
        &self,
        (before, after): (&Stack, &Stack),
        name: &InstanceName,
        (old, new): (&EffectiveStack, &EffectiveStack),
    ) -> Vec<FieldDiff> {
        let config = |stack: &Stack, effective: &EffectiveStack| {
            let config = self.instance_config(stack, name, effective).map(|config| config.config);
            Value::Object(config.unwrap_or_default())
        };
        let mut changes = diff(&config(before, old), &config(after, new));
        changes.iter_mut().for_each(with_container_port);
        let overrides = |stack: &Stack| stack.instances.get(name).map(|instance| instance.overrides.clone());
        let secretly = changes.is_empty() && overrides(before) != overrides(after);
        let service = |effective: &EffectiveStack| effective.get(name).map(|config| config.service.clone());
        let (was, is) = (service(old), service(new));
        // A host port that is written where it was given before is another definition of the same container.
        let spec = |stack: &Stack, effective| self.spec(stack, name, effective).map(|(spec, _)| spec);
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

    /// What the engine would be asked to make for an instance, as far as it can be said without one, and what of it
    /// can't be said.
    pub(crate) fn spec(
        &self,
        stack: &Stack,
        name: &InstanceName,
        effective: &EffectiveStack,
    ) -> Option<(ContainerSpec, Vec<Problem>)> {
        let instance = stack.instances.get(name)?;
        let container = ContainerName::of(&stack.name, name).ok()?;
        let context = SpecContext {
            stack,
            name,
            instance,
            container: &container,
            network: &NetworkName::of(&stack.name),
            subnet: stack.subnet.unwrap_or_default(),
            home: self.settings.user_home.as_deref(),
            build_tag: None,
            image: None,
        };
        Some(container_spec(effective.get(name)?, &context))
    }

    fn instance_config(
        &self,
        stack: &Stack,
        name: &InstanceName,
        all: &EffectiveStack,
    ) -> Option<InstanceConfig> {
        let (instance, effective) = (stack.instances.get(name)?, all.get(name)?);
        // What is not set, or can't be read, is not shown either.
        let (spec, _) = self.spec(stack, name, all)?;
        let mut config = shown(&spec, effective);
        let home = self.settings.user_home.as_deref();
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
}

/// A port's line names only its list, so its values say the port in the container, as they do in plans.
fn with_container_port(change: &mut FieldDiff) {
    if let Some(key) = change.field.strip_prefix("ports.") {
        let key = key.strip_suffix("/tcp").unwrap_or(key);
        for host in [&mut change.from, &mut change.to].into_iter().flatten() {
            *host = format!("{host}->{key}");
        }
    }
}

/// A secret argument of a build that differs; how is nobody's business.
fn secret_argument(service: &Service) -> FieldDiff {
    let args = service.build.iter().flat_map(|build| &build.args).filter(|(_, arg)| arg.is_secret());
    let fields: Vec<String> = args.map(|(name, _)| format!("build.args.{name}")).collect();
    FieldDiff::secret(fields.join(" or "))
}

/// A spec as it is shown, its lists by key, and what the engine does not hear of.
fn shown(spec: &ContainerSpec, effective: &Effective) -> Map<String, Value> {
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

/// A template as it may be shown: what is secret in it is redacted by its type.
pub fn shown_template(template: &Template) -> Result<Value, SerializeError> {
    Ok(serde_json::to_value(template)?)
}
