//! A key file on disk: private to its user, always complete, and changed by one program at a time.

use super::key_file::{KeyFile, Kind};
use crate::{
    error::{OpeningError, StoreError},
    place::{directory_of, make_directory, open_lock_file},
};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

/// How long to wait for another program's change.
const PATIENCE: Duration = Duration::from_secs(30);

/// An upper bound for the size of a key file.
const MAX_SIZE: u64 = 1 << 20;

/// Why a key file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Other users have access to it.
    #[error("{} is open to other users (mode {mode:04o}), so its keys are not used", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "{} belongs to user {owner}, not to user {us} who runs devarch, so its keys are not used",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// This process's user id.
        us: u32,
    },
    /// The file is no key file.
    #[error("{} is not a key file", path.display())]
    NotKeys {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of DevArch wrote it.
    #[error("{} was written by a newer devarch (version {version}, this one knows 1)", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// Another program has it locked.
    #[error("{} is being changed by another devarch for too long", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot use {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        reason: String,
    },
}

impl KeyFileError {
    /// Returns what to do about it, as a phrase.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Exposed { path, .. } => {
                return format!(
                    "run `chmod 600 {}`, and if another user may have read it, `devarch secret rotate-key` after that",
                    path.display()
                );
            }
            Self::NotOurs { path, us, .. } => {
                return format!("run devarch as its owner, or `chown {us} {}`", path.display());
            }
            Self::NotKeys { .. } => {
                "move it away, then restore the key file from a backup, or see `devarch secret key reset`"
            }
            Self::Newer { .. } => "install that version",
            Self::Busy { .. } => "try again",
            Self::Io { .. } => "check its owner, its permissions and the space on its disk",
        };
        hint.to_owned()
    }

    fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), reason: error.to_string() }
    }
}

/// Reads a key file, which may be missing.
pub(crate) fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
    let text = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(KeyFile::missing()),
        Err(error) => return Err(KeyFileError::io(path, &error)),
        Ok(file) => read_private(&file, path)?,
    };
    let text = std::str::from_utf8(&text).map_err(|_| KeyFileError::NotKeys { path: path.to_owned() })?;
    let file = KeyFile::parse(text);
    match file.kind() {
        Kind::Newer(version) => Err(KeyFileError::Newer { path: path.to_owned(), version }),
        Kind::Keys | Kind::Missing | Kind::Empty | Kind::Other => Ok(file),
    }
}

/// Reads an open file, if it is private to this user.
fn read_private(mut file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let path = path.to_owned();
    let metadata = file.metadata().map_err(|error| KeyFileError::io(&path, &error))?;
    let (mode, owner, us) = (metadata.mode() & 0o7777, metadata.uid(), rustix::process::geteuid().as_raw());
    if !metadata.is_file() || metadata.len() > MAX_SIZE {
        return Err(KeyFileError::NotKeys { path });
    }
    if owner != us {
        return Err(KeyFileError::NotOurs { path, owner, us });
    }
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path, mode });
    }
    let room = usize::try_from(metadata.len()).unwrap_or(0) + 64;
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    file.read_to_end(&mut text).map_err(|error| KeyFileError::io(&path, &error))?;
    Ok(text)
}

/// The exclusive right to change a key file, until dropped.
pub(crate) struct Writing {
    path: PathBuf,
    _lock: File,
}

impl Writing {
    /// Waits for the right.
    pub(crate) async fn begin(path: &Path) -> Result<Self, KeyFileError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(writing) = Self::try_begin(path)? {
                return Ok(writing);
            }
            if Instant::now() >= until {
                return Err(KeyFileError::Busy { path: path.to_owned() });
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Takes the right if no other program has it.
    pub(crate) fn try_begin(path: &Path) -> Result<Option<Self>, KeyFileError> {
        // The target of a symbolic link is changed, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let unusable = |error: &dyn std::error::Error| KeyFileError::Io {
            path: path.clone(),
            reason: error.source().map_or_else(|| error.to_string(), ToString::to_string),
        };
        make_directory(directory_of(&path)).map_err(|error| match error {
            StoreError::Opening(OpeningError::OthersHome { owner, .. }) => {
                KeyFileError::NotOurs { path: path.clone(), owner, us: rustix::process::geteuid().as_raw() }
            }
            error => unusable(&error),
        })?;
        let lock = open_lock_file(&with_suffix(&path, ".lock")).map_err(|error| unusable(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(KeyFileError::io(&path, &error)),
        }
    }

    /// Rewrites the file based on its current content. A file of another kind is left unchanged.
    pub(crate) fn change(&self, change: impl FnOnce(&KeyFile) -> KeyFile) -> Result<KeyFile, KeyFileError> {
        let now = read(&self.path)?;
        if now.kind() == Kind::Other {
            return Err(KeyFileError::NotKeys { path: self.path.clone() });
        }
        let new = change(&now);
        replace(&self.path, new.text().as_bytes()).map_err(|error| KeyFileError::io(&self.path, &error))?;
        Ok(new)
    }
}

/// Replaces the file atomically: at any time, even after a power loss, either the old or the new file exists.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    // Left behind by a killed program.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&new, path)) {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    File::open(directory_of(path))?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::{super::key::Key, *};
    use devarch_core::id::StoreId;
    use std::{
        os::unix::fs::{PermissionsExt as _, symlink},
        sync::Arc,
    };

