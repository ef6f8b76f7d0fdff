//! Use-cases from end to end, without an engine: see `harness.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

mod memory {
    mod applies;
    mod data;
    mod engines;
    mod homes;
    mod kills;
    mod ownership;
}
