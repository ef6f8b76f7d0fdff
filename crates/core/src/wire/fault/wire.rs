use super::{finding, names, suggestion};
use crate::{
    diagnostic::{About, Finding, Problem, Severity},
    name::{InstanceName, StackName},
    template::ContractType,
    wire::ProviderName,
};

/// An error in an entry of `wires`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::wire) enum WireFault {
    #[error("the stack has no instance '{name}'{}", suggestion(.near.as_deref()))]
    NoConsumer { name: InstanceName, near: Option<String> },
    #[error("the stack has no instance and no external provider '{name}'{}", suggestion(.near.as_deref()))]
    NoProvider { name: InstanceName, near: Option<String> },
    #[error(
        "stack '{stack}' has no instance '{instance}' to link to; `devarch instance list {stack}` lists all"
    )]
    NoOther { stack: StackName, instance: InstanceName },
    #[error("{consumer} has no import '{name}'{}; it has [{}]", suggestion(.near.as_deref()), names(.imports))]
    NoImport { consumer: InstanceName, name: String, near: Option<String>, imports: Vec<String> },
    #[error("{consumer} imports nothing of type {contract}; it imports [{}]", names(.imports))]
    NoImportOf { consumer: InstanceName, contract: ContractType, imports: Vec<String> },
    #[error("{consumer} imports nothing, so there is nothing to wire")]
    NoImports { consumer: InstanceName },
    #[error("{consumer} has several imports that could be meant: {}; write `from: {consumer}.{}`", names(.imports), .imports[0])]
    WhichImport { consumer: InstanceName, imports: Vec<String> },
    #[error("{provider} has no export '{name}'{}; it has [{}]", suggestion(.near.as_deref()), names(.exports))]
    NoExport { provider: ProviderName, name: String, near: Option<String>, exports: Vec<String> },
    #[error("{provider} offers {contract} several times: {}; write `to: {provider}.{}`", names(.exports), .exports[0])]
    WhichExport { provider: ProviderName, contract: ContractType, exports: Vec<String> },
    #[error("instance {provider} exports [{}]; {consumer} needs {}", names(.exports), names(.needs))]
    WrongType {
        provider: ProviderName,
        exports: Vec<ContractType>,
        consumer: InstanceName,
        needs: Vec<ContractType>,
    },
    #[error(
        "{consumer}.{import} is of type {is}, but the wire has {specified}; correct `contract` or leave it out"
    )]
    OtherContract { consumer: InstanceName, import: String, is: ContractType, specified: ContractType },
    #[error("{consumer}.{import} is wired by wires[{first}] already; keep one of them")]
    Duplicate { consumer: InstanceName, import: String, first: usize },
    #[error("{consumer} cannot be wired to itself")]
    Itself { consumer: InstanceName },
}

impl WireFault {
    /// The finding with its place.
    pub(in crate::wire) fn of(self, index: usize) -> Finding {
        let field = match &self {
            Self::NoConsumer { .. }
            | Self::NoImport { .. }
            | Self::NoImportOf { .. }
            | Self::NoImports { .. }
            | Self::WhichImport { .. } => format!("wires[{index}].from"),
            Self::OtherContract { .. } => format!("wires[{index}].contract"),
            Self::Duplicate { .. } => format!("wires[{index}]"),
            _ => format!("wires[{index}].to"),
        };
        finding(
            Severity::Error,
            About::Other,
            Problem { instance: None, field: field.into(), message: self.to_string() },
        )
    }
}
