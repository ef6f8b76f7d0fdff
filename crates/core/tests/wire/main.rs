//! Wiring, from definitions to the variables of consumers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod catalog;
mod diagnostics;
mod looks;
mod random;
mod support;
mod values;
mod wires;
