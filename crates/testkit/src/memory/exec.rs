use devarch_engine::{ExecIo, LogChunk, LogStream};
use futures_util::StreamExt;

/// Output that is all there.
pub(super) fn once(output: String) -> LogStream {
    let chunk = LogChunk { stderr: false, bytes: output.into_bytes() };
    let chunks = if chunk.bytes.is_empty() { Vec::new() } else { vec![Ok(chunk)] };
    futures_util::stream::iter(chunks).boxed()
}

/// An exec that has ended already.
pub(super) fn ended(id: String, output: String) -> ExecIo {
    ExecIo { id, stdin: Box::pin(tokio::io::sink()), output: once(output) }
}