    fn add(path: &Path) -> Result<KeyFile, KeyFileError> {
        let writing = Writing::try_begin(path)?.unwrap();
        let key = Arc::new(Key::generate().unwrap());
        writing.change(|file| file.with(&StoreId::new("a"), &key))
    }

    #[test]
    fn a_key_file_is_private_to_its_user() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("home/secret.key");
        assert_eq!(read(&path).unwrap().kind(), Kind::Missing);
        let written = add(&path).unwrap();
        assert_eq!(read(&path).unwrap().ids(), written.ids());
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(path.parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_key_file_that_others_can_access_is_rejected_with_the_fix() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        add(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read(&path).unwrap_err();
            assert_eq!(refused, KeyFileError::Exposed { path: path.clone(), mode });
            let hint = refused.hint();
            assert!(hint.contains(&format!("chmod 600 {}", path.display())), "{hint}");
            assert!(add(&path).is_err(), "nothing is added to it either");
        }
    }

    #[test]
    fn a_key_file_of_another_user_is_rejected() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        add(&path).unwrap();
        if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
            println!("SKIPPED: only root can give a file away");
            return;
        }
        let us = rustix::process::geteuid().as_raw();
        let refused = read(&path).unwrap_err();
        assert_eq!(refused, KeyFileError::NotOurs { path: path.clone(), owner: 12345, us });
        assert!(refused.hint().contains("chown"));
    }

    #[test]
    fn a_file_of_another_kind_is_left_unchanged() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        fs::write(&path, "-----BEGIN SOMETHING-----\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(add(&path), Err(KeyFileError::NotKeys { .. })));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::NotKeys { .. })));
        fs::write(&path, "devarch-keys 7\n").unwrap();
        assert!(matches!(add(&path), Err(KeyFileError::Newer { version: 7, .. })));
        assert_eq!(fs::read(&path).unwrap(), b"devarch-keys 7\n");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::NotKeys { .. })));
    }

    #[test]
    fn the_remains_of_a_killed_program_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        fs::write(with_suffix(&path, ".new"), "half a fi").unwrap();
        add(&path).unwrap();
        assert!(!with_suffix(&path, ".new").exists());
    }

    #[test]
    fn a_symlink_to_a_key_file_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let (path, link) = (home.path().join("elsewhere"), home.path().join("secret.key"));
        add(&path).unwrap();
        symlink(&path, &link).unwrap();
        let written = add(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&path).unwrap().ids(), written.ids());
    }

    #[test]
    fn only_one_program_at_a_time_changes_a_key_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        let first = Writing::try_begin(&path).unwrap();
        assert!(first.is_some() && Writing::try_begin(&path).unwrap().is_none());
        drop(first);
        assert!(Writing::try_begin(&path).unwrap().is_some());
    }

    #[test]
    fn programs_that_add_keys_concurrently_lose_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret.key");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let adding = (0..8).map(|number| {
                let path = path.clone();
                tokio::spawn(async move {
                    let writing = Writing::begin(&path).await.unwrap();
                    let key = Arc::new(Key::generate().unwrap());
                    writing.change(|file| file.with(&StoreId::new(number.to_string()), &key)).unwrap();
                })
            });
            for added in adding.collect::<Vec<_>>() {
                added.await.unwrap();
            }
        });
        assert_eq!(read(&path).unwrap().ids().len(), 8);
    }
}
