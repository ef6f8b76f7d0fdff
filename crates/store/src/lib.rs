//! The source of truth: stacks and their applied state, in SQLite or PostgreSQL.
//!
//! [`Store`] is the whole interface. Behind it each file has one table and its queries; the SQL is the same text for
//! both databases, only the migrations differ. An edit is the difference between two [`devarch_core::stack::Stack`]
//! values, written in one transaction and only onto the revision it was made from. Constraints of the database
//! enforce uniqueness; before an edit is written, its new claims are compared with those of others, so that an error
//! can name the holder.
//!
//! Changing a stack's objects on an engine requires the stack's [`StackLock`]: a lock of the operating system or of a
//! database session, which is free as soon as its holder dies. Plans and applies are recorded in a journal that only
//! the holder of that lock writes.
//!
//! Secrets are encrypted with a key from a file of the user's, not from the database, and bound to their row
//! (`vault`). A store without its key still opens, and does everything that needs no secret.

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
