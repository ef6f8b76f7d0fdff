//! Compose files: export of a stack, and import of one.
//!
//! A stack is built into a [`ComposeFile`] whose fields are closed and typed, so nearly all of the Compose
//! specification's JSON schema (`schemas/compose-spec.json`) holds by construction. What types cannot express, lists
//! without repetition and names that are not empty, is checked by [`validate`] in microseconds, so that every plan
//! can afford it; compiling the schema at run time would cost each command milliseconds and a dependency, and its
//! errors would not name instance and field. The property tests in `tests/compose` verify that both agree: they
//! validate random stacks against the schema itself.

mod build;
mod config_file;
mod exported;
mod image;
mod import;
mod interpolated;
mod model;
mod secrets;
mod service;
mod validate;

pub use build::{ConfigPlace, compose_file};
pub use import::{ImportContext, Imported, SecretSource, dot_env, import};
pub use interpolated::Interpolated;
pub use model::{ComposeFile, FileToWrite};
pub use validate::validate;
