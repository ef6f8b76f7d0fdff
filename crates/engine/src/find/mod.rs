//! Where to look for engines, in which order, and why.

mod candidates;
mod docker_context;
mod endpoint;
mod input;

pub use candidates::{Candidate, Way, candidates};
pub use docker_context::DockerContext;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use input::FindInput;
