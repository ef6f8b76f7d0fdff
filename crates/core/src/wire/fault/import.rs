use super::{finding, names};
use crate::{
    diagnostic::{About, Finding, Problem, Severity},
    name::InstanceName,
    template::ContractType,
    wire::{Endpoint, InvalidPattern, WireDecl},
};
use std::fmt;

/// An error of an import.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::wire) enum ImportFault {
    #[error(
        "{count} providers offer {contract}: {}{}; add one of these to the stack's `wires`: {}{}",
        listed(.candidates, *.count), runs_with(.running.as_ref()), written(.entries), by_role(.preferable.as_deref())
    )]
    Ambiguous {
        contract: ContractType,
        count: usize,
        candidates: Vec<String>,
        /// The import's provider in the running container.
        running: Option<Endpoint>,
        entries: Vec<WireDecl>,
        /// The candidate that has the role, if the stack does not set `prefer`.
        preferable: Option<String>,
        quiet: bool,
    },
    #[error(
        "nothing{} in the stack offers {contract}; add an instance that does or an entry of `external`, or set `required: false`",
        if *.itself { " else" } else { "" }
    )]
    NoProvider { contract: ContractType, itself: bool },
    #[error("it is wired to {NONE}, so its variables are yours to set", NONE = crate::wire::NONE)]
    Declined,
    #[error("import {other} sets {variable} too; map them to different names in `environment`")]
    SameVariable { variable: String, other: String },
    #[error("{error}")]
    Pattern { variable: String, error: InvalidPattern },
    #[error("{provider} has no {}, which {contract} needs; add it to its `properties`, or map `environment` without it", names(.properties))]
    Lacks { provider: Endpoint, contract: ContractType, properties: Vec<&'static str> },
    #[error("{provider} has no {property}; add it to its `properties`, or map `environment` without it")]
    Unsaid { variable: String, provider: Endpoint, property: &'static str },
    #[error(
        "{provider} has no `provision` command to create a login with; leave out `own`, or add the command"
    )]
    NoOwn { provider: Endpoint },
    #[error("an override sets {variable}, so the value from {provider} is not used")]
    Hidden { variable: String, provider: Endpoint },
    #[error("{}: each waits for the next, so none can start; {}", Cycle(.0), way_out(.0))]
    Cycle(Vec<CycleStep>),
    #[error(
        "{provider} publishes no port for {port}, so the host cannot reach it; add {port} to its `ports`"
    )]
    Unpublished { provider: Endpoint, port: u16 },
}

/// One step of a cycle: who waits, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::wire) struct CycleStep {
    pub(in crate::wire) consumer: InstanceName,
    pub(in crate::wire) via: Via,
}

/// Why an instance waits for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::wire) enum Via {
    Import(String),
    DependsOn,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import(name) => write!(f, "import {name}"),
            Self::DependsOn => f.write_str("depends_on"),
        }
    }
}

/// `a -> b (import x) -> a (depends_on)`.
struct Cycle<'a>(&'a [CycleStep]);

impl fmt::Display for Cycle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            let next = &self.0[(n + 1) % self.0.len()].consumer;
            if n == 0 {
                write!(f, "{}", step.consumer)?;
            }
            write!(f, " -> {next} ({})", step.via)?;
        }
        Ok(())
    }
}

fn way_out(cycle: &[CycleStep]) -> String {
    let wire = cycle.iter().find_map(|step| match &step.via {
        Via::Import(import) => {
            Some(format!("wire one differently, such as `{{from: {}.{import}, to: none}}`", step.consumer))
        }
        Via::DependsOn => None,
    });
    let dependency = cycle.iter().any(|step| step.via == Via::DependsOn);
    let wire = wire.unwrap_or_default();
    if dependency { format!("{wire}, or remove the depends_on") } else { wire }
}

fn listed(candidates: &[String], count: usize) -> String {
    let more = count - candidates.len().min(count);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    candidates.join(", ") + &more
}

fn runs_with(running: Option<&Endpoint>) -> String {
    running.map_or_else(String::new, |endpoint| {
        format!(" (the running container is wired to {endpoint} and is kept)")
    })
}

fn written(entries: &[WireDecl]) -> String {
    entries.iter().map(|entry| format!("`{entry}`")).collect::<Vec<_>>().join(" or ")
}

fn by_role(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; or set `prefer: primary`, which is {name}"))
}

impl ImportFault {
    fn severity(&self) -> Severity {
        match self {
            Self::Ambiguous { quiet: true, .. } | Self::Hidden { .. } => Severity::Note,
            Self::Declined => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The finding with its place.
    pub(in crate::wire) fn of(self, consumer: &InstanceName, import: &str) -> Finding {
        let field = match &self {
            Self::Pattern { variable, .. } | Self::Unsaid { variable, .. } => {
                format!("imports.{import}.environment.{variable}")
            }
            Self::Hidden { variable, .. } => format!("environment.{variable}"),
            _ => format!("imports.{import}"),
        };
        finding(self.severity(), About::Other, Problem::in_field(consumer, field, self.to_string()))
    }
}
