//! Docker and Podman behind one trait that uses core's types and hides their differences.
//!
//! [`FindInput`] is what the environment specifies, [`candidates`] the pure order in which endpoints are tried, and
//! [`connect`] picks the first that answers.

mod api;
mod build;
mod cause;
mod client;
mod connect;
mod engines;
mod error;
mod find;
mod frames;
mod http_transport;
mod lines;
mod podman_service;

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
