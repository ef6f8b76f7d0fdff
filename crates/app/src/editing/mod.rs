//! Edits of definitions, completed, checked against policy and saved as a unit; loading a devarch.yml is an edit of
//! its stack.

pub(crate) mod assign;
pub(crate) mod directory;
pub(crate) mod edit;
pub(crate) mod free_names;
pub(crate) mod import;
pub(crate) mod scrub;
