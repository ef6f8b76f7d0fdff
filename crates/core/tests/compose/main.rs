//! Compose files and devarch.yml: written files are valid and read back unchanged.

#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "helpers and snapshots of tests")]

mod example;
mod file;
mod import;
mod schema;
mod strategy;
mod written;
