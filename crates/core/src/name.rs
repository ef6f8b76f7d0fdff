//! Names the user gives (RFC 1123 labels) and the physical names made of them.
//!
//! Each kind is a type of its own, so that an instance's name can't be handed to an engine call that wants a
//! container's:
//!
//! ```compile_fail
//! use devarch_core::name::{ContainerName, InstanceName};
//! let web: InstanceName = "web".parse().unwrap();
//! let _: ContainerName = web;
//! ```

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest label, RFC 1123 section 2.1 and RFC 1035 section 2.3.4.
pub const MAX_LABEL: usize = 63;

/// Why a name was refused, with one that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a valid {kind} name: {reason}; {suggestion:?} would be accepted")]
pub struct InvalidName {
    /// What kind of name it was to be.
    pub kind: &'static str,
    /// What was given.
    pub given: String,
    /// The rule it breaks.
    pub reason: &'static str,
    /// A name that would be accepted.
    pub suggestion: String,
}

/// Two names of the user that make one physical name longer than the engine's limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "container name {full:?} would have {} characters, the limit is {MAX_LABEL}; \
     shorten the stack's or the instance's name by {}",
    full.len(), full.len() - MAX_LABEL
)]
pub struct NameTooLong {
    /// The physical name that is too long.
    pub full: String,
}

fn flaw(label: &str) -> Option<&'static str> {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if label.is_empty() {
        Some("it is empty")
    } else if label.len() > MAX_LABEL {
        Some("it is longer than 63 characters")
    } else if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        Some("only a-z, 0-9 and '-' are allowed")
    } else if !edge(label.bytes().next()) || !edge(label.bytes().last()) {
        Some("it must begin and end with a letter or digit")
    } else {
        None
    }
}

/// The nearest valid label to what was given; `fallback` where nothing of it can be kept.
pub fn suggest(given: &str, fallback: &str) -> String {
    let mut label = String::new();
    for c in given.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            label.push(c);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
        if label.len() == MAX_LABEL {
            break;
        }
    }
    let label = label.trim_matches('-');
    if label.is_empty() { fallback.to_owned() } else { label.to_owned() }
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(given: &str) -> Result<Self, InvalidName> {
                match flaw(given) {
                    None => Ok(Self(given.to_owned())),
                    Some(reason) => Err(InvalidName {
                        kind: $kind,
                        given: given.to_owned(),
                        reason,
                        suggestion: suggest(given, $kind),
                    }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(given: String) -> Result<Self, InvalidName> {
                given.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

label!(
    /// A stack's name.
    StackName, "stack"
);
label!(
    /// An instance's name, unique in its stack; also its name in the stack's DNS.
    InstanceName, "instance"
);
label!(
    /// A template's name in the catalog.
    TemplateName, "template"
);
label!(
    /// A named volume as templates and overrides write it.
    VolumeName, "volume"
);

macro_rules! physical {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A name read back from the store or from an engine.
            pub fn from_stored(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

physical!(
    /// A container's name on an engine: `devarch-{stack}-{instance}`.
    ContainerName
);
physical!(
    /// A network's name on an engine: `devarch-{stack}-net`.
    NetworkName
);
physical!(
    /// A volume's name on an engine: `devarch-{stack}-{instance}-{volume}`.
    PhysicalVolume
);

impl ContainerName {
    /// The name of an instance's container, at most 63 characters so that it is a DNS label too.
    pub fn of(stack: &StackName, instance: &InstanceName) -> Result<Self, NameTooLong> {
        let full = format!("devarch-{stack}-{instance}");
        if full.len() > MAX_LABEL { Err(NameTooLong { full }) } else { Ok(Self(full)) }
    }
}

impl NetworkName {
    /// The name of a stack's network.
    pub fn of(stack: &StackName) -> Self {
        Self(format!("devarch-{stack}-net"))
    }
}

impl PhysicalVolume {
    /// The name a volume gets when it is first defined; it is stored, and kept over renames.
    pub fn of(stack: &StackName, instance: &InstanceName, volume: &VolumeName) -> Self {
        Self(format!("devarch-{stack}-{instance}-{volume}"))
    }
}

/// The name in `known` nearest to `given`, if one is near enough to be a slip of the finger.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(given.len()) / 4)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_comes_with_a_suggestion_that_is_accepted() {
        for given in ["", "Shop", "my shop", "-a-", "ä", "a_b", &"x".repeat(70), "a.b", "--"] {
            let refused = given.parse::<StackName>().unwrap_err();
            assert!(refused.suggestion.parse::<StackName>().is_ok(), "{given:?}: {refused}");
        }
    }

    #[test]
    fn a_container_name_is_a_dns_label() {
        let stack: StackName = "s".repeat(40).parse().unwrap();
        let short: InstanceName = "i".repeat(14).parse().unwrap();
        let long: InstanceName = "i".repeat(15).parse().unwrap();
        assert_eq!(ContainerName::of(&stack, &short).unwrap().as_str().len(), 63);
        assert!(ContainerName::of(&stack, &long).unwrap_err().to_string().contains("by 1"));
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        let known = ["postgres", "redis", "nginx"];
        assert_eq!(nearest("postgers", known), Some("postgres"));
        assert_eq!(nearest("kafka", known), None);
    }
}
