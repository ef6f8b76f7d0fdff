//! Builds stacks from text. An instance is a template without an image, plus `x-primary`, and `x-overrides` for the
//! variables an override sets (or removes, with null).

use devarch_core::{
    diagnostic::Severity,
    name::{ContainerName, InstanceName, StackName},
    port::HostBinding,
    read::{Key, Node, Value, parse_yaml, read_external, read_prefer, read_template, read_wires},
    template::{EnvValue, HostPortChoice, Template},
    text::Text,
    wire::{Endpoint, External, Offer, Resolution, WireInstance, WireStack, resolve},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// Returns whether nothing blocks plan and apply.
pub(crate) fn is_sound(resolution: &Resolution) -> bool {
    resolution.findings.iter().all(|finding| finding.severity != Severity::Error)
}

pub(crate) fn name(text: &str) -> InstanceName {
    text.parse().unwrap()
}

/// Parses a stack with `instances`, `external`, `wires`, `prefer`, and `others` by `STACK/INSTANCE`.
pub(crate) fn stack(text: &str) -> WireStack {
    let root = parse_yaml(text).unwrap();
    let shop: StackName = "shop".parse().unwrap();
    let mut stack = WireStack::default();
    for (key, node) in entries(&root, "instances") {
        let name = name(&key.text);
        stack
            .instances
            .insert(name.clone(), instance(node, ContainerName::for_instance(&shop, &name).unwrap()));
    }
    for (key, node) in entries(&root, "others") {
        let (other, name) = key.text.split_once('/').unwrap();
        let id: (StackName, InstanceName) = (other.parse().unwrap(), name.parse().unwrap());
        let container = ContainerName::for_instance(&id.0, &id.1).unwrap();
        stack.others.insert(id, instance(node, container));
    }
    stack.wires = root.get("wires").map(|node| read_wires(node).unwrap()).unwrap_or_default();
    stack.prefer = root.get("prefer").map(|node| read_prefer(node).unwrap());
    let external = root.get("external").map(|node| read_external(node).unwrap()).unwrap_or_default();
    stack.external = external
        .into_iter()
        .map(|(name, decl)| {
            let properties = decl.properties.iter();
            let properties = properties.map(|(name, value)| (name.to_string(), value.to_text())).collect();
            (name, External { contract: decl.contract, host: decl.host, port: decl.port, properties })
        })
        .collect();
    stack
}

/// Resolves a stack.
pub(crate) fn resolved(text: &str) -> Resolution {
    resolve(&stack(text))
}

/// Returns the findings, one per line.
pub(crate) fn found(text: &str) -> String {
    lines(&resolved(text))
}

pub(crate) fn lines(resolution: &Resolution) -> String {
    resolution.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns the wires, one per line: `backend.db -> db.db auto new`.
pub(crate) fn links(resolution: &Resolution) -> String {
    let line = |link: &devarch_core::wire::Wire| {
        let new = if link.new { " new" } else { "" };
        let was = link.was.as_ref().map_or_else(String::new, |was| format!(" was {was}"));
        format!("{}.{} -> {} {}{new}{was}", link.consumer, link.import, link.to, link.how)
    };
    resolution.links.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns every variable that wires set, secrets redacted.
pub(crate) fn variables(resolution: &Resolution) -> String {
    let all = resolution.variables.iter();
    let lines = all.flat_map(|(consumer, variables)| {
        variables.iter().map(move |(name, wired)| format!("{consumer}: {name}={}", wired.value))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes the resolution the applied state of the stack.
pub(crate) fn applied(stack: &mut WireStack) {
    let resolution = resolve(stack);
    let names: Vec<InstanceName> = stack.instances.keys().cloned().collect();
    let prior: BTreeMap<InstanceName, BTreeMap<String, Endpoint>> =
        names.into_iter().map(|name| (name.clone(), resolution.remembered(&name))).collect();
    stack.prior = prior;
}

fn entries<'n>(node: &'n Node, field: &str) -> &'n [(Key, Node)] {
    match node.get(field).map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

fn instance(node: &Node, container: ContainerName) -> WireInstance {
    let mut node = node.clone();
    let overrides: Vec<(String, Option<String>)> = entries(&node, "x-overrides")
        .iter()
        .map(|(key, value)| match &value.value {
            Value::Text(text) => (key.text.clone(), Some(text.clone())),
            _ => (key.text.clone(), None),
        })
        .collect();
    let primary = node.get("x-primary").is_some();
    if let Value::Map(fields) = &mut node.value {
        let image = Node { value: Value::Text("image".to_owned()), place: None };
        fields.push((Key { text: "image".to_owned(), place: None }, image));
    }
    let template = read_template(&node, Some(&"t".parse().unwrap())).unwrap();
    let mut instance = of_template(&template, container);
    instance.primary = primary;
    for (variable, value) in overrides {
        match value {
            Some(value) => instance.environment.insert(variable.clone(), Text::plain(value)),
            None => instance.environment.remove(&variable),
        };
        instance.overridden.insert(variable);
    }
    instance
}

/// Creates an instance without overrides; its host ports are those it specifies, or 20000 more than in the container.
pub(crate) fn of_template(template: &Template, container: ContainerName) -> WireInstance {
    let mut instance = WireInstance::new(container);
    for export in &template.exports {
        let properties = export.properties.iter();
        instance.offers.push(Offer {
            provisions: export.provision.is_some(),
            name: export.name.clone(),
            contract: export.contract,
            port: export.port,
            properties: properties.map(|(name, value)| (name.clone(), value.to_text())).collect(),
        });
    }
    instance.imports.clone_from(&template.imports);
    let service = &template.service;
    let environment = service.environment.iter().flatten();
    instance.environment = environment.map(|(name, value)| (name.clone(), text(value))).collect();
    instance.depends_on = service.depends_on.iter().flatten().map(|(name, _)| name.clone()).collect();
    for port in service.ports.iter().flatten() {
        let host_port = match port.published {
            HostPortChoice::Fixed(port) => port,
            HostPortChoice::Auto => 20_000 + port.key.target,
        };
        let host_ip = port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        instance.listens.insert(port.key.target);
        instance.published.insert(port.key.target, HostBinding { host_ip, host_port });
    }
    instance
}

fn text(value: &EnvValue) -> Text {
    match value {
        EnvValue::Given(given) => given.to_text(),
        EnvValue::Generate(_) => Text::secret("made"),
    }
}
