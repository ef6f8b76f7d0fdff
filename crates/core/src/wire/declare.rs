//! The wiring of a stack as defined. Stored in the form users write.

use super::Property;
use crate::{
    name::{InstanceName, InvalidName, StackName},
    secret::{HoldsSecrets, Visit, visit_entries},
    template::{ContractType, Given},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The wiring of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// Explicit wires.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wires: Vec<WireDecl>,
    /// How ambiguity is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<Prefer>,
    /// External providers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<InstanceName, ExternalDecl>,
}

impl Wiring {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// An instance has another name now.
    pub fn rename(&mut self, from: &InstanceName, to: &InstanceName) {
        for wire in &mut self.wires {
            if wire.from.instance == *from {
                wire.from.instance.clone_from(to);
            }
            if let WireTo::Provider { name, .. } = &mut wire.to
                && *name == *from
                && !self.external.contains_key(from)
            {
                name.clone_from(to);
            }
        }
    }
}

/// A name, and the one that takes its place.
#[derive(Debug)]
pub struct Renamed<'a, T> {
    /// The name so far.
    pub from: &'a T,
    /// The new name.
    pub to: &'a T,
}

impl<T> Clone for Renamed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Renamed<'_, T> {}

impl Wiring {
    /// Another stack, or an instance of it, has another name now.
    pub fn rename_other(
        &mut self,
        other: Renamed<'_, StackName>,
        renamed: Option<Renamed<'_, InstanceName>>,
    ) {
        for wire in &mut self.wires {
            let WireTo::Other { stack, instance, .. } = &mut wire.to else { continue };
            if stack != other.from {
                continue;
            }
            stack.clone_from(other.to);
            match renamed {
                Some(Renamed { from, to }) if instance == from => instance.clone_from(to),
                _ => {}
            }
        }
    }

    /// A stack's own instances are named without it.
    pub fn name_own(&mut self, own: &StackName) {
        for wire in &mut self.wires {
            if let WireTo::Other { stack, instance, export } = &wire.to
                && stack == own
            {
                wire.to = WireTo::Provider { name: instance.clone(), export: export.clone() };
            }
        }
    }
}

impl HoldsSecrets for Wiring {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        visit_entries("external", &mut self.external, visit);
    }
}

/// An entry of `wires`: `{from: backend.db, to: postgres-primary, contract: postgres}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WireDecl {
    /// Who needs.
    pub from: WireFrom,
    /// Who offers.
    pub to: WireTo,
    /// The type, if the import is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractType>,
}

/// An instance and, where that is not enough, its import: `backend`, `backend.db`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WireFrom {
    /// The consumer.
    pub instance: InstanceName,
    /// Its import.
    pub import: Option<String>,
}

/// The target of a wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WireTo {
    /// Nowhere: the import is not wired.
    Nothing,
    /// An instance of the stack, or one of its external providers: `db`, `db.replica`.
    Provider {
        /// The instance or the external provider.
        name: InstanceName,
        /// Its export, if it has several of the type.
        export: Option<String>,
    },
    /// To an instance of another stack: `infra/db`, `infra/db.replica`.
    Other {
        /// The other stack.
        stack: StackName,
        /// Its instance.
        instance: InstanceName,
        /// The instance's export, if it has several of the type.
        export: Option<String>,
    },
}

/// The name of [`WireTo::Nothing`]; an instance of that name can be referred to as `none.EXPORT`.
pub const NONE: &str = "none";

/// How ambiguity in a stack is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefer {
    /// The provider with the label `devarch.role=primary`, if exactly one of the candidates has it.
    Primary,
}

/// The label by which `prefer` chooses.
pub const ROLE_LABEL: &str = "devarch.role";

/// The value of [`ROLE_LABEL`] that [`Prefer::Primary`] looks for.
pub const PRIMARY: &str = "primary";

impl FromStr for Prefer {
    type Err = ();

    fn from_str(given: &str) -> Result<Self, ()> {
        if given == PRIMARY { Ok(Self::Primary) } else { Err(()) }
    }
}

