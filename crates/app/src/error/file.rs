use super::ErrorKind;
use devarch_files::ReadError;
use std::{io, path::PathBuf};

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file of the project, the catalog or the user that was not read.
    #[error("{}", unread(.0))]
    Read(#[from] ReadError),
    /// Another file operation that failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted operation.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The underlying error.
        source: io::Error,
    },
}

impl FileError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Read(ReadError::NotRegular { .. } | ReadError::TooLarge { .. }) => ErrorKind::Invalid,
            Self::Read(error) if error.is_missing() => ErrorKind::NotFound,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Read(_) | Self::Io { .. } => ErrorKind::Failed,
        }
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read(ReadError::Io { error, .. }) => hint(error.kind()),
            Self::Read(ReadError::NotRegular { .. } | ReadError::TooLarge { .. }) => None,
            Self::Io { source, .. } => hint(source.kind()),
        }
    }
}

fn unread(error: &ReadError) -> String {
    match error {
        ReadError::Io { .. } => format!("cannot read {error}"),
        ReadError::NotRegular { .. } | ReadError::TooLarge { .. } => error.to_string(),
    }
}

fn hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::NotFound => Some("check the path"),
        io::ErrorKind::PermissionDenied => Some("check its owner and permissions"),
        io::ErrorKind::StorageFull => Some("free space on that file system"),
        _ => None,
    }
}
