//! Stack locks for SQLite: operating-system locks on files beside the database. The files are never removed, so that
//! two programs cannot lock two different files of the same name.

use crate::{
    db::Result,
    place::{directory_of, make_directory, open_lock_file, unusable},
};
use devarch_core::id::StackId;
use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The directory of the lock files, one per stack and fence.
#[derive(Clone)]
pub(crate) struct LockFiles {
    directory: Arc<Path>,
}

impl LockFiles {
    /// Returns the lock files of a database.
    pub(crate) fn of(database: &Path) -> Self {
        Self { directory: directory_of(database).join("locks").into() }
    }

    /// Takes the lock; `None` if another program, or another part of this one, holds it.
    pub(crate) fn try_take(&self, stack: &StackId, fence: i64) -> Result<Option<File>> {
        make_directory(&self.directory)?;
        let path = self.path(stack, fence);
        let file = open_lock_file(&path)?;
        let taken = try_exclusive(&file).map_err(|error| unusable(&path, error))?;
        Ok(taken.then_some(file))
    }

    /// Returns whether the lock is held.
    pub(crate) fn is_held(&self, stack: &StackId, fence: i64) -> Result<bool> {
        let path = self.path(stack, fence);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(|error| unusable(&path, error))?,
        };
        let free = try_shared(&file).map_err(|error| unusable(&path, error))?;
        Ok(!free)
    }

    fn path(&self, stack: &StackId, fence: i64) -> PathBuf {
        self.directory.join(format!("{stack}.{fence}.lock"))
    }
}

/// Tries to take the lock. [`LockFiles::is_held`] takes it shared for a moment: a lock that can be taken shared but
/// not exclusively is free, and is tried again.
fn try_exclusive(file: &File) -> io::Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if !try_shared(file)? => return Ok(false),
            Err(TryLockError::WouldBlock) => file.unlock()?,
        }
    }
}

fn try_shared(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
