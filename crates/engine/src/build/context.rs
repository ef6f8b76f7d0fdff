//! A directory as a tar archive, streamed while it is read, so that memory use does not depend on its size.

use super::ignore::{Ignore, InvalidPattern};
use devarch_core::template::Dockerfile;
use devarch_files::{FileKind, open_regular, read_named};
use futures_util::{StreamExt, stream, stream::BoxStream};
use hyper::body::Bytes;
use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

/// A context that can't be sent.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidContext {
    #[error("{dockerfile} not found in {}", context.display())]
    NoDockerfile { dockerfile: String, context: PathBuf },
    #[error("{dockerfile} is not inside {}; the Dockerfile has to be in the directory that is sent", context.display())]
    Outside { dockerfile: String, context: PathBuf },
    #[error("{}: {error}", path.display())]
    Ignore { path: PathBuf, error: InvalidPattern },
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
}

/// A file, directory or symlink that is sent.
#[derive(Debug, Clone, Copy)]
pub struct ContextFile<'a> {
    /// Its path in the context.
    pub name: &'a str,
    /// Its path here.
    pub path: &'a Path,
    /// File metadata; for a symlink its own, not its target's.
    pub metadata: &'a Metadata,
}

/// Visits everything that would be sent, each directory before its entries, ordered by name.
pub fn read_context(
    context: &Path,
    dockerfile: &Dockerfile,
    mut each: impl FnMut(ContextFile<'_>) -> io::Result<()>,
) -> Result<(), InvalidContext> {
    Context::new(context, dockerfile)?.walk("", &mut each)
}

/// A directory to send, checked.
#[derive(Debug)]
pub(crate) struct Context {
    root: PathBuf,
    /// The Dockerfile's path as sent to the engine.
    dockerfile: String,
    /// Its text, if it is given inline.
    inline: Option<String>,
    /// Files the engine needs even if they are ignored.
    always: Vec<String>,
    ignore: Ignore,
}

/// Where inline instructions are put.
const INLINE: &str = ".devarch.Dockerfile";

/// Buffered pieces of the archive.
const PIECES: usize = 4;
/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

impl Context {
    /// Finds the Dockerfile and reads the ignore file: the Dockerfile's own (`Dockerfile.dockerignore`) before the
    /// directory's.
    pub(crate) fn new(root: &Path, dockerfile: &Dockerfile) -> Result<Self, InvalidContext> {
        let (dockerfile, inline) = match dockerfile {
            Dockerfile::Path(path) => (file_inside(root, path)?, None),
            Dockerfile::Inline(text) => (INLINE.to_owned(), Some(text.clone())),
        };
        let own = format!("{dockerfile}.dockerignore");
        let name = if root.join(&own).is_file() { own } else { ".dockerignore".to_owned() };
        let ignore = read_ignore(&root.join(&name))?;
        let always = vec![dockerfile.clone(), name];
        Ok(Self { root: root.to_owned(), dockerfile, inline, always, ignore })
    }

    /// The Dockerfile's path as sent to the engine.
    pub(crate) fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// The Dockerfile's text; empty if it cannot be read, because hashing reports that error.
    pub(crate) fn instructions(&self) -> String {
        let read =
            || read_named(&self.root.join(self.dockerfile()), FileKind::Dockerfile).unwrap_or_default();
        self.inline.clone().unwrap_or_else(|| String::from_utf8(read()).unwrap_or_default())
    }

    /// The images the Dockerfile starts from, as far as they are written out.
    pub(crate) fn bases(&self) -> Vec<String> {
        let text = self.instructions();
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let bases = lines.filter(|words| words.first().is_some_and(|word| word.eq_ignore_ascii_case("FROM")));
        let names = bases.filter_map(|words| words[1..].iter().find(|word| !word.starts_with("--")).copied());
        names.filter(|name| !name.contains('$')).map(str::to_owned).collect()
    }

    /// The archive as it is written, on its own thread; an error ends it.
    pub(crate) fn archive(self) -> BoxStream<'static, io::Result<Bytes>> {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || {
            let to = io::BufWriter::with_capacity(PIECE, Pieces(sender.clone()));
            let mut archive = Builder::new(to);
            if let Err(invalid) = self.pack(&mut archive) {
                // Before the archive is dropped, which would end it as if it were whole.
                let _ = sender.blocking_send(Err(io::Error::other(invalid)));
            }
        });
        stream::poll_fn(move |context| pieces.poll_recv(context)).boxed()
    }

    fn pack(&self, archive: &mut Builder<impl Write>) -> Result<(), InvalidContext> {
        self.walk("", &mut |file: ContextFile<'_>| append(archive, file))?;
        let inline = self.inline.as_ref().map_or(Ok(()), |text| append_inline(archive, text));
        let end = inline.and_then(|()| archive.finish()).and_then(|()| archive.get_mut().flush());
        end.map_err(|error| InvalidContext::File { path: self.root.clone(), error })
    }

    /// Ordered by name, so that the same files give the same archive.
    fn walk(&self, directory: &str, each: &mut Each<'_>) -> Result<(), InvalidContext> {
        let path = self.root.join(directory);
        let wrong = |error| InvalidContext::File { path: path.clone(), error };
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(wrong)? {
            names.push(entry.map_err(wrong)?.file_name());
        }
        names.sort();
        for name in names {
            let Some(name) = name.to_str() else {
                return Err(wrong(io::Error::other(format!("the name {} is not UTF-8", name.display()))));
            };
            let name = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
            self.walk_entry(&name, each)?;
        }
        Ok(())
    }

    fn walk_entry(&self, name: &str, each: &mut Each<'_>) -> Result<(), InvalidContext> {
        let path = self.root.join(name);
        let wrong = |error| InvalidContext::File { path: path.clone(), error };
        let metadata = fs::symlink_metadata(&path).map_err(wrong)?;
        let left_out = self.ignore.excludes(name) && !self.always.iter().any(|needed| needed == name);
        if !left_out && is_sent(&metadata) {
            each(ContextFile { name, path: &path, metadata: &metadata }).map_err(wrong)?;
        }
        let needed_below = self.always.iter().any(|needed| Path::new(needed).starts_with(name));
        if metadata.is_dir() && (!left_out || self.ignore.has_exceptions() || needed_below) {
            self.walk(name, each)?;
        }
        Ok(())
    }
}

