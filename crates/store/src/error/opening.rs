use std::path::PathBuf;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// A newer version of DevArch created the schema.
    #[error("{place} was written by a newer devarch (schema {found}, this one knows {known})")]
    Newer {
        /// The database.
        place: String,
        /// The version of its schema.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// SQLite's locks are unreliable on this file system.
    #[error("{} is on a network file system ({kind}), where SQLite's locks don't hold", path.display())]
    NetworkFileSystem {
        /// The database's directory.
        path: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// The database is empty, but its key file has keys.
    #[error("{} is empty, but {} has the key of a store: its content was lost", path.display(), key_file.display())]
    Emptied {
        /// The database.
        path: PathBuf,
        /// The key file.
        key_file: PathBuf,
    },
    /// Root would create files for another user, as with `sudo`.
    #[error(
        "{} belongs to user {owner}, and devarch runs as root: that user could not use the files it creates there",
        path.display()
    )]
    OthersHome {
        /// The directory, or the one it would be created in.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// The database's file or directory cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl OpeningError {
    pub(super) fn hint(&self) -> String {
        let hint = match self {
            Self::Newer { .. } => "install that version, or point DEVARCH_DATABASE_URL at another database",
            Self::NetworkFileSystem { .. } => {
                "keep the database on a local disk, or use PostgreSQL (DEVARCH_DATABASE_URL=postgres://...)"
            }
            Self::Emptied { .. } => {
                "restore the file from a backup; to start with a new store instead, remove the empty file"
            }
            Self::OthersHome { .. } => {
                "run devarch as that user, without sudo; or set DEVARCH_HOME to a directory of root's"
            }
            Self::File { .. } => "check its owner and permissions",
        };
        hint.to_owned()
    }
}
