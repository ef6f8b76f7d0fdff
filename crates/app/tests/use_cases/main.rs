//! Use-cases from end to end, without an engine: see `harness.rs`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod harness;
mod stacks;
mod strangers;

mod memory {
    mod applies;
    mod data;
    mod engines;
    mod homes;
    mod ownership;
    mod properties;
    mod steps;
}
