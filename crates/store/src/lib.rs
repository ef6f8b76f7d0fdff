//! The source of truth: stacks and what was applied of them, in SQLite or PostgreSQL.
//!
//! [`Store`] is all there is to call. Behind it one file holds one table and its queries; the SQL is the same text
//! on both databases, only the migrations differ. An edit is the difference of two [`devarch_core::stack::Stack`]
//! values, written in one transaction and only onto the revision it was made from. What must be unique is so by
//! constraints of the database; before an edit is written, what it newly claims is compared with what others hold,
//! so that a refusal can name the holder.

mod applied;
mod claims;
mod db;
mod edit;
mod error;
mod identity;
mod instances;
mod kept;
mod load;
mod place;
mod ports;
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod stacks;
mod store;
mod templates;
mod url;
mod volumes;

pub use applied::Applied;
pub use error::{Fault, StoreError, TakenWhat};
pub use identity::StoreIdentity;
pub use kept::KeptVolume;
pub use ports::PortReservation;
pub use store::Store;
pub use url::{InvalidUrl, PostgresUrl, StoreUrl};
