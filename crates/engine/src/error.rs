use devarch_core::engine::EngineKind;

/// A failed engine call: what was asked, what came back, and which of the causes DevArch treats differently.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action}: {message}")]
pub struct EngineError {
    /// What was asked, in words: `create container devarch-shop-db`.
    pub action: String,
    /// The cause DevArch acts on.
    pub kind: EngineErrorKind,
    /// The engine's own words, or the transport's.
    pub message: String,
}

/// Causes that lead to different actions or hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// Nothing listens at the endpoint.
    NotRunning,
    /// The socket is there and may not be used.
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
    /// The image can't be had.
    NoImage,
    /// The image's own instructions failed, or can't be read.
    BuildFailed,
    /// The registry wants credentials, or other ones.
    Unauthorized,
    /// The command can't be run in the container.
    CannotRun,
    /// The memory limit is less than a container takes to start.
    TooLittleMemory,
    /// It may not give a process a limit as high as was asked for, or as its own configuration says.
    LimitRefused,
    /// A file lies where the image has a directory, or the reverse.
    Misplaced,
    /// The engine can't start the container any more: a stop of it never ended, or something is left of its last run. It
    /// can be removed.
    Stuck,
    /// The object is used by others.
    InUse,
    /// Docker counts connections to the network that are not there any more: a race of its own, seen in 20.10 with many
    /// containers at once, that only its restart mends (moby issue 42119).
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
