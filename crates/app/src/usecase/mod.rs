//! One file per operation: each takes the context and a request, and returns what happened.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod compose;
pub(crate) mod config;
pub(crate) mod container;
pub(crate) mod delete;
pub(crate) mod doctor;
pub(crate) mod fields;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod lock;
pub(crate) mod logins;
pub(crate) mod rename_links;
pub(crate) mod reset;
pub(crate) mod rollback;
pub(crate) mod stack_secrets;
pub(crate) mod stacks;
pub(crate) mod status;
pub(crate) mod strays;
pub(crate) mod wires;
