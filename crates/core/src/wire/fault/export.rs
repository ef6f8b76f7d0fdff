use super::{finding, names};
use crate::{
    diagnostic::{About, Finding, Problem, Severity},
    name::InstanceName,
    template::ContractType,
    wire::ProviderName,
};

/// An error in an export, or in an entry of `external`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::wire) enum ExportFault {
    #[error("`{name}` is nothing that {contract} has; {hint}")]
    NoProperty { name: String, contract: ContractType, hint: String },
    #[error("`{name}` depends on the consumer, so DevArch sets it; remove it here")]
    Given { name: String },
    #[error("`{name}` and `{other}` are the same; keep one of them")]
    Twice { name: String, other: &'static str },
    #[error("`${{env:` begins a reference that never ends; write `${{env:NAME}}`")]
    Unclosed { name: String },
    #[error(
        "it refers to variable {variable}, which the effective environment does not have; set it, or remove the property"
    )]
    NoVariable { name: String, variable: String },
    #[error("{given:?} is not one of {known}")]
    Scheme { name: String, given: String, known: String },
    #[error("it has no {}; consumers that need it cannot be wired", .0.join(", "))]
    Lacks(Vec<&'static str>),
    #[error("nothing listens on port {port}, as far as `ports` and the image say: they have {}; correct the port, or add it to `ports`", names(.listens))]
    Silent { port: u16, listens: Vec<u16> },
    #[error(
        "{host} is the container itself for who runs in one; name the host as containers reach it, such as host.docker.internal"
    )]
    Loopback { host: String },
    #[error("an instance has that name too; rename one of them")]
    NameTaken,
}

impl ExportFault {
    fn severity(&self) -> Severity {
        match self {
            Self::Lacks(_) | Self::Loopback { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The finding with its place.
    pub(in crate::wire) fn of(self, provider: &ProviderName, export: &str) -> Finding {
        let (severity, message) = (self.severity(), self.to_string());
        let about = match provider {
            ProviderName::External(_) => About::External,
            ProviderName::Instance(_) => About::Export,
            ProviderName::Other { .. } => About::Other,
        };
        let problem = match provider {
            ProviderName::External(name) => Problem {
                instance: None,
                field: join(&format!("external.{name}"), self.part().trim_start_matches("properties."))
                    .into(),
                message,
            },
            ProviderName::Instance(name) => self.at(name, export, message),
            ProviderName::Other { stack, instance } => {
                let at = self.at(instance, export, message);
                Problem { instance: None, field: format!("{stack}/{instance}.{}", at.field).into(), ..at }
            }
        };
        finding(severity, about, problem)
    }

    fn at(&self, instance: &InstanceName, export: &str, message: String) -> Problem {
        Problem::in_field(instance, join(&format!("exports.{export}"), &self.part()), message)
    }

    fn part(&self) -> String {
        match self {
            Self::NoProperty { name, .. }
            | Self::Given { name }
            | Self::Twice { name, .. }
            | Self::Unclosed { name }
            | Self::NoVariable { name, .. }
            | Self::Scheme { name, .. } => format!("properties.{name}"),
            Self::Lacks(_) => "properties".to_owned(),
            Self::Silent { .. } => "port".to_owned(),
            Self::Loopback { .. } => "host".to_owned(),
            Self::NameTaken => String::new(),
        }
    }
}

fn join(path: &str, part: &str) -> String {
    if part.is_empty() || part == "properties" && path.starts_with("external.") {
        path.to_owned()
    } else {
        format!("{path}.{part}")
    }
}
