//! Encryption at rest. [`Vault`] caches a key file, [`Decryptor`] decrypts values within a transaction. What is
//! encrypted, and where, is in the tables' own files, and listed in [`crate::sealed`].

mod cipher;
mod export;
mod key;
mod key_disk;
mod key_file;
mod trouble;

pub use cipher::CannotSeal;
pub(crate) use cipher::Place;
pub use export::ExportError;
pub(crate) use export::{open_key, seal_key};
pub(crate) use key::Key;
pub use key::KeyId;
pub use key_disk::KeyFileError;
pub(crate) use key_disk::Writing;
pub use trouble::CannotOpen;

use cipher::sealed_with;
use key_file::{KeyFile, Kind};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// A key file as it was last read, and every key it ever had: reading an older snapshot of the database may need the
/// key of that time.
pub(crate) struct Vault {
    path: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    file: Arc<KeyFile>,
    keys: BTreeMap<KeyId, Arc<Key>>,
}

impl Vault {
    /// Returns the vault of a key file, which may be missing, and is not read before a key is needed.
    pub(crate) fn at(path: &Path) -> Arc<Self> {
        let known = Known { file: Arc::new(KeyFile::missing()), keys: BTreeMap::new() };
        Arc::new(Self { path: path.to_owned(), known: Mutex::new(known) })
    }

    /// Returns the key file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the content that was last read.
    pub(crate) fn known(&self) -> Arc<KeyFile> {
        Arc::clone(&self.lock().file)
    }

    /// Reads the file.
    pub(crate) fn read(&self) -> Result<Arc<KeyFile>, KeyFileError> {
        let file = Arc::new(key_disk::read(&self.path)?);
        let mut known = self.lock();
        known.keys.extend(file.all().map(|key| (key.id(), Arc::clone(key))));
        known.file = Arc::clone(&file);
        Ok(file)
    }

    fn key(&self, id: KeyId) -> Option<Arc<Key>> {
        self.lock().keys.get(&id).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }

    /// Returns a decryptor for one transaction.
    pub(crate) fn decryptor(self: &Arc<Self>) -> Decryptor {
        Decryptor { vault: Arc::clone(self), read: None }
    }
}

/// Decrypts values. If a key is unknown, it reads the key file, once: another program may have rotated the key since.
pub(crate) struct Decryptor {
    vault: Arc<Vault>,
    read: Option<Result<Arc<KeyFile>, KeyFileError>>,
}

impl Decryptor {
    /// Returns the key with this id.
    pub(crate) fn key(&mut self, id: KeyId) -> Result<Arc<Key>, CannotOpen> {
        if let Some(key) = self.vault.key(id) {
            return Ok(key);
        }
        let vault = &self.vault;
        match self.read.get_or_insert_with(|| vault.read()) {
            Ok(file) => file.key(id).ok_or_else(|| without(file, vault.path(), id)),
            Err(error) => Err(error.clone().into()),
        }
    }

    /// Decrypts a value that was encrypted for that place.
    pub(crate) fn open(
        &mut self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let id = sealed_with(sealed).ok_or(CannotOpen::Damaged)?;
        self.key(id)?.open(place, sealed).map_err(|_| CannotOpen::Damaged)
    }
}

/// Returns why a key file does not provide a key.
fn without(file: &KeyFile, path: &Path, needs: KeyId) -> CannotOpen {
    let path = path.to_owned();
    match file.kind() {
        Kind::Missing => CannotOpen::NoKey { path, needs },
        _ if file.ids().is_empty() || file.may_have_lost(needs) => CannotOpen::BadKey { path, needs },
        _ => CannotOpen::WrongKey { path, needs, has: file.ids() },
    }
}
