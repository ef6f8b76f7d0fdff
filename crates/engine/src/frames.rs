//! Output of containers and execs: an eight-byte header before each piece (Docker's API, "Stream format" of the attach
//! endpoint), or raw bytes if there is a terminal.

use crate::{LogChunk, LogStream, cause::During, cause::Failure};
use futures_util::{StreamExt, TryStreamExt};
use hyper::body::Bytes;
use std::io;
use tokio::io::AsyncRead;
use tokio_util::{
    bytes::{Buf, BytesMut},
    codec::{Decoder, FramedRead},
};

/// How output is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Detected from the first bytes: no call reports whether a container has a terminal.
    Unknown,
    /// A terminal's bytes.
    Bare,
    /// Pieces with headers.
    Framed,
}

const HEADER: usize = 8;

impl Packing {
    /// A header starts with the stream's number and three zeros.
    fn guess(bytes: &[u8]) -> Self {
        match bytes {
            [0..=2, 0, 0, 0, ..] => Self::Framed,
            [] | [0..=2] | [0..=2, 0] | [0..=2, 0, 0] => Self::Unknown,
            _ => Self::Bare,
        }
    }
}

struct Pieces {
    packing: Packing,
}

impl Decoder for Pieces {
    type Item = LogChunk;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<LogChunk>> {
        if self.packing == Packing::Unknown {
            self.packing = Packing::guess(buffer);
        }
        match self.packing {
            Packing::Unknown => Ok(None),
            Packing::Bare if buffer.is_empty() => Ok(None),
            Packing::Bare => Ok(Some(piece(false, &buffer.split()))),
            Packing::Framed => Ok(next_frame(buffer)),
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<LogChunk>> {
        match self.decode(buffer)? {
            Some(chunk) => Ok(Some(chunk)),
            None if buffer.is_empty() => Ok(None),
            None if self.packing == Packing::Framed => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Ok(Some(piece(false, &buffer.split()))),
        }
    }
}

fn next_frame(buffer: &mut BytesMut) -> Option<LogChunk> {
    let header = buffer.get(..HEADER)?;
    let stderr = header[0] == 2;
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if buffer.len() < HEADER + length {
        buffer.reserve(HEADER + length - buffer.len());
        return None;
    }
    buffer.advance(HEADER);
    Some(piece(stderr, &buffer.split_to(length)))
}

fn piece(stderr: bool, bytes: &[u8]) -> LogChunk {
    LogChunk { stderr, bytes: bytes.to_vec() }
}

/// Unpacks output; an error names `action`.
pub(crate) fn unpack<R>(output: R, packing: Packing, action: String) -> LogStream
where
    R: AsyncRead + Send + 'static,
{
    FramedRead::new(Box::pin(output), Pieces { packing })
        .map(move |chunk| {
            chunk.map_err(|error: io::Error| Failure::Cut(error.to_string())).during(|| action.clone())
        })
        .boxed()
}

/// A response's body as bytes to read.
pub(crate) fn reader(body: hyper::body::Incoming) -> impl AsyncRead + Send + 'static {
    let bytes = http_body_util::BodyDataStream::new(body).map_err(io::Error::other);
    tokio_util::io::StreamReader::<_, Bytes>::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn unpacked(parts: &[&'static [u8]], packing: Packing) -> Vec<(bool, Vec<u8>)> {
        let parts: Vec<io::Result<Bytes>> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        let reader = tokio_util::io::StreamReader::new(futures_util::stream::iter(parts));
        unpack(reader, packing, "read".to_owned())
            .map(|chunk| chunk.map(|chunk| (chunk.stderr, chunk.bytes)).unwrap())
            .collect()
            .await
    }

    #[tokio::test]
    async fn pieces_are_reassembled_however_they_are_split() {
        let cut: [&[u8]; 4] = [b"\x01\0\0", b"\0\0\0\0\x02h", b"i\x02\0\0\0\0\0\0\x01", b"!"];
        let want = vec![(false, b"hi".to_vec()), (true, b"!".to_vec())];
        assert_eq!(unpacked(&cut, Packing::Unknown).await, want);
        assert_eq!(unpacked(&cut, Packing::Framed).await, want);
    }

    #[tokio::test]
    async fn control_bytes_of_a_terminal_are_not_mistaken_for_headers() {
        let bytes: [&[u8]; 2] = [b"a", b"\x01\x02\0\0"];
        let all: Vec<u8> =
            unpacked(&bytes, Packing::Unknown).await.into_iter().flat_map(|(_, part)| part).collect();
        assert_eq!(all, b"a\x01\x02\0\0");
        assert_eq!(unpacked(&[b"\x01"], Packing::Unknown).await, [(false, vec![1])]);
    }
}
