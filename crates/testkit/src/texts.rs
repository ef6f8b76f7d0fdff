//! Large contents of files, as a store would provide them.

use async_trait::async_trait;
use devarch_core::content::{ContentDigest, ContentRef};
use devarch_engine::Contents;
use std::{collections::BTreeMap, io};

/// How many bytes a part has.
const PART: usize = 64 << 10;

/// Texts by their digests.
#[derive(Debug, Default)]
pub struct Texts(BTreeMap<ContentDigest, String>);

impl Texts {
    /// Stores a text.
    pub fn keep(&mut self, text: String) -> ContentRef {
        let kept = ContentRef::from_text(&text);
        self.0.insert(kept.sha256.clone(), text);
        kept
    }
}

#[async_trait]
impl Contents for Texts {
    async fn part(&self, digest: &ContentDigest, at: u32) -> io::Result<Option<Vec<u8>>> {
        let text = self.0.get(digest).map(String::as_bytes).unwrap_or_default();
        Ok(text.chunks(PART).nth(at as usize).map(<[u8]>::to_vec))
    }
}

/// The text of a content as a whole.
pub(crate) async fn whole(kept: &ContentRef, contents: &dyn Contents) -> io::Result<String> {
    let (mut bytes, mut at) = (Vec::new(), 0);
    while let Some(part) = contents.part(&kept.sha256, at).await? {
        bytes.extend(part);
        at += 1;
    }
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    if ContentRef::from_text(&text) == *kept {
        Ok(text)
    } else {
        Err(io::Error::other(format!("{kept} is gone")))
    }
}
