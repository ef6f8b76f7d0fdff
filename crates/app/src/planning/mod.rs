//! From a stored stack to a plan: observe, resolve, plan. Nothing is changed anywhere.

pub(crate) mod approved;
pub(crate) mod build_context;
pub(crate) mod effective;
pub(crate) mod engine_identity;
pub(crate) mod host_view;
pub(crate) mod images;
pub(crate) mod interrupted;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod links;
pub(crate) mod observe;
pub(crate) mod other_engines;
pub(crate) mod prepare;
pub(crate) mod redaction;
pub(crate) mod saved_plan;
pub(crate) mod shown_plan;
pub(crate) mod subnets;
pub(crate) mod wiring;