/// A visitor of files.
type Each<'a> = dyn FnMut(ContextFile<'_>) -> io::Result<()> + 'a;

/// Sockets, pipes and devices are useless on another machine.
fn is_sent(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    !(kind.is_socket() || kind.is_fifo() || kind.is_block_device() || kind.is_char_device())
}

/// The path of an existing file, relative to the directory.
fn file_inside(root: &Path, given: &str) -> Result<String, InvalidContext> {
    let (dockerfile, context) = (given.to_owned(), root.to_owned());
    match inside(given) {
        None => Err(InvalidContext::Outside { dockerfile, context }),
        Some(path) if !root.join(&path).is_file() => {
            Err(InvalidContext::NoDockerfile { dockerfile, context })
        }
        Some(path) => Ok(path),
    }
}

/// A normalized path within the directory; `None` if it leaves the directory.
fn inside(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            "" => return None,
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn read_ignore(path: &Path) -> Result<Ignore, InvalidContext> {
    let wrong = |error| InvalidContext::File { path: path.to_owned(), error };
    let bytes = match read_named(path, FileKind::Ignore) {
        Err(error) if error.is_missing() => return Ok(Ignore::default()),
        bytes => bytes.map_err(|error| wrong(error.into()))?,
    };
    let text = String::from_utf8(bytes).map_err(|_| wrong(io::Error::other("it is not UTF-8")))?;
    Ignore::parse(&text).map_err(|error| InvalidContext::Ignore { path: path.to_owned(), error })
}

/// Owned by root in the image, whatever the local owner; modes, times and symlinks are preserved.
fn append(archive: &mut Builder<impl Write>, file: ContextFile<'_>) -> io::Result<()> {
    let ContextFile { name, path, metadata } = file;
    let mut header = header(metadata.mode() & 0o7777, u64::try_from(metadata.mtime()).unwrap_or_default());
    if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        archive.append_link(&mut header, name, fs::read_link(path)?)
    } else if metadata.is_dir() {
        header.set_entry_type(EntryType::Directory);
        archive.append_data(&mut header, format!("{name}/"), io::empty())
    } else {
        header.set_size(metadata.len());
        archive.append_data(&mut header, name, Exactly { file: open_regular(path)?, left: metadata.len() })
    }
}

fn append_inline(archive: &mut Builder<impl Write>, text: &str) -> io::Result<()> {
    let mut header = header(0o644, 0);
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, INLINE, text.as_bytes())
}

fn header(mode: u32, time: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_size(0);
    header
}

