//! Docker and Podman behind one trait, in core's words. Their differences end here.

mod api;
mod error;

pub use api::{
    Engine, ExecIo, ExecRequest, ExitStatus, Inspection, LogChunk, LogOptions, LogStream, Probe,
    ProbeResult, PullProgress, TerminalSize,
};
pub use error::{EngineError, EngineErrorKind};
