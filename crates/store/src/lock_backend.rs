//! What makes a stack's lock a lock: something that is taken back from its holder when it dies.

use crate::{
    db::{Result, Tx},
    error::StoreError,
    file_lock::LockFiles,
    session::{self, Session},
};
use devarch_core::id::StackId;
use sqlx::postgres::PgConnectOptions;
use std::{fs::File, path::Path, sync::Arc};

/// Who keeps the locks of a database.
#[derive(Clone)]
pub(crate) enum LockBackend {
    /// The operating system.
    Files(LockFiles),
    /// The database server.
    Sessions(Arc<PgConnectOptions>),
}

/// All that taking a lock needs, but the lock.
pub(crate) enum PendingLock {
    File(LockFiles),
    Session(Session),
}

/// A lock that was taken. Dropped, it is free.
pub(crate) enum LockGuard {
    File(File),
    Session(Session),
}

impl LockBackend {
    /// The locks of an SQLite database.
    pub(crate) fn files(database: &Path) -> Self {
        Self::Files(LockFiles::of(database))
    }

    /// The locks of a PostgreSQL database.
    pub(crate) fn sessions(options: PgConnectOptions) -> Self {
        Self::Sessions(Arc::new(options))
    }

    /// Does what takes time, before rows are locked.
    pub(crate) async fn ready(&self, place: &str) -> Result<PendingLock> {
        match self {
            Self::Files(files) => Ok(PendingLock::File(files.clone())),
            Self::Sessions(options) => Session::open(options, place).await.map(PendingLock::Session),
        }
    }

    /// Whether somebody has a stack's lock now.
    pub(crate) async fn is_held(&self, tx: &mut Tx, stack: &StackId, fence: i64) -> Result<bool> {
        match self {
            Self::Files(files) => files.is_held(stack, fence),
            Self::Sessions(_) => session::is_held(tx, stack, fence).await,
        }
    }
}

impl PendingLock {
    /// Takes a stack's lock; `None` where somebody else has it.
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
    /// What it hangs on that can end before this program does: the process of the database server that serves its
    /// session. A file's lock holds as long as the file is open.
    pub(crate) fn backend(&self) -> Option<i32> {
        match self {
            Self::File(_) => None,
            Self::Session(session) => Some(session.backend()),
        }
    }

    /// Frees it; when this returns, another can take it.
    pub(crate) async fn free(self) {
        match self {
            Self::File(file) => drop(file),
            Self::Session(session) => session.end().await,
        }
    }
}
