use devarch_core::{
    content::ContentDigest,
    id::StackId,
    name::{NameTooLong, StackName},
};
use std::fmt;

/// Why a stack cannot be read or written as asked.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Something an edit claims belongs to another.
    #[error("{what} {value} is already taken{}", Owner(owner.as_ref()))]
    Taken {
        /// What kind of thing.
        what: TakenWhat,
        /// Its value.
        value: String,
        /// What has it, e.g. `instance 'c' of stack 'a-b'`.
        owner: Option<String>,
    },
    /// The edit was made against an older revision.
    #[error("stack '{stack}' was changed or removed by another command since it was read")]
    Changed {
        /// The stack's name when it was read.
        stack: StackName,
    },
    /// The stack was deleted meanwhile.
    #[error("the stack with id {stack} is not in the store any more")]
    Gone {
        /// The stack.
        stack: StackId,
    },
    /// The content of a config file is not in the store.
    #[error("the content of a config file (sha256 {digest}) is not in the store")]
    NoContent {
        /// The content's digest.
        digest: ContentDigest,
    },
    /// An instance's container would have too long a name.
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

/// What an edit can find taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenWhat {
    /// A stack's name.
    StackName,
    /// A container's name: two pairs of stack and instance can read the same.
    ContainerName,
    /// A volume's physical name.
    VolumeName,
    /// A port of this host, also where an address overlaps a wildcard.
    HostPort,
    /// Addresses of a stack's network.
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
