//! Plans and undo: carried out, interrupted and rolled back by an in-memory engine.

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
