use crate::FileKind;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not a file that has an end.
    #[error("{} is {found}, not a regular file", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// The type of the file.
        found: NotRegular,
    },
    /// It is larger than its kind may be.
    #[error("{} has {} bytes; {kind} may have at most {}", path.display(), Size(*size, *kind), Limit(kind.limit()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The kind of file that was expected.
        kind: FileKind,
        /// Its size in bytes, if known.
        size: Option<u64>,
    },
}

impl ReadError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    /// Whether the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }

    /// Why, without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { error, .. } => error.to_string(),
            Self::NotRegular { found, .. } => format!("it is {found}, not a regular file"),
            Self::TooLarge { kind, size, .. } => {
                let limit = Limit(kind.limit());
                format!("it has {} bytes; {kind} may have at most {limit}", Size(*size, *kind))
            }
        }
    }
}

/// The type of a file that is not regular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum NotRegular {
    Directory,
    Pipe,
    Socket,
    Device,
}

impl fmt::Display for NotRegular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

struct Size(Option<u64>, FileKind);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => f.write_str(&grouped(bytes)),
            None => write!(f, "more than {}", grouped(self.1.limit())),
        }
    }
}

struct Limit(u64);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let round =
            if self.0 >= 1 << 20 { format!("{} MiB", self.0 >> 20) } else { format!("{} KiB", self.0 >> 10) };
        write!(f, "{round} ({} bytes)", grouped(self.0))
    }
}

/// `16,777,216`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
