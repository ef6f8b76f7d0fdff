//! Contracts and wires: services find each other, or the program reports why not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod definitions;
mod diagnostics;
mod doubles;
mod kept_data;
mod links;
mod logins;
mod real;
