//! For tests only: an in-memory engine, the contract that it and the real ones fulfil, and access to real engines.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

pub mod contract;
pub mod environment;
pub mod fixture;
pub mod memory;
pub mod outside;
pub mod page;
pub mod proxy;
pub mod real;
pub mod scope;
pub mod texts;
