//! Tests of use-cases from end to end, without an engine: see `harness.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod settings;
mod stacks;
mod strangers;

mod memory {
    mod adopt;
    mod applies;
    mod beginnings;
    mod builds;
    mod catalog_files;
    mod composing;
    mod containers;
    mod copies;
    mod data;
    mod deletion;
    mod dependencies;
    mod doctor;
    mod drift;
    mod edits;
    mod engines;
    mod events;
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
    mod overviews;
    mod own_logins;
    mod ownership;
    mod plans;
    mod properties;
    mod races;
    mod recoveries;
    mod rollbacks;
    mod secrets;
    mod status;
    mod steps;
    mod stored_secrets;
    mod waits;
    mod wiring;
}
