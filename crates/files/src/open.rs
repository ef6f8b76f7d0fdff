//! Opens files without blocking. An opened file is examined through its descriptor, because the path may have changed
//! by then.

use crate::{NotRegular, ReadError};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    io::{Errno, retry_on_intr},
};
use std::{fs::File, io, os::unix::fs::FileTypeExt as _, path::Path};

/// A regular file.
pub(crate) fn regular(path: &Path) -> Result<File, ReadError> {
    match open_any(path)? {
        (file, None) => Ok(file),
        (_, Some(found)) => Err(ReadError::NotRegular { path: path.to_owned(), found }),
    }
}

/// A regular file or a pipe.
pub(crate) fn regular_or_pipe(path: &Path) -> Result<File, ReadError> {
    match open_any(path)? {
        (file, None) => Ok(file),
        (file, Some(NotRegular::Pipe)) => {
            make_blocking(&file).map_err(|error| ReadError::io(path, error))?;
            Ok(file)
        }
        (_, Some(found)) => Err(ReadError::NotRegular { path: path.to_owned(), found }),
    }
}

/// Opens any file, and returns its type unless it is a regular file.
fn open_any(path: &Path) -> Result<(File, Option<NotRegular>), ReadError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        // Files without another end.
        Err(Errno::NXIO) => return Err(open_error(path)),
        Err(error) => return Err(ReadError::io(path, error.into())),
    };
    let kind = file.metadata().map_err(|error| ReadError::io(path, error))?.file_type();
    let found = if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some(NotRegular::Directory)
    } else if kind.is_fifo() {
        Some(NotRegular::Pipe)
    } else if kind.is_socket() {
        Some(NotRegular::Socket)
    } else {
        Some(NotRegular::Device)
    };
    Ok((file, found))
}

/// A socket, or a device without a driver, cannot be opened: only the error message depends on a second lookup.
fn open_error(path: &Path) -> ReadError {
    let is_socket = path.metadata().is_ok_and(|metadata| metadata.file_type().is_socket());
    let found = if is_socket { NotRegular::Socket } else { NotRegular::Device };
    ReadError::NotRegular { path: path.to_owned(), found }
}

/// Waits until the pipe has a writer or was closed, and makes reads block again.
fn make_blocking(pipe: &File) -> io::Result<()> {
    fcntl_setfl(pipe, fcntl_getfl(pipe)? - OFlags::NONBLOCK)?;
    // Before its first writer a read would find the end.
    retry_on_intr(|| poll(&mut [PollFd::new(pipe, PollFlags::IN)], None))?;
    Ok(())
}
