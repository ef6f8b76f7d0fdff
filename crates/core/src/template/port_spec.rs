use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// Transport of a published port.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
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

/// Who chooses a host port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