/// An entry of `external`: a provider outside of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalDecl {
    /// The protocol spoken.
    #[serde(rename = "type")]
    pub contract: ContractType,
    /// Its name or address as containers reach it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Further properties of the type.
    #[serde(flatten)]
    pub properties: BTreeMap<Property, Given>,
}

impl HoldsSecrets for ExternalDecl {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        for (property, value) in &mut self.properties {
            value.visit_secrets(&mut |_, secret| visit(property.as_str(), secret));
        }
    }
}

/// An import's or export's name: everything after the first dot, which instance names do not contain.
fn end(given: &str) -> Result<(&str, Option<String>), InvalidEnd> {
    match given.split_once('.') {
        Some((_, "")) => Err(InvalidEnd::NoName(given.to_owned())),
        Some((instance, name)) => Ok((instance, Some(name.to_owned()))),
        None => Ok((given, None)),
    }
}

/// A text that is no end of a wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnd {
    /// A name in it can't be.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A dot without a name after it.
    #[error("{0:?} has no name after the dot")]
    NoName(String),
}

impl FromStr for WireFrom {
    type Err = InvalidEnd;

    fn from_str(given: &str) -> Result<Self, InvalidEnd> {
        let (instance, import) = end(given)?;
        Ok(Self { instance: instance.parse()?, import })
    }
}

impl FromStr for WireTo {
    type Err = InvalidEnd;

    fn from_str(given: &str) -> Result<Self, InvalidEnd> {
        if given == NONE {
            return Ok(Self::Nothing);
        }
        let (provider, export) = end(given)?;
        Ok(match provider.split_once('/') {
            Some((stack, instance)) => {
                Self::Other { stack: stack.parse()?, instance: instance.parse()?, export }
            }
            None => Self::Provider { name: provider.parse()?, export },
        })
    }
}

impl fmt::Display for WireFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.instance)?;
        self.import.iter().try_for_each(|import| write!(f, ".{import}"))
    }
}

impl fmt::Display for WireTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let export = match self {
            Self::Nothing => return f.write_str(NONE),
            Self::Provider { name, export } => {
                write!(f, "{name}")?;
                export
            }
            Self::Other { stack, instance, export } => {
                write!(f, "{stack}/{instance}")?;
                export
            }
        };
        export.iter().try_for_each(|export| write!(f, ".{export}"))
    }
}

impl fmt::Display for WireDecl {
    /// The entry as written in a devarch.yml.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{from: {}, to: {}", self.from, self.to)?;
        if let Some(contract) = self.contract {
            write!(f, ", contract: {contract}")?;
        }
        f.write_str("}")
    }
}

macro_rules! text_form {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidEnd;

            fn try_from(given: String) -> Result<Self, InvalidEnd> {
                given.parse()
            }
        }

        impl From<$name> for String {
            fn from(end: $name) -> String {
                end.to_string()
            }
        }
    };
}

text_form!(WireFrom);
text_form!(WireTo);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_the_written_form_and_reads_back() {
        for text in [
            r#"{"from":"backend","to":"db"}"#,
            r#"{"from":"backend.db","to":"db.replica.2","contract":"postgres"}"#,
            r#"{"from":"backend.db","to":"none"}"#,
            r#"{"from":"backend","to":"infra/db.main","contract":"mysql"}"#,
        ] {
            let wire: WireDecl = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&wire).unwrap(), text);
        }
    }

    #[test]
    fn invalid_ends_are_rejected_with_the_reason() {
        for (text, reason) in [("Db", "only a-z"), ("db.", "no name after the dot"), ("a/b/c", "only a-z")] {
            let error = text.parse::<WireTo>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!("infra/db".parse::<WireFrom>().is_err());
    }

    #[test]
    fn an_external_provider_keeps_its_stored_form() {
        let text = r#"{"type":"postgres","host":"db.lan","port":5432,"user":"shop","database":"shop"}"#;
        let external: ExternalDecl = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&external).unwrap(), text);
    }
}
