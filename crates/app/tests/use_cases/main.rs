//! Use-cases from end to end, without an engine: see `harness.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod stacks;
mod strangers;

mod memory {
    mod adopt;
    mod applies;
    mod data;
    mod edits;
    mod engines;
    mod history;
    mod homes;
    mod images;
    mod links;
    mod locks;
    mod ownership;
    mod properties;
    mod secrets;
    mod status;
    mod steps;
    mod waits;
}
