//! Plans, and what they rest on: carried out, cut off and put back by an engine in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod assumptions;
mod deferred;
mod drift;
mod fields;
mod host_paths;
mod images;
mod lengths;
mod links;
mod ownership;
mod podman;
mod promises;
mod random;
mod records;
mod snapshot;
mod support;
mod takeover;
mod undo;
mod wires;
