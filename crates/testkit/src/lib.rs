//! For tests only: an engine in memory, the contract both it and the real ones keep, and ways to the real ones.

pub mod contract;
pub mod fixture;
pub mod memory;
pub mod outside;
pub mod real;
pub mod scope;
