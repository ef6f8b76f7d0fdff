use std::{fmt, os::unix::fs::MetadataExt as _, path::PathBuf, str::FromStr};

/// Where an engine's API can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket file.
    Unix(PathBuf),
    /// `host:port`, without TLS.
    Tcp(String),
}

/// Prefix of the name of a missing Docker context, used in place of its address.
pub(super) const MISSING_CONTEXT: &str = "context://";

/// An address DevArch can't reach, with what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// An address through ssh.
    #[error(
        "{0:?} uses ssh, which DevArch does not support; forward the engine's socket with \
         `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST` and name unix:///tmp/engine.sock"
    )]
    Ssh(String),
    /// A missing Docker context.
    #[error(
        "Docker has no context {0:?}; `docker context ls` lists those there are, and DOCKER_CONTEXT names one"
    )]
    NoContext(String),
    /// Anything else.
    #[error("{0:?} is not an engine; name `docker`, `podman`, unix:///PATH or tcp://HOST:PORT")]
    Unknown(String),
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(given: &str) -> Result<Self, InvalidEndpoint> {
        let unknown = || InvalidEndpoint::Unknown(given.to_owned());
        match given.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", rest)) => {
                let host = rest.trim_end_matches('/');
                let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
                if port.is_some() { Ok(Self::Tcp(host.to_owned())) } else { Err(unknown()) }
            }
            _ if given.starts_with(MISSING_CONTEXT) => {
                Err(InvalidEndpoint::NoContext(given[MISSING_CONTEXT.len()..].to_owned()))
            }
            Some(("ssh", _)) => Err(InvalidEndpoint::Ssh(given.to_owned())),
            _ => Err(unknown()),
        }
    }
}

impl Endpoint {
    /// The user (uid) who owns the socket file; `None` if it does not exist or is not a file.
    pub(crate) fn owner(&self) -> Option<u32> {
        match self {
            Self::Unix(path) => path.metadata().ok().map(|socket| socket.uid()),
            Self::Tcp(_) => None,
        }
    }

    /// Whether it is on this machine, as far as the address shows.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(address) => {
                ["127.", "localhost:", "[::1]:"].iter().any(|local| address.starts_with(local))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_it_was_written() {
        for text in ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "tcp://[::1]:2375"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unsupported_address_is_rejected_with_a_hint() {
        let refused = |text: &str| text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(refused("ssh://me@box").contains("ssh -nNT -L"));
        for text in ["", "dockr", "unix://relative", "tcp://host", "npipe:////./pipe/x"] {
            assert!(refused(text).contains("tcp://HOST:PORT"), "{text}");
        }
    }
}
