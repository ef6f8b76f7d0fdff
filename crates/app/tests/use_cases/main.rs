//! Use-cases from end to end, without an engine: see `harness.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod stacks;
mod strangers;

mod memory {
    mod adopt;
    mod applies;
    mod builds;
    mod copies;
    mod data;
    mod deletion;
    mod edits;
    mod engines;
    mod fields;
    mod history;
    mod homes;
    mod host_paths;
    mod host_ports;
    mod images;
    mod imports;
    mod keys;
    mod leftovers;
    mod links;
    mod locks;
    mod naming;
    mod networks;
    mod own_logins;
    mod ownership;
    mod properties;
    mod races;
    mod secrets;
    mod status;
    mod steps;
    mod stored_secrets;
    mod waits;
    mod wiring;
}
