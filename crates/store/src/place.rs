//! The location of an SQLite database: private to its user, on a file system with reliable locks, and guarded by a
//! lock file while its schema is created or checked.

use crate::{
    db::Result,
    error::{DatabaseError, OpeningError, StoreError},
};
use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long to wait for another process's migration.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates the directory (0700) of a database if it is missing, and makes a database private that others can read.
/// Returns whether there is a database.
pub(crate) fn prepare(path: &Path) -> Result<bool> {
    let directory = directory_of(path);
    make_directory(directory)?;
    if let Some(kind) = network_file_system(directory) {
        return Err(OpeningError::NetworkFileSystem { path: directory.to_owned(), kind }.into());
    }
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable(path, error)),
        Ok(metadata) => {
            let open_to_others = metadata.permissions().mode() & 0o077 != 0;
            if open_to_others {
                let closed = std::fs::set_permissions(path, Permissions::from_mode(0o600));
                closed.map_err(|error| unusable(path, error))?;
            }
            Ok(true)
        }
    }
}

/// Creates an empty file (0600) for a database; returns whether it was missing.
pub(crate) fn make_file(path: &Path) -> Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Creates a private directory if it is missing. Root creates none, and nothing inside one, that belongs to another
/// user: `sudo` would leave files there that their owner cannot use.
pub(crate) fn make_directory(directory: &Path) -> Result<()> {
    refuse_others(directory, rustix::process::geteuid().as_raw())?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| unusable(directory, error))
}

/// Opens a lock file, creating it empty and private if it is missing.
pub(crate) fn open_lock_file(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|error| unusable(path, error))
}

/// Returns the directory of a database.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Returns the error for a path that cannot be used.
pub(crate) fn unusable(path: &Path, source: io::Error) -> StoreError {
    OpeningError::File { path: path.to_owned(), source }.into()
}

/// If this is root, rejects a directory of another user, or the one a missing directory would be created in.
fn refuse_others(directory: &Path, us: u32) -> Result<()> {
    const ROOT: u32 = 0;
    let whole = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let there = whole.ancestors().find_map(|path| Some((path, path.metadata().ok()?.uid())));
    match there {
        Some((path, owner)) if us == ROOT && owner != ROOT => {
            Err(OpeningError::OthersHome { path: path.to_owned(), owner }.into())
        }
        _ => Ok(()),
    }
}

/// A lock on the file beside the database, held until dropped. Opening holds it shared, creating and migrating hold
/// it exclusively, so that an incomplete schema is never seen. The file is never removed.
pub(crate) struct Gate {
    _file: File,
}

impl Gate {
    /// Takes it shared, to read the schema.
    pub(crate) async fn shared(database: &Path) -> Result<Self> {
        Self::take(database, File::try_lock_shared).await
    }

    /// Takes it exclusively, to change the schema.
    pub(crate) async fn exclusive(database: &Path) -> Result<Self> {
        Self::take(database, File::try_lock).await
    }

    async fn take(database: &Path, lock: fn(&File) -> std::result::Result<(), TryLockError>) -> Result<Self> {
        let path = beside(database);
        let file = open_lock_file(&path)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(unusable(&path, error)),
                Err(error @ TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(DatabaseError::busy(&database.display().to_string(), error).into());
                }
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Returns the kind of network file system a directory is on, if it is on one.
#[cfg(target_os = "linux")]
fn network_file_system(directory: &Path) -> Option<String> {
    let magic = u32::try_from(rustix::fs::statfs(directory).ok()?.f_type).ok()?;
    // Source: linux/magic.h and the file systems' own headers.
    let kind = match magic {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x0102_1997 => "9p",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x6573_5546 => {
            let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
            let directory = directory.canonicalize().ok()?;
            return remote_fuse(&mounts, &directory).map(str::to_owned);
        }
        _ => return None,
    };
    Some(kind.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<String> {
    None
}

/// Returns the type of a remote FUSE file system. FUSE has one magic number for local and remote ones; the mount
/// table tells them apart (proc(5), `mountinfo`: the mount point is the fifth field, the type follows ` - `).
fn remote_fuse<'a>(mounts: &'a str, directory: &Path) -> Option<&'a str> {
    const REMOTE: [&str; 7] = ["sshfs", "rclone", "s3fs", "glusterfs", "ceph", "davfs", "gvfsd-fuse"];
    let (_, kind) = mounts
        .lines()
        .filter_map(|line| {
            let (mount, rest) = line.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?.replace("\\040", " ");
            let kind = rest.split(' ').next()?;
            directory.starts_with(&point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)?;
    let name = kind.strip_prefix("fuse.")?;
    REMOTE.iter().any(|remote| name.starts_with(remote)).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:40 / /home/me/far rw,nosuid - fuse.sshfs me@far:/ rw,user_id=1000
41 22 0:41 / /home/me/far/near rw - fuse.gocryptfs /enc rw
42 22 0:42 / /mnt/my\\040disk rw - fuse.rclone remote: rw";

    #[test]
    fn a_remote_file_system_behind_fuse_is_detected() {
        let kind = |path: &str| remote_fuse(MOUNTS, Path::new(path));
        assert_eq!(kind("/home/me/far/.devarch"), Some("fuse.sshfs"));
        assert_eq!(kind("/mnt/my disk/x"), Some("fuse.rclone"));
        assert_eq!(kind("/home/me/far/near/x"), None);
        assert_eq!(kind("/home/me"), None);
    }

    #[test]
    fn the_temporary_directory_is_on_a_local_file_system() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(directory.path()), None);
    }
}
