//! Definitions as text and JSON. Overrides are shown as the effective config, never as stored, because that form
//! contains secrets.

use crate::{error::CliError, session::Session, shown::Shown, style, table::Table};
use devarch_core::{
    stack::{DesiredRun, Instance, Stack},
    wire::Wiring,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A stack's definition.
#[derive(Serialize)]
pub(crate) struct StackView<'a> {
    name: &'a str,
    id: &'a str,
    enabled: bool,
    project: Option<&'a str>,
    engine: Option<String>,
    subnet: Option<String>,
    allow: Vec<&'static str>,
    #[serde(flatten)]
    wiring: &'a Wiring,
    instances: Vec<InstanceView<'a>>,
}

/// An instance's definition.
#[derive(Serialize)]
pub(crate) struct InstanceView<'a> {
    name: &'a str,
    id: &'a str,
    template: &'a str,
    template_digest: &'a str,
    enabled: bool,
    wanted: DesiredRun,
    ports: BTreeMap<String, String>,
    volumes: BTreeMap<&'a str, &'a str>,
}

impl<'a> StackView<'a> {
    pub(crate) fn new(stack: &'a Stack) -> Self {
        Self {
            name: stack.name.as_str(),
            id: stack.id.as_str(),
            enabled: stack.enabled,
            project: stack.project.as_deref(),
            engine: stack.engine.as_ref().map(|engine| engine.kind.to_string()),
            subnet: stack.subnet.map(|subnet| subnet.to_string()),
            allow: stack.allow.iter().map(|allowance| allowance.as_str()).collect(),
            wiring: &stack.wiring,
            instances: stack
                .instances
                .iter()
                .map(|(name, instance)| InstanceView::new(name.as_str(), instance))
                .collect(),
        }
    }

    /// The definition as text.
    pub(crate) fn render(&self) -> Shown {
        let mut text = Shown::styled(style::STRONG, self.name);
        text.end_line();
        let allow = (!self.allow.is_empty()).then(|| self.allow.join(", "));
        let facts = [
            ("id", Some(self.id.to_owned())),
            ("enabled", Some(self.enabled.to_string())),
            ("project", self.project.map(str::to_owned)),
            ("engine", self.engine.clone()),
            ("subnet", self.subnet.clone()),
            ("allows", allow),
            ("prefers", self.wiring.prefer.map(|_| "primary".to_owned())),
            ("wires", joined(self.wiring.wires.iter())),
            ("external", joined(self.wiring.external.keys())),
        ];
        for (what, value) in facts {
            if let Some(value) = value {
                writeln!(text, "  {what:<9}{value}");
            }
        }
        text.append(&instances(&self.instances));
        text
    }
}

fn joined<T: ToString>(all: impl Iterator<Item = T>) -> Option<String> {
    let all: Vec<String> = all.map(|one| one.to_string()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

impl<'a> InstanceView<'a> {
    pub(crate) fn new(name: &'a str, instance: &'a Instance) -> Self {
        let ports = instance.ports.iter().map(|(key, host)| {
            (key.to_string(), std::net::SocketAddr::new(host.host_ip, host.host_port).to_string())
        });
        Self {
            name,
            id: instance.id.as_str(),
            template: instance.template.template.name.as_str(),
            template_digest: instance.template.digest.as_str(),
            enabled: instance.enabled,
            wanted: instance.wanted,
            ports: ports.collect(),
            volumes: instance
                .volumes
                .iter()
                .map(|(name, physical)| (name.as_str(), physical.as_str()))
                .collect(),
        }
    }
}

/// Instances as a table.
pub(crate) fn instances(instances: &[InstanceView<'_>]) -> Shown {
    let mut table = Table::new(["INSTANCE", "TEMPLATE", "WANTED", "PORTS", "VOLUMES"]);
    for instance in instances {
        let wanted = match (instance.enabled, instance.wanted) {
            (false, _) => "disabled",
            (true, DesiredRun::Running) => "running",
            (true, DesiredRun::Stopped) => "stopped",
            (true, DesiredRun::Absent) => "absent",
        };
        let ports: Vec<String> = instance.ports.iter().map(|(key, host)| format!("{host}->{key}")).collect();
        let volumes: Vec<&str> = instance.volumes.values().copied().collect();
        table.row([
            instance.name.into(),
            instance.template.into(),
            wanted.into(),
            ports.join(" ").into(),
            volumes.join(" ").into(),
        ]);
    }
    if instances.is_empty() { "  no instances\n".into() } else { table.render(2) }
}

/// Reports an edit: as a message, or as the changed stack with `--json`.
pub(crate) fn report_edit(session: &Session, stack: &Stack, words: &str) -> Result<(), CliError> {
    if session.terminal.json {
        return session.terminal.print_json(&StackView::new(stack));
    }
    session.terminal.note(words);
    Ok(())
}
