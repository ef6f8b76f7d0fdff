//! Reads files that belong to a project, a catalog or the user. All such reads go through here.
//!
//! A file that another file names has to be a regular one, or a link to one: a cloned repository may contain a named
//! pipe, which would block forever, or a link to a device, which never ends. A path from the command line may also be a
//! pipe (`--from-file <(pass show db)`). Nothing is read beyond its limit, whatever its reported size.

mod error;
mod kind;
mod open;

pub use error::{NotRegular, ReadError};
pub use kind::FileKind;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// An open file whose type has been checked.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    kind: FileKind,
}

impl Source {
    /// Opens a regular file that another file, or a convention, names. Never blocks.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it can't be opened, is not a regular file, or exceeds the limit of its kind.
    pub fn named(path: &Path, kind: FileKind) -> Result<Self, ReadError> {
        Self::new(open::regular(path)?, path, kind)
    }

    /// Opens a file that the command line names: a regular one, or a pipe, which is waited for.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be opened, is neither, or is larger than its kind may be.
    pub fn given(path: &Path, kind: FileKind) -> Result<Self, ReadError> {
        Self::new(open::regular_or_pipe(path)?, path, kind)
    }

    fn new(file: File, path: &Path, kind: FileKind) -> Result<Self, ReadError> {
        let size = file.metadata().map_err(|error| ReadError::io(path, error))?.len();
        if size > kind.limit() {
            return Err(ReadError::TooLarge { path: path.to_owned(), kind, size: Some(size) });
        }
        Ok(Self { file, path: path.to_owned(), kind })
    }

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if reading fails, or it exceeds the limit of its kind.
    pub fn bytes(self) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads all of it into memory that is zeroed on drop.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if reading fails, or it exceeds the limit of its kind.
    pub fn secret_bytes(self) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        // Allocated once at full size: growing would leave copies behind.
        let room = usize::try_from(self.kind.limit()).unwrap_or(usize::MAX).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    fn read_into(mut self, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
        let limit = self.kind.limit();
        let read = (&mut self.file).take(limit + 1).read_to_end(bytes);
        read.map_err(|error| ReadError::io(&self.path, error))?;
        if bytes.len() as u64 > limit {
            return Err(ReadError::TooLarge { path: self.path, kind: self.kind, size: None });
        }
        Ok(())
    }
}

/// All of a file that another file, or a convention, names.
///
/// # Errors
/// [`ReadError`] where it can't be read, is not a regular file, or is larger than its kind may be.
pub fn read_named(path: &Path, kind: FileKind) -> Result<Vec<u8>, ReadError> {
    Source::named(path, kind)?.bytes()
}

/// All of a file that the command line names.
///
/// # Errors
/// [`ReadError`] where it can't be read, is neither a regular file nor a pipe, or is larger than its kind may be.
pub fn read_given(path: &Path, kind: FileKind) -> Result<Vec<u8>, ReadError> {
    Source::given(path, kind)?.bytes()
}

/// Reads all of a stream without a path, such as standard input, into memory that is zeroed on drop.
///
/// # Errors
///
/// [`ReadError`] if reading fails, or it exceeds the limit of its kind.
pub fn read_secret_stream(
    from: impl Read,
    called: &str,
    kind: FileKind,
) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let path = Path::new(called);
    let room = usize::try_from(kind.limit()).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    from.take(kind.limit() + 1).read_to_end(&mut bytes).map_err(|error| ReadError::io(path, error))?;
    if bytes.len() as u64 > kind.limit() {
        return Err(ReadError::TooLarge { path: path.to_owned(), kind, size: None });
    }
    Ok(bytes)
}

/// Opens a regular file of any size, to be read piece by piece. Never blocks.
///
/// # Errors
///
/// [`ReadError`] if it can't be opened, or is not a regular file.
pub fn open_regular(path: &Path) -> Result<File, ReadError> {
    open::regular(path)
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { error, .. } => error,
            other => Self::new(io::ErrorKind::InvalidInput, other.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::{fs, io::Write, os::unix::fs::symlink, os::unix::net::UnixListener, thread};

    fn pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    fn refused(path: &Path) -> String {
        read_named(path, FileKind::ConfigFile).unwrap_err().to_string()
    }

    #[test]
    fn a_regular_file_and_a_link_to_one_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&file, "text").unwrap();
        symlink("a", &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(read_named(path, FileKind::ConfigFile).unwrap(), b"text");
            assert_eq!(read_given(path, FileKind::Secret).unwrap(), b"text");
        }
    }

    #[test]
    fn special_files_that_a_file_names_are_rejected_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str| dir.path().join(name);
        pipe(&of("pipe"));
        symlink("pipe", of("to-pipe")).unwrap();
        symlink("/dev/zero", of("to-device")).unwrap();
        let _socket = UnixListener::bind(of("socket")).unwrap();
        for (name, what) in [
            ("pipe", "a named pipe"),
            ("to-pipe", "a named pipe"),
            ("to-device", "a device"),
            ("socket", "a socket"),
            (".", "a directory"),
        ] {
            let message = refused(&of(name));
            assert!(message.contains(&format!("is {what}, not a regular file")), "{message}");
            assert!(open_regular(&of(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_pipe_on_the_command_line_is_read_with_the_same_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        pipe(&path);
        let write = |text: Vec<u8>| {
            let path = path.clone();
            thread::spawn(move || {
                thread::sleep(std::time::Duration::from_millis(50));
                let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
                file.write_all(&text)
            })
        };
        let writer = write(b"hunter2".to_vec());
        assert_eq!(
            Source::given(&path, FileKind::Secret).unwrap().secret_bytes().unwrap().as_slice(),
            b"hunter2"
        );
        writer.join().unwrap().unwrap();
        let writer = write(vec![b'x'; 600 << 10]);
        let error = read_given(&path, FileKind::Secret).unwrap_err().to_string();
        assert!(error.contains("has more than 524,288 bytes"), "{error}");
        let _ = writer.join().unwrap();
        let error = read_given(Path::new("/dev/zero"), FileKind::Secret).unwrap_err().to_string();
        assert!(error.contains("is a device"), "{error}");
    }

    #[test]
    fn a_file_beyond_its_limit_is_reported_with_size_and_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big.conf");
        fs::File::create(&path).unwrap().set_len((16 << 20) + 1).unwrap();
        assert_eq!(
            refused(&path).replace(&*dir.path().to_string_lossy(), "DIR"),
            "DIR/big.conf has 16,777,217 bytes; a config file may have at most 16 MiB (16,777,216 bytes)"
        );
        fs::File::options().write(true).open(&path).unwrap().set_len(16 << 20).unwrap();
        assert_eq!(read_named(&path, FileKind::ConfigFile).unwrap().len(), 16 << 20);
        // Files in `/proc` report size 0.
        let error = read_named(Path::new("/proc/self/maps"), FileKind::ConfigFile);
        assert!(error.is_ok());
    }

    #[test]
    fn an_endless_file_is_read_up_to_the_limit() {
        let error = read_secret_stream(io::repeat(b'x'), "stdin", FileKind::Secret).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stdin has more than 524,288 bytes; a secret may have at most 512 KiB (524,288 bytes)"
        );
    }
}
