//! Copies files into a container, as one tar archive.

use super::{BollardEngine, Result};
use crate::{
    api::Contents,
    cause::{During, Failure},
};
use bollard::query_parameters::UploadToContainerOptions;
use devarch_core::{
    content::ContentRef,
    id::ContainerId,
    spec::{FileContent, FileSpec},
};
use futures_util::{future::join, stream::poll_fn};
use std::{
    collections::BTreeMap,
    io,
    time::{SystemTime, UNIX_EPOCH},
};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

/// Block size to which archive entries are padded.
const BLOCK: u64 = 512;

/// Number of content parts buffered ahead of the one being sent.
const BUFFERED_PARTS: usize = 1;

/// Unpacks at the root, where both engines create missing directories and leave existing ones unchanged.
pub(super) async fn put(
    engine: &BollardEngine,
    id: &ContainerId,
    files: &BTreeMap<String, FileSpec>,
    contents: &dyn Contents,
) -> Result<()> {
    let action = || format!("put {} files into container {id}", files.len());
    let unpacked = |error: io::Error| Failure::Garbled(error.to_string());
    let (to, mut from) = mpsc::channel(BUFFERED_PARTS);
    let (body, pieces) = match pack(files).map_err(unpacked).during(action)? {
        Archive::Whole(archive) => (bollard::body_full(archive.into()), Vec::new()),
        Archive::Pieces(pieces) => (bollard::body_try_stream(poll_fn(move |cx| from.poll_recv(cx))), pieces),
    };
    let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
    let upload = engine.timed(engine.docker.upload_to_container(id.as_str(), Some(options), body));
    let (sent, put) = join(send(pieces, contents, to), upload).await;
    // An error of the archive is the reason for the engine's. If the engine refused first, it has ended the sending.
    match (sent, put) {
        (Err(error), Err(_)) => Err(unpacked(error)).during(action),
        (_, put) => put.during(action),
    }
}

/// An archive, packed for sending.
enum Archive {
    Whole(Vec<u8>),
    /// It has contents that have to be fetched.
    Pieces(Vec<Piece>),
}

/// A stretch of an archive.
enum Piece {
    Bytes(Vec<u8>),
    /// A content, without what it is filled up with.
    Kept(ContentRef),
}

fn pack(files: &BTreeMap<String, FileSpec>) -> io::Result<Archive> {
    let mut pieces = Vec::new();
    let mut archive = Builder::new(Vec::new());
    for (path, file) in files {
        let path = path.trim_start_matches('/');
        match &file.content {
            FileContent::Text(text) => {
                let text = text.reveal().as_bytes();
                archive.append_data(&mut header(file, text.len() as u64), path, text)?;
            }
            FileContent::Kept(kept) => {
                archive.append_data(&mut header(file, kept.bytes), path, io::empty())?;
                let before = std::mem::take(archive.get_mut());
                pieces.extend([Piece::Bytes(before), Piece::Kept(kept.clone())]);
                let filling = kept.bytes.next_multiple_of(BLOCK) - kept.bytes;
                archive.get_mut().resize(usize::try_from(filling).unwrap_or_default(), 0);
            }
        }
    }
    let rest = archive.into_inner()?;
    if pieces.is_empty() {
        return Ok(Archive::Whole(rest));
    }
    pieces.push(Piece::Bytes(rest));
    Ok(Archive::Pieces(pieces))
}

fn header(file: &FileSpec, size: u64) -> Header {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(file.mode.0);
    header.set_uid(file.owner.uid.into());
    header.set_gid(file.owner.gid.into());
    header.set_mtime(now);
    header
}

type Body = mpsc::Sender<io::Result<Bytes>>;

/// Sends an archive piece by piece. Its failure interrupts the call.
async fn send(pieces: Vec<Piece>, contents: &dyn Contents, to: Body) -> io::Result<()> {
    for piece in pieces {
        let sent = match piece {
            Piece::Bytes(bytes) => pass(&to, bytes).await,
            Piece::Kept(kept) => send_content(&kept, contents, &to).await,
        };
        if let Err(error) = sent {
            let _ = to.send(Err(io::Error::other("the archive is cut off"))).await;
            return Err(error);
        }
    }
    Ok(())
}

async fn send_content(kept: &ContentRef, contents: &dyn Contents, to: &Body) -> io::Result<()> {
    let (mut at, mut sent) = (0, 0);
    while let Some(part) = contents.part(&kept.sha256, at).await? {
        (at, sent) = (at + 1, sent + part.len() as u64);
        if sent > kept.bytes {
            break;
        }
        pass(to, part).await?;
    }
    if sent == kept.bytes {
        return Ok(());
    }
    Err(io::Error::other(format!("content {} is not in the store as it was", kept.sha256)))
}

async fn pass(to: &Body, bytes: Vec<u8>) -> io::Result<()> {
    to.send(Ok(bytes.into())).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use devarch_core::{
        content::ContentDigest,
        text::Text,
        unit::{FileMode, Owner},
    };
    use futures_util::StreamExt as _;
    use std::io::Read as _;

    struct Parts(Vec<&'static str>);

    #[async_trait]
    impl Contents for Parts {
        async fn part(&self, _: &ContentDigest, at: u32) -> io::Result<Option<Vec<u8>>> {
            Ok(self.0.get(at as usize).map(|part| part.as_bytes().to_vec()))
        }
    }

    fn files() -> BTreeMap<String, FileSpec> {
        let file = |content| FileSpec { content, mode: FileMode(0o640), owner: Owner { uid: 1, gid: 2 } };
        let long = format!("/opt/{}/b", "d".repeat(120));
        BTreeMap::from([
            ("/etc/a".to_owned(), file(Text::plain("first").into())),
            ("/etc/c".to_owned(), file(Text::plain("last").into())),
            (long, file(FileContent::Kept(ContentRef::from_text("0123456789")))),
        ])
    }

    async fn archive(contents: &Parts) -> io::Result<Vec<u8>> {
        let (to, mut from) = mpsc::channel(BUFFERED_PARTS);
        let Archive::Pieces(pieces) = pack(&files())? else { panic!("no content to fetch") };
        let (sent, parts) =
            join(send(pieces, contents, to), poll_fn(|cx| from.poll_recv(cx)).collect::<Vec<_>>()).await;
        sent.map(|()| parts.into_iter().flat_map(|part| part.unwrap()).collect())
    }

    #[tokio::test]
    async fn an_archive_with_contents_fetched_in_parts_is_complete() {
        let archive = archive(&Parts(vec!["0123", "456789"])).await.unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            assert_eq!(entry.header().mode().unwrap(), 0o640, "{path}");
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.push((path, text));
        }
        let long = format!("opt/{}/b", "d".repeat(120));
        let want = [("etc/a", "first"), ("etc/c", "last"), (long.as_str(), "0123456789")];
        assert_eq!(found, want.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[tokio::test]
    async fn a_shorter_longer_or_missing_content_ends_the_archive() {
        for parts in [vec![], vec!["0123"], vec!["0123456789", "0"]] {
            let error = archive(&Parts(parts)).await.unwrap_err();
            assert!(error.to_string().contains("is not in the store as it was"), "{error}");
        }
    }
}
