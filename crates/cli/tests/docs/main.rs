//! README and the pages of `docs/` match the program: examples are run, tables are compared with the program, links
//! are checked.
//!
//! Rules for pages: every fenced block names its language. `sh` holds command lines; a word in capitals in a
//! `devarch` command is a placeholder (see [`commands`]). `yaml` is a complete devarch.yml (with a `version`),
//! template (with a `name`) or Compose file (with `services`). README blocks after `<!-- story -->` are run in order
//! on every engine. Text between `<!-- NAME: generated -->` and `<!-- /NAME -->` is written by these tests with
//! `UPDATE_DOCS=1`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod environment;
mod examples;
mod fields;
mod generated;
mod limits;
mod links;
mod objects;
mod page;
mod story;
mod tables;
