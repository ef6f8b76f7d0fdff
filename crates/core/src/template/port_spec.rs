use crate::port::PortKey;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A port the container publishes on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortSpec {
    /// Port and protocol in the container.
    #[serde(flatten)]
    pub key: PortKey,
    /// Address on the host; default 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// Port on the host.
    #[serde(default, skip_serializing_if = "HostPortChoice::is_auto")]
    pub published: HostPortChoice,
}

/// How a host port is chosen, written `auto` or as the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPortChoice {
    /// Chosen by DevArch, once, when the port is defined.
    #[default]
    Auto,
    /// Chosen by the user.
    Fixed(u16),
}

impl HostPortChoice {
    /// Returns whether DevArch chooses the port.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl TryFrom<String> for HostPortChoice {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Fixed) }
    }
}

impl From<HostPortChoice> for String {
    fn from(choice: HostPortChoice) -> Self {
        match choice {
            HostPortChoice::Auto => "auto".to_owned(),
            HostPortChoice::Fixed(port) => port.to_string(),
        }
    }
}

/// Serializes ports by key, with the keys as text, because JSON object keys must be.
pub(super) mod by_key {
    use super::PortSpec;
    use crate::port::PortKey;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use std::collections::BTreeMap;

    type Ports = BTreeMap<PortKey, Option<PortSpec>>;

    pub(crate) fn serialize<S: Serializer>(ports: &Ports, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(ports.iter().map(|(key, port)| (key.to_string(), port)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Ports, D::Error> {
        let ports = BTreeMap::<String, Option<PortSpec>>::deserialize(from)?;
        let keyed = |(key, port): (String, Option<PortSpec>)| {
            key.parse().map(|key| (key, port)).map_err(D::Error::custom)
        };
        ports.into_iter().map(keyed).collect()
    }
}
