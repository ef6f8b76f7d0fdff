//! README and the pages of `docs/` say what the program does: their examples are run, their tables compared with what the
//! program knows, their links followed.
//!
//! How a page is written: every fenced block names its language. `sh` holds command lines; a word in capitals in one of
//! `devarch`'s stands for a value of the reader's (see [`commands`]). `yaml` is a devarch.yml (it has a `version`), a
//! template of a catalog (a `name`) or a Compose file (`services`), each complete. The README's blocks after
//! `<!-- story -->` are run one after the other on every engine. What stands between `<!-- NAME: generated -->` and
//! `<!-- /NAME -->` is written by these tests with `UPDATE_DOCS=1`.

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
