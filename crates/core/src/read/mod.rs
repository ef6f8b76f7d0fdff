//! Reads definitions from text: YAML (or an edit's JSON) is parsed into [`Node`]s that have a line and column,
//! and read field by field, so that one pass reports every unknown field and wrong type at once.

mod build;
mod fields;
mod grammar;
mod locate;
mod node;
mod project;
mod references;
mod scalar;
mod secrets;
mod service;
mod service_lists;
mod template;
mod wires;
mod write;
mod written;

pub(crate) use build::BUILD_FIELDS;
pub(crate) use fields::At;
pub use fields::Reader;
pub use locate::located;
pub use node::{Key, MOST_NODES, MOST_TEXT, Node, Value, parse_yaml};
pub use project::{MOST_INSTANCES, ProjectFile, read_project};
pub use references::unknown_references;
pub use service::NOT_A_VALUE;
pub use service::{OVERRIDE_FIELDS, SERVICE_FIELDS};
pub(crate) use template::template;
pub use template::{keep_secrets, read_overrides, read_template};
pub use wires::{read_external, read_prefer, read_wires};
pub use write::project_yaml;
pub(crate) use write::yaml_text;

use crate::diagnostic::Diagnostics;

/// The result of reading: a value, or all errors of the text.
pub type ReadResult<T> = Result<T, Diagnostics>;