/// A file of exactly the size in its header, even if it changes meanwhile.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Where pieces are written; writing ends when the receiver is dropped.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuildRequest;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    async fn bytes(request: &BuildRequest) -> Vec<u8> {
        let pieces: Vec<_> =
            Context::new(&request.context, &request.dockerfile).unwrap().archive().collect().await;
        pieces.into_iter().flat_map(Result::unwrap).collect()
    }

    async fn names(request: &BuildRequest) -> Vec<String> {
        let bytes = bytes(request).await;
        let mut archive = tar::Archive::new(bytes.as_slice());
        let name =
            |entry: io::Result<tar::Entry<'_, &[u8]>>| entry.unwrap().path().unwrap().display().to_string();
        archive.entries().unwrap().map(name).collect()
    }

    #[tokio::test]
    async fn ignored_files_are_not_sent_except_those_the_engine_needs() {
        let dir = directory(&[
            (".dockerignore", "*\n!src\nsrc/target\n!src/target/keep\n"),
            ("docker/Dockerfile", "FROM x"),
            ("secret", ""),
            ("src/main.rs", ""),
            ("src/target/big", ""),
            ("src/target/keep/a", ""),
        ]);
        let mut request = BuildRequest::new(dir.path(), "x");
        request.dockerfile = Dockerfile::Path("./docker/Dockerfile".to_owned());
        let want = [
            ".dockerignore",
            "docker/Dockerfile",
            "src/",
            "src/main.rs",
            "src/target/keep/",
            "src/target/keep/a",
        ];
        assert_eq!(names(&request).await, want);
    }

    #[tokio::test]
    async fn inline_instructions_are_sent_with_the_files() {
        let dir = directory(&[(".dockerignore", "b"), ("a", ""), ("b", "")]);
        let mut request = BuildRequest::new(dir.path(), "x");
        request.dockerfile = Dockerfile::Inline("FROM x".to_owned());
        assert_eq!(names(&request).await, [".dockerignore", "a", INLINE]);
    }

    #[tokio::test]
    async fn a_dockerfiles_own_ignore_file_takes_precedence() {
        let files = [
            (".dockerignore", "a"),
            ("Dockerfile.dockerignore", "b"),
            ("Dockerfile", ""),
            ("a", ""),
            ("b", ""),
        ];
        let dir = directory(&files);
        let sent = names(&BuildRequest::new(dir.path(), "x")).await;
        assert_eq!(sent, [".dockerignore", "Dockerfile", "Dockerfile.dockerignore", "a"]);
    }

    #[tokio::test]
    async fn the_same_files_give_the_same_archive_owned_by_root() {
        let dir = directory(&[("Dockerfile", "FROM x"), ("run", "#!/bin/sh")]);
        fs::set_permissions(dir.path().join("run"), fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("/nowhere/at/all", dir.path().join("link")).unwrap();
        let request = BuildRequest::new(dir.path(), "x");
        let (first, second) = (bytes(&request).await, bytes(&request).await);
        assert_eq!(first, second);
        let mut archive = tar::Archive::new(first.as_slice());
        for entry in archive.entries().unwrap().map(Result::unwrap) {
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let link = entry.link_name().unwrap().map(|to| to.display().to_string());
            match entry.path().unwrap().to_str().unwrap() {
                "run" => assert_eq!(header.mode().unwrap(), 0o4755),
                "link" => assert_eq!(link.as_deref(), Some("/nowhere/at/all")),
                _ => {}
            }
        }
    }

    #[test]
    fn the_base_images_of_a_dockerfile_are_found() {
        let text = "ARG V=1\nFROM --platform=linux/amd64 r.example/a:1 AS one\n from b\nFROM c:$V\nRUN echo FROM d\n";
        let dir = directory(&[("Dockerfile", text)]);
        let context = Context::new(dir.path(), &Dockerfile::Path("Dockerfile".to_owned())).unwrap();
        assert_eq!(context.bases(), ["r.example/a:1", "b"]);
    }

    #[test]
    fn a_context_that_cannot_be_sent_is_reported_with_the_reason() {
        let dir = directory(&[("other", ""), (".dockerignore", "[")]);
        let mut request = BuildRequest::new(dir.path(), "x");
        let why = |request: &BuildRequest| {
            Context::new(&request.context, &request.dockerfile).unwrap_err().to_string()
        };
        assert!(why(&request).contains("Dockerfile not found in "));
        request.dockerfile = Dockerfile::Path("other".to_owned());
        assert!(why(&request).contains("line 1 is not a pattern"));
        for outside in ["../Dockerfile", "/Dockerfile", "a/../../x"] {
            request.dockerfile = Dockerfile::Path(outside.to_owned());
            assert!(why(&request).contains("is not inside"), "{outside}");
        }
    }
}
