//! The mechanism behind stack locks, which releases a lock when its holder dies.

use crate::{
    db::{Result, Tx},
    error::StoreError,
    file_lock::LockFiles,
    session::{self, Session},
};
use devarch_core::id::StackId;
use sqlx::postgres::PgConnectOptions;
use std::{fs::File, path::Path, sync::Arc};

/// The lock mechanism of a database.
#[derive(Clone)]
pub(crate) enum LockBackend {
    /// Operating-system file locks.
    Files(LockFiles),
    /// Sessions of the database server.
    Sessions(Arc<PgConnectOptions>),
}

/// Everything prepared for taking a lock.
pub(crate) enum PendingLock {
    File(LockFiles),
    Session(Session),
}

/// A lock that was taken. Dropping it releases the lock.
pub(crate) enum LockGuard {
    File(File),
    Session(Session),
}

impl LockBackend {
    /// Returns the lock mechanism of an SQLite database.
    pub(crate) fn files(database: &Path) -> Self {
        Self::Files(LockFiles::of(database))
    }

    /// Returns the lock mechanism of a PostgreSQL database.
    pub(crate) fn sessions(options: PgConnectOptions) -> Self {
        Self::Sessions(Arc::new(options))
    }

    /// Does the slow part of taking a lock, before rows are locked.
    pub(crate) async fn ready(&self, place: &str) -> Result<PendingLock> {
        match self {
            Self::Files(files) => Ok(PendingLock::File(files.clone())),
            Self::Sessions(options) => Session::open(options, place).await.map(PendingLock::Session),
        }
    }

    /// Returns whether a stack's lock is held now.
    pub(crate) async fn is_held(&self, tx: &mut Tx, stack: &StackId, fence: i64) -> Result<bool> {
        match self {
            Self::Files(files) => files.is_held(stack, fence),
            Self::Sessions(_) => session::is_held(tx, stack, fence).await,
        }
    }
}

impl PendingLock {
    /// Takes a stack's lock; `None` if another process holds it.
    pub(crate) async fn try_take(
        self,
        place: &str,
        stack: &StackId,
        fence: i64,
    ) -> Result<Option<LockGuard>> {
        match self {
            Self::File(files) => Ok(files.try_take(stack, fence)?.map(LockGuard::File)),
            Self::Session(mut session) => {
                let taken = session.try_take(stack, fence).await;
                let taken = taken.map_err(|error| StoreError::of(place, error))?;
                Ok(taken.then_some(LockGuard::Session(session)))
            }
        }
    }
}

impl LockGuard {
    /// Returns what can end before this program does and ends the lock: the server process of its session. A file's
    /// lock lasts as long as the file is open.
    pub(crate) fn backend(&self) -> Option<i32> {
        match self {
            Self::File(_) => None,
            Self::Session(session) => Some(session.backend()),
        }
    }

    /// Releases the lock; when this returns, another process can take it.
    pub(crate) async fn free(self) {
        match self {
            Self::File(file) => drop(file),
            Self::Session(session) => session.end().await,
        }
    }
}
