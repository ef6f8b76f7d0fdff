use devarch_core::{
    content::ContentDigest,
    id::StackId,
    name::{NameTooLong, StackName},
};
use std::fmt;

/// Why a stack could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The edit claims something that another stack or instance holds.
    #[error("{what} {value} is already taken{}", Owner(owner.as_ref()))]
    Taken {
        /// The kind of thing.
        what: TakenWhat,
        /// Its name or value.
        value: String,
        /// Its holder, e.g. `instance 'c' of stack 'a-b'`.
        owner: Option<String>,
    },
    /// The stack changed after it was read.
    #[error("stack '{stack}' was changed or removed by another command since it was read")]
    Changed {
        /// The stack's name when it was read.
        stack: StackName,
    },
    /// The stack was deleted after it was read.
    #[error("the stack with id {stack} is not in the store any more")]
    Gone {
        /// The stack's id.
        stack: StackId,
    },
    /// The store does not have the content of a config file.
    #[error("the content of a config file (sha256 {digest}) is not in the store")]
    NoContent {
        /// The content's digest.
        digest: ContentDigest,
    },
    /// A container's name would be too long.
    #[error(transparent)]
    Name(#[from] NameTooLong),
}

impl StackError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Changed { .. } => Some("check it, then repeat the edit"),
            Self::NoContent { .. } => {
                Some("run `devarch up` in the stack's directory to load the file again")
            }
            Self::Taken { .. } | Self::Gone { .. } | Self::Name(_) => None,
        }
    }
}

/// The kind of thing that is already taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenWhat {
    /// A stack's name.
    StackName,
    /// A container's name: two pairs of stack and instance can yield the same one.
    ContainerName,
    /// A volume's physical name.
    VolumeName,
    /// A port of this host, including overlaps of an address with a wildcard.
    HostPort,
    /// A network's subnet.
    Subnet,
}

impl fmt::Display for TakenWhat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StackName => "stack name",
            Self::ContainerName => "container name",
            Self::VolumeName => "volume name",
            Self::HostPort => "host port",
            Self::Subnet => "subnet",
        })
    }
}

struct Owner<'a>(Option<&'a String>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |owner| write!(f, " by {owner}"))
    }
}
