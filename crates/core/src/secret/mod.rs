//! Secret values: defined, referred to, generated, and separated for the store.
//!
//! A [`Secret`] cannot be printed, formatted or serialised. Definitions contain it as a [`SecretValue`], which may also
//! be locked: without its key it can be stored and moved but not decrypted. `${secret:NAME}` refers to one by its
//! [`SecretName`]. The store keeps a definition as [`Stored`]: its JSON, and separately the values to encrypt.

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
pub use value::{KeptSecret, REDACTED, Secret, SecretValue, Undecryptable};
