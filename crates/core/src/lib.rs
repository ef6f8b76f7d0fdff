//! The core of DevArch: pure functions without I/O.
//!
//! Nothing here uses a runtime, a database, an engine, a file, a clock or the environment: the input is text, the
//! output is decisions. Data flows in the order of the modules: [`read`] parses YAML into definitions ([`template`],
//! [`stack`]); [`resolve`] merges them into effective configs and [`desired`] state; [`plan`] compares that with the
//! [`observed`] state. [`environment`] only defines the interfaces that use-cases need for clock, host and the like.
//! Each module uses only those before it, in an order that a test checks.

pub mod build;
pub mod compose;
pub mod content;
pub mod desired;
pub mod diagnostic;
pub mod engine;
pub mod environment;
pub mod escape;
pub mod hash;
pub mod id;
pub mod image_ref;
pub mod kept;
pub mod name;
pub mod observed;
pub mod ownership;
pub mod percent;
pub mod persisted;
pub mod plan;
pub mod podman;
pub mod policy;
pub mod port;
pub mod read;
pub mod readiness;
pub mod record;
pub mod resolve;
pub mod secret;
pub mod serialize;
mod service_fields;
pub mod spec;
pub mod stack;
pub mod subnet;
pub mod template;
pub mod text;
pub mod unit;
pub mod wire;
