use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// Transport of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the protocol of that name")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

impl Protocol {
    /// The name engines and Compose files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies a port within an instance: container port and protocol. Written `80/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortKey {
    /// Port in the container.
    pub target: u16,
    /// Its transport.
    pub protocol: Protocol,
}

impl fmt::Display for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.protocol)
    }
}

/// A port the container publishes on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortSpec {
    /// Port and protocol in the container.
    #[serde(flatten)]
    pub key: PortKey,
    /// Address on the host; 127.0.0.1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// Port on the host.
    #[serde(default, skip_serializing_if = "HostPortChoice::is_auto")]
    pub published: HostPortChoice,
}

/// Who chooses a host port. Written `auto` or as the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPortChoice {
    /// DevArch, once, when the port is defined.
    #[default]
    Auto,
    /// The user.
    Fixed(u16),
}

impl HostPortChoice {
    /// Whether DevArch chooses.
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

impl FromStr for PortKey {
    type Err = InvalidPort;

    /// Reads `80` and `80/udp`.
    fn from_str(given: &str) -> Result<Self, InvalidPort> {
        let invalid = || InvalidPort(given.to_owned());
        let (target, protocol) = given.split_once('/').unwrap_or((given, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(invalid()),
        };
        let target = target.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
        Ok(Self { target, protocol })
    }
}

/// Text that is not a container port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a container port such as 80 or 53/udp")]
pub struct InvalidPort(String);

/// Ports by key, with keys written as text: JSON's objects have no others.
pub(super) mod by_key {
    use super::{PortKey, PortSpec};
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
