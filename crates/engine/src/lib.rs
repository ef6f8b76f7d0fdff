//! Docker and Podman behind one trait, in core's words. Their differences end here.
//!
//! [`FindInput`] is what the environment says about engines, [`candidates`] the pure order in which they are tried,
//! [`connect`] takes the first that answers.

mod api;
mod build;
mod cause;
mod client;
mod connect;
mod engines;
mod error;
mod find;
mod frames;
mod lines;
mod podman_service;
mod wire;

pub use api::{
    Contents, Engine, ExecIo, ExecRequest, ExitStatus, Inspection, LogChunk, LogOptions, LogStream, Probe,
    ProbeResult, PullProgress, Runs, TerminalSize,
};
pub use build::{BuildRequest, ContextFile, InvalidContext, InvalidPattern, read_context};
pub use client::BollardEngine;
pub use connect::{ConnectOptions, connect, connect_with};
pub use engines::{Engines, ReachableEngines};
pub use error::{EngineError, EngineErrorKind};
pub use find::{Candidate, DockerContext, Endpoint, FindInput, InvalidEndpoint, Way, candidates};
