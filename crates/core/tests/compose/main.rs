//! Compose files and devarch.yml: what is written is valid and reads back as the same.

#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "helpers and snapshots of tests")]

mod example;
mod file;
mod import;
mod schema;
mod strategy;
mod written;
