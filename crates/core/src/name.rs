//! Names the user gives (RFC 1123 labels) and the physical names made of them.
//!
//! Each kind is a separate type, so that an instance's name cannot be passed to an engine call that takes a
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

/// Longest name of a stack and of an instance: `devarch-{stack}-{instance}` is a label too, and the other of the two has
/// at least one character.
const MAX_PART: usize = MAX_LABEL - "devarch-".len() - "-x".len();

/// Why a name was refused, with one that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a valid {kind} name: {reason}; {suggestion:?} would be accepted")]
pub struct InvalidName {
    /// What kind of name was expected.
    pub kind: &'static str,
    /// The given text.
    pub given: String,
    /// The rule it breaks.
    pub reason: Flaw,
    /// A name that would be accepted.
    pub suggestion: String,
}

/// Two names whose physical name exceeds the engine's limit.
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

/// The rule of names that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It has more characters than may be.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// It contains characters that are not allowed.
    #[error("only a-z, 0-9 and '-' are allowed")]
    Character,
    /// It starts or ends with a hyphen.
    #[error("it must begin and end with a letter or digit")]
    Edge,
}

fn flaw(label: &str, longest: usize) -> Option<Flaw> {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if label.is_empty() {
        Some(Flaw::Empty)
    } else if label.len() > longest {
        Some(Flaw::TooLong(longest))
    } else if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        Some(Flaw::Character)
    } else if !edge(label.bytes().next()) || !edge(label.bytes().last()) {
        Some(Flaw::Edge)
    } else {
        None
    }
}

fn suggest(given: &str, fallback: &str, longest: usize) -> String {
    let mut label = String::new();
    for c in given.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            label.push(c);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
        if label.len() == longest {
            break;
        }
    }
    let label = label.trim_matches('-');
    if label.is_empty() { fallback.to_owned() } else { label.to_owned() }
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $longest:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The nearest valid name; `fallback` if no character can be kept.
            pub fn suggest(given: &str, fallback: &str) -> String {
                suggest(given, fallback, $longest)
            }

            /// That name with a number, shortened where both would be too long.
            pub fn numbered(given: &str, number: u32) -> String {
                let number = format!("-{number}");
                let stem = suggest(given, $kind, $longest - number.len());
                stem + &number
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(given: &str) -> Result<Self, InvalidName> {
                match flaw(given, $longest) {
                    None => Ok(Self(given.to_owned())),
                    Some(reason) => Err(InvalidName {
                        kind: $kind,
                        given: given.to_owned(),
                        reason,
                        suggestion: suggest(given, $kind, $longest),
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
    StackName, "stack", MAX_PART
);
label!(
    /// An instance's name, unique in its stack; also its name in the stack's DNS.
    InstanceName, "instance", MAX_PART
);
label!(
    /// A template's name in the catalog.
    TemplateName, "template", MAX_LABEL
);
label!(
    /// A named volume as templates and overrides write it.
    VolumeName, "volume", MAX_LABEL
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
    pub fn for_instance(stack: &StackName, instance: &InstanceName) -> Result<Self, NameTooLong> {
        let full = format!("devarch-{stack}-{instance}");
        if full.len() > MAX_LABEL { Err(NameTooLong { full }) } else { Ok(Self(full)) }
    }
}

impl NetworkName {
    /// The name of a stack's network.
    pub fn for_stack(stack: &StackName) -> Self {
        Self(format!("devarch-{stack}-net"))
    }

    /// The name of the network that links a consumer to a provider in another stack: `{consumer}.{provider}`, the
    /// provider without its prefix. Neither has a dot in it.
    pub fn for_link(consumer: &ContainerName, provider: &ContainerName) -> Self {
        let provider = provider.as_str().trim_start_matches("devarch-");
        Self(format!("{consumer}.{provider}"))
    }

    /// Whether it links instances of two stacks.
    pub fn is_link(&self) -> bool {
        self.0.contains('.')
    }
}

impl PhysicalVolume {
    /// The name a volume gets when it is first defined; it is stored and kept when things are renamed.
    pub fn for_instance(stack: &StackName, instance: &InstanceName, volume: &VolumeName) -> Self {
        Self(format!("devarch-{stack}-{instance}-{volume}"))
    }

    /// The name of its copy: `{volume}.snapshot`, followed by the number from the second on.
    #[must_use]
    pub fn copy(&self, number: u32) -> Self {
        let number = if number > 1 { number.to_string() } else { String::new() };
        Self(format!("{self}{COPY}{number}"))
    }

    /// Whether it is the copy of a volume.
    pub fn is_copy(&self) -> bool {
        let number = self.0.rsplit_once(COPY).map(|(_, number)| number);
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The volume it is the copy of.
    pub fn copied_from(&self) -> Option<Self> {
        let (volume, _) = self.0.rsplit_once(COPY).filter(|_| self.is_copy())?;
        Some(Self(volume.to_owned()))
    }
}

/// Suffix of a volume's copy. Volume names contain no dot.
const COPY: &str = ".snapshot";

/// A longer text is not compared with names.
const MAX_TYPO_LENGTH: usize = 200;

/// The name in `known` nearest to `given`, if it is near enough to be a typo.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long names are not typos, and comparing takes the product of the lengths.
    if given.len() > MAX_TYPO_LENGTH {
        return None;
    }
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
    fn a_rejected_name_has_a_valid_suggestion() {
        for given in ["", "Shop", "my shop", "-a-", "ä", "a_b", &"x".repeat(70), "a.b", "--"] {
            let refused = given.parse::<StackName>().unwrap_err();
            assert!(refused.suggestion.parse::<StackName>().is_ok(), "{given:?}: {refused}");
        }
    }

    #[test]
    fn names_that_leave_no_room_for_a_container_name_are_rejected() {
        let longest = "x".repeat(53);
        let (stack, instance): (StackName, InstanceName) = (longest.parse().unwrap(), "i".parse().unwrap());
        assert_eq!(ContainerName::for_instance(&stack, &instance).unwrap().as_str().len(), 63);
        for refused in [
            "x".repeat(54).parse::<StackName>().unwrap_err(),
            "x".repeat(54).parse::<InstanceName>().unwrap_err(),
        ] {
            assert_eq!((refused.reason, refused.suggestion.as_str()), (Flaw::TooLong(53), longest.as_str()));
        }
        assert!("x".repeat(63).parse::<TemplateName>().is_ok());
    }

    #[test]
    fn a_numbered_name_is_valid_however_long_it_was() {
        assert_eq!(StackName::numbered("shop", 2), "shop-2");
        for given in ["x".repeat(53), format!("{}-x", "x".repeat(50))] {
            assert!(StackName::numbered(&given, 12).parse::<StackName>().is_ok(), "{given}");
        }
    }

    #[test]
    fn a_container_name_is_a_dns_label() {
        let stack: StackName = "s".repeat(40).parse().unwrap();
        let short: InstanceName = "i".repeat(14).parse().unwrap();
        let long: InstanceName = "i".repeat(15).parse().unwrap();
        assert_eq!(ContainerName::for_instance(&stack, &short).unwrap().as_str().len(), 63);
        assert!(ContainerName::for_instance(&stack, &long).unwrap_err().to_string().contains("by 1"));
    }

    #[test]
    fn a_typo_finds_the_intended_name() {
        let known = ["postgres", "redis", "nginx"];
        assert_eq!(nearest("postgers", known), Some("postgres"));
        assert_eq!(nearest("kafka", known), None);
    }
}
