//! Definitions of stacks: read from files and the store, edited, completed, saved.

pub(crate) mod catalog;
pub(crate) mod contents;
pub(crate) mod copy_name;
pub(crate) mod new_stack;
pub(crate) mod project;
pub(crate) mod recorded;
pub(crate) mod secret_values;
pub(crate) mod secrets;
pub(crate) mod text_file;
