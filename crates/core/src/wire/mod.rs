//! Wiring: instances that find each other through typed contracts, or are told why not.
//!
//! [`CONTRACTS`] says what each type carries. A stack's imports get their providers from its `wires`, and otherwise where
//! exactly one provider offers the type; [`resolve`] decides, computes what each wire gives, and tells everything that is
//! wrong at once. Values are [`crate::text::Text`]: what comes from a secret is one.
//!
//! Where rules leave something open, this is decided:
//!
//! - Every instance takes part, whether it is wanted running or not: disabling one leads no consumer to another.
//! - Candidates are exports, not instances: one that offers a type twice is as ambiguous as two.
//! - An optional import among several providers is a note, but an error where it was wired in what runs.
//! - Where the stack says `prefer: primary` the role decides, also against what runs: the link is then `new` and tells what
//!   it was before.
//! - Only what an import uses has to be said: everything its type requires by default, or what its own mapping names.
//! - Two imports that set one variable are an error, whichever would be last.
//! - An exported port is refused where ports are known, from `ports` and the image, and it is none of them; a program that
//!   listens on what its image does not say is published. An image that was not pulled yet says nothing.
//! - An entry of `wires` that is wrong still keeps DevArch from wiring its import by itself.
//! - A user and a password stand in the URL only where clients of the type read them there.

mod auto;
mod contracts;
mod declare;
mod document;
mod draw;
mod env_text;
mod evaluate;
mod explicit;
mod fault;
mod graph;
mod host;
mod index;
mod input;
mod layout;
mod list;
mod pattern;
mod property;
mod reference;
mod resolve;
mod slots;
mod svg;
mod url;
mod values;

pub use contracts::{CONTRACTS, Carried, Contract, Need, Tail, UrlForm};
pub use declare::{
    ExternalDecl, InvalidEnd, NONE, PRIMARY, Prefer, ROLE_LABEL, Renamed, WireDecl, WireFrom, WireTo, Wiring,
};
pub use document::contracts_markdown;
pub use draw::{dot, tree};
pub use env_text::{EnvFormat, Secrets, Unwritable, env_text};
pub use host::{environment, host_variables};
pub use input::{Endpoint, External, Login, Offer, ProviderName, WireInstance, WireStack};
pub use list::{LIST_HEADS, ListRow, list};
pub use pattern::{InvalidPattern, Pattern, variable};
pub use property::Property;
pub use resolve::{Link, Resolution, Unwired, Why, Wired, resolve};
pub use slots::How;
pub use svg::svg;
pub use url::escape;
pub use values::{Address, Values, Viewpoint, address};
