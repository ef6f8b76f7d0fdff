//! Wiring: connects instances through typed contracts, or reports why it cannot.
//!
//! [`CONTRACTS`] defines the properties of each type. A stack's imports get their providers from its `wires`, or
//! automatically if exactly one provider offers the type; [`resolve`] decides, computes the values of each wire, and
//! reports all errors at once. Values are [`crate::text::Text`]: a value derived from a secret is a secret.
//!
//! Design decisions:
//!
//! - Every instance takes part, whether enabled or not: disabling one does not connect a consumer to another.
//! - Candidates are exports, not instances: one instance that offers a type twice is as ambiguous as two.
//! - An optional import with several candidates is a note, but an error if it was wired in the applied state.
//! - With `prefer: primary` the role decides, even against the applied state: the link is then `new` and reports its
//!   previous provider.
//! - Only properties that an import uses are required: those its type requires by default, or those its own mapping
//!   names.
//! - Two imports that set one variable are an error, regardless of their order.
//! - An exported port is rejected if the ports are known, from `ports` and the image, and do not include it; a program
//!   that listens on other ports than its image declares has to be published. An image that is not pulled yet has no
//!   known ports.
//! - An invalid entry of `wires` still keeps DevArch from wiring its import automatically.
//! - The URL contains user and password only if clients of the type read them there.

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
pub use resolve::{Resolution, Unwired, Why, Wire, Wired, resolve};
pub use slots::How;
pub use svg::svg;
pub use url::escape;
pub use values::{Address, Values, Viewpoint, address};
