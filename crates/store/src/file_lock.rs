//! Locks of stacks beside an SQLite database: locks of the operating system on files that are never removed, so that
//! two programs can't lock two files of one name.

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

/// Where the files are: one for each stack and fence.
#[derive(Clone)]
pub(crate) struct LockFiles {
    directory: Arc<Path>,
}

impl LockFiles {
    /// The files of a database.
    pub(crate) fn of(database: &Path) -> Self {
        Self { directory: directory_of(database).join("locks").into() }
    }

    /// Takes the lock; `None` where another program, or another part of this one, has it.
    pub(crate) fn try_take(&self, stack: &StackId, fence: i64) -> Result<Option<File>> {
        make_directory(&self.directory)?;
        let path = self.path(stack, fence);
        let file = open_lock_file(&path)?;
        let taken = try_exclusive(&file).map_err(|error| unusable(&path, error))?;
        Ok(taken.then_some(file))
    }

    /// Whether somebody has the lock.
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

/// Who only looks has the lock shared for a moment. So where it can't be had alone, but shared, nobody holds it.
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
