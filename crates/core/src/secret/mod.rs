//! Secret values: as they are defined, referred to, asked for, and taken apart for the store.
//!
//! A [`Secret`] can't be printed, formatted or serialised. Definitions hold it as a [`SecretValue`], which may also be
//! locked: its key is not here, so that it can be kept and moved but not read. `${secret:NAME}` refers to one by its
//! [`SecretName`]. The store keeps a definition as [`Stored`]: its JSON, and apart from it what has to be sealed.

mod generate;
mod looks;
mod mask;
mod name;
mod reference;
mod stored;
mod value;

pub use generate::{Charset, Generate};
pub use looks::{is_secret_name, looks_secret};
pub use mask::{Mask, MaskedStream};
pub use name::{InvalidSecretName, SecretName};
pub use reference::{BadReference, Part, parts, refers, rename};
pub use stored::{GIVEN_UP, HoldsSecrets, Sealable, Stored, Visit, visit_entries};
pub use value::{KeptSecret, Locked, REDACTED, Secret, SecretValue};
