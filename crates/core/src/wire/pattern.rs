//! The variables that a wire sets: an import's `environment` with `{property}` replaced, or the default mapping.

use super::{Carried, Contract, Property, Values, values::text_of};
use crate::{name::nearest, template::Import, text::Text};

/// The default variable of a property: import `orders-db` and `HOST` give `ORDERS_DB_HOST`. Characters that are not
/// allowed in a variable's name become `_` (POSIX.1-2017, 8.1).
pub fn variable(import: &str, suffix: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = import.chars().map(plain).collect();
    let edge = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{edge}{name}_{suffix}")
}

/// A variable's parsed value. `{{` stands for `{` and `}}` for `}`; a single `}` outside of a placeholder is literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Property(&'static Carried),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// A placeholder without its end.
    #[error("`{{` begins a placeholder that never ends; write `{{{{` for a brace")]
    Unclosed,
    /// A placeholder for a property that the type does not have.
    #[error("`{{{name}}}` is nothing that {contract} has; {hint}")]
    Unknown {
        /// The placeholder as written.
        name: String,
        /// The type.
        contract: crate::template::ContractType,
        /// The suggestion of a similar name.
        hint: String,
    },
}

impl Pattern {
    /// Reads a text with placeholders of that type.
    pub fn parse(text: &str, contract: &'static Contract) -> Result<Self, InvalidPattern> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if brace == "}" || after.starts_with('{') {
                literal.push_str(brace);
                rest = after.strip_prefix(brace).unwrap_or(after);
                continue;
            }
            let (name, after) = after.split_once('}').ok_or(InvalidPattern::Unclosed)?;
            let carried = contract.property(name).ok_or_else(|| unknown(name, contract))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Property(carried));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// A single property.
    fn of(carried: &'static Carried) -> Self {
        Self { parts: vec![Part::Property(carried)] }
    }

    /// The value; a secret if a part of it is. The error is a property that the provider does not specify.
    pub fn fill(&self, values: &Values) -> Result<Text, &'static Carried> {
        let (mut text, mut secret) = (String::new(), false);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Property(carried) => {
                    let value = values.get(&carried.property).ok_or(*carried)?;
                    secret |= value.is_secret();
                    text.push_str(value.reveal());
                }
            }
        }
        Ok(text_of(text, secret))
    }
}

fn unknown(name: &str, contract: &Contract) -> InvalidPattern {
    let names: Vec<&str> = contract.names().collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{{{near}}}`? write `{{{{` for a brace"),
        None => format!("it has {}; write `{{{{` for a brace", names.join(", ")),
    };
    InvalidPattern::Unknown { name: name.to_owned(), contract: contract.contract, hint }
}

/// A variable that an import maps, or gets by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) variable: String,
    pub(super) pattern: Pattern,
    /// Omitted if the provider does not specify it.
    pub(super) optional: bool,
}

/// A variable whose value is not a valid pattern.
pub(super) type Unreadable = (String, InvalidPattern);

/// The variables of an import, and those that can't be read.
pub(super) fn mapping(import: &Import) -> (Vec<Mapped>, Vec<Unreadable>) {
    let contract = Contract::builtin(import.contract);
    if import.environment.is_empty() {
        let one = |carried: &'static Carried| Mapped {
            variable: variable(&import.name, carried.suffix),
            pattern: Pattern::of(carried),
            optional: carried.need == super::Need::Optional,
        };
        return (contract.carries.iter().map(one).collect(), Vec::new());
    }
    let (mut mapped, mut wrong) = (Vec::new(), Vec::new());
    for (variable, text) in &import.environment {
        match Pattern::parse(text, contract) {
            Ok(pattern) => mapped.push(Mapped { variable: variable.clone(), pattern, optional: false }),
            Err(error) => wrong.push((variable.clone(), error)),
        }
    }
    (mapped, wrong)
}

/// The properties that an export can specify, as opposed to those that DevArch computes.
pub(super) fn specifiable(contract: &Contract) -> Vec<&'static str> {
    contract.carries.iter().filter(|carried| !carried.property.is_given()).map(Carried::name).collect()
}

/// The property of that name that an export can specify.
pub(super) fn specifiable_property(contract: &Contract, name: &str) -> Option<Property> {
    contract.property(name).map(|carried| carried.property).filter(|property| !property.is_given())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::ContractType;

    fn fill(text: &str) -> String {
        let contract = Contract::builtin(ContractType::S3);
        let values = Values::from([
            (Property::Host, Text::plain("h")),
            (Property::Port, Text::plain("9000")),
            (Property::User, Text::plain("key")),
        ]);
        match Pattern::parse(text, contract) {
            Ok(pattern) => match pattern.fill(&values) {
                Ok(text) => format!("{text}"),
                Err(lacks) => format!("lacks {}", lacks.name()),
            },
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn placeholders_are_replaced_and_braces_can_be_escaped() {
        let lines = [
            "{host}:{port}",
            "{{\"a\": \"{host}\"}}",
            "{{host}}",
            "{user}={access_key}",
            "plain }",
            "",
            "{secret_key}",
            "{hots}",
            "{vhost}",
            "{}",
            "{host",
        ]
        .map(|text| format!("{text} => {}", fill(text)));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {host}:{port} => h:9000
        {{"a": "{host}"}} => {"a": "h"}
        {{host}} => {host}
        {user}={access_key} => key=key
        plain } => plain }
         => 
        {secret_key} => lacks secret_key
        {hots} => `{hots}` is nothing that s3 has; did you mean `{host}`? write `{{` for a brace
        {vhost} => `{vhost}` is nothing that s3 has; did you mean `{host}`? write `{{` for a brace
        {} => `{}` is nothing that s3 has; it has host, port, scheme, access_key, secret_key, bucket, region, endpoint; write `{{` for a brace
        {host => `{` begins a placeholder that never ends; write `{{` for a brace
        "#);
    }

    #[test]
    fn a_default_variable_is_named_after_import_and_property() {
        for (import, name) in
            [("db", "DB_HOST"), ("orders-db", "ORDERS_DB_HOST"), ("a.b", "A_B_HOST"), ("2nd", "_2ND_HOST")]
        {
            assert_eq!(variable(import, "HOST"), name);
        }
    }
}
