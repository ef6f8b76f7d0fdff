//! For tests only: an engine in memory, the contract both it and the real ones keep, and ways to the real ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

pub mod contract;
pub mod fixture;
pub mod memory;
pub mod outside;
pub mod page;
pub mod proxy;
pub mod real;
pub mod scope;
pub mod surroundings;
pub mod texts;
