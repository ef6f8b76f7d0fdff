use devarch_core::engine::EngineKind;

/// A failed engine call: the attempted action, the message, and the cause as far as DevArch distinguishes it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action}: {message}")]
pub struct EngineError {
    /// The attempted action: `create container devarch-shop-db`.
    pub action: String,
    /// The cause DevArch acts on.
    pub kind: EngineErrorKind,
    /// The message of the engine or the transport.
    pub message: String,
}

/// Causes that lead to different actions or hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// Nothing listens at the endpoint.
    NotRunning,
    /// The socket exists but access is denied.
    PermissionDenied,
    /// The engine is older than DevArch supports.
    TooOld {
        /// The engine.
        kind: EngineKind,
        /// Its version.
        version: String,
    },
    /// The object does not exist.
    NotFound,
    /// The name is taken.
    NameTaken,
    /// A host port is taken.
    PortTaken,
    /// The network's addresses overlap those of another.
    SubnetTaken,
    /// Another container has the address.
    AddressTaken,
    /// The image is not available.
    NoImage,
    /// The image's own instructions failed, or can't be read.
    BuildFailed,
    /// The registry requires credentials, or other ones.
    Unauthorized,
    /// The command can't be run in the container.
    CannotRun,
    /// The memory limit is less than a container takes to start.
    TooLittleMemory,
    /// The engine may not set a process limit as high as requested, or as its own configuration specifies.
    LimitRefused,
    /// A file is mounted or copied where the image has a directory, or the reverse.
    Misplaced,
    /// The engine can no longer start the container: a stop of it never ended, or leftovers of its last run remain. It
    /// can be removed.
    Stuck,
    /// The object is used by others.
    InUse,
    /// Docker counts connections to the network that no longer exist: a race in Docker, seen in 20.10 with many
    /// containers at once, that only restarting it fixes (moby issue 42119).
    Miscounted,
    /// The engine's disk is full.
    DiskFull,
    /// The call was cut off or timed out; its outcome is unknown until observed.
    Uncertain,
    /// Anything else.
    Other,
}

impl EngineError {
    /// An error of that kind.
    pub fn new(action: impl Into<String>, kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self { action: action.into(), kind, message: message.into() }
    }
}
