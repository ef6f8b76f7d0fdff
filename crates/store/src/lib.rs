//! The source of truth: stacks and what was applied of them, in SQLite or PostgreSQL.
//!
//! [`Store`] is all there is to call. Behind it one file holds one table and its queries; the SQL is the same text
//! on both databases, only the migrations differ. An edit is the difference of two [`devarch_core::stack::Stack`]
//! values, written in one transaction and only onto the revision it was made from. What must be unique is so by
//! constraints of the database; before an edit is written, what it newly claims is compared with what others hold,
//! so that a refusal can name the holder.
//!
//! Who changes a stack's objects on an engine holds the stack's [`StackLock`]: a lock of the operating system or of a
//! database session, so that it is free when its holder dies. What was planned and applied is kept in a journal, which
//! is written only by the holder of that lock.
//!
//! Secrets are sealed: encrypted with a key that is in a file of the user's, not in the database, and bound to the
//! row they are in (`vault`). A store whose key is not there opens all the same, and does everything that needs no secret.

mod applied;
mod applies;
mod author;
mod claims;
mod clock;
mod contents;
mod db;
mod edit;
mod error;
mod file_lock;
mod identity;
mod instances;
mod journal;
mod kept;
mod keys;
mod load;
mod lock;
mod lock_backend;
mod locks;
#[cfg(test)]
mod messages;
mod objects;
mod place;
mod plans;
mod ports;
mod postgres;
mod renew;
mod reset;
mod rewrite;
mod rows;
mod schema;
mod scrub;
mod sealed;
mod secrets;
mod session;
mod sqlite;
mod stacks;
mod steps;
mod store;
mod stored;
mod templates;
mod url;
mod vault;
mod volumes;
mod wirings;

pub use applied::Applied;
pub use applies::{Apply, ApplyOutcome};
pub use author::Author;
pub use error::{
    DatabaseError, EncryptionError, Fault, JournalError, KeyError, LockError, OpeningError, StackError,
    StoreError, TakenWhat,
};
pub use identity::StoreIdentity;
pub use kept::{KeptVolume, LetGo};
pub use keys::Rotation;
pub use lock::StackLock;
pub use locks::{Lease, LockInfo, LockOwner};
pub use objects::Settlement;
pub use plans::SavedPlan;
pub use ports::PortReservation;
pub use scrub::{ExposedContents, Redefine};
pub use sealed::Remade;
pub use steps::{StepMark, StepRecord};
pub use store::Store;
pub use url::{InvalidUrl, PostgresUrl, StoreUrl};
pub use vault::{CannotOpen, CannotSeal, ExportError, KeyFileError, KeyId};
