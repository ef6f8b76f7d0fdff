//! Secrets are usable in containers and visible nowhere else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "how much was searched is printed on stdout")]

#[path = "../common/mod.rs"]
mod common;

mod canary;
mod commands;
mod haystack;
mod keys;
mod reset;
