//! The build context of an image.

use devarch_core::{
    build::{BuildHash, BuildHasher, BuildSpec, Content},
    hash::HashKey,
    template::Dockerfile,
};
use devarch_engine::{ContextFile, read_context};
use devarch_files::{FileKind, open_regular, read_named};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

/// The size limit in bytes: a larger context is hardly meant to be sent to an engine.
const LARGEST: u64 = 2 << 30;

/// Fails if the context directory does not exist.
pub(crate) fn existing_context(spec: &BuildSpec) -> Result<(), String> {
    let path = &spec.context;
    if Path::new(path).is_dir() {
        return Ok(());
    }
    Err(format!("its context {path} is not a directory on this machine; create it, or name another"))
}

/// Hashes those files of a build context that are sent to the engine.
pub(crate) async fn hash_context(key: &HashKey, spec: &BuildSpec) -> Result<BuildHash, String> {
    let (key, spec) = (key.clone(), spec.clone());
    let hashing = tokio::task::spawn_blocking(move || hash(&key, &spec));
    hashing.await.map_err(|error| error.to_string())?
}

fn hash(key: &HashKey, spec: &BuildSpec) -> Result<BuildHash, String> {
    let mut hasher = BuildHasher::new(key);
    let mut size = 0;
    let mut instructions = match &spec.dockerfile {
        Dockerfile::Inline(text) => text.clone().into_bytes(),
        Dockerfile::Path(_) => Vec::new(),
    };
    let read = read_context(Path::new(&spec.context), &spec.dockerfile, |entry: ContextFile<'_>| {
        let content = match entry.metadata.file_type() {
            kind if kind.is_dir() => Content::Directory,
            kind if kind.is_symlink() => {
                let target = fs::read_link(entry.path)?;
                hasher.entry(entry.name.as_bytes(), 0, Content::Link(target.as_os_str().as_bytes()));
                return Ok(());
            }
            _ if matches!(&spec.dockerfile, Dockerfile::Path(path) if path == entry.name) => {
                instructions = read_named(entry.path, FileKind::Dockerfile)?;
                return Ok(());
            }
            _ => {
                size += entry.metadata.len();
                if size > LARGEST {
                    return Err(io::Error::other(format!(
                        "more than {} GiB would be sent to the engine; leave out what is not needed with a .dockerignore",
                        LARGEST >> 30
                    )));
                }
                Content::File(digest(entry.path)?)
            }
        };
        hasher.entry(entry.name.as_bytes(), entry.metadata.mode() & 0o7777, content);
        Ok(())
    });
    read.map_err(|error| error.to_string())?;
    Ok(hasher.finish(spec, &instructions))
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = open_regular(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(&buffer[..read]),
        }
    }
}
