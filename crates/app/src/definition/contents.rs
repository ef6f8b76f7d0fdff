//! Large contents of config files on their way from the project to the store and from there to the engine.

use crate::{Context, OperationError, definition::text_file::read_text, error::Outdated};
use async_trait::async_trait;
use devarch_core::{
    content::{ContentDigest, ContentRef},
    secret::refers,
    template::ConfigContent,
};
use devarch_engine::Contents;
use devarch_files::FileKind;
use devarch_store::{StackError, Store, StoreError};
use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

/// Where each content was found, to be read again when it is stored: together they may not fit into memory.
pub(crate) type Sources = BTreeMap<ContentDigest, ContentSource>;

/// The source of a content.
#[derive(Debug, Clone)]
pub(crate) enum ContentSource {
    /// A file of its own.
    File(PathBuf),
    /// The devarch.yml.
    Text(Arc<str>),
}

/// Converts a config file's text to its form in the definition: a large one is referred to by its digest.
pub(crate) fn taken_in(
    content: ConfigContent,
    source: impl FnOnce(&str) -> ContentSource,
    sources: &mut Sources,
) -> ConfigContent {
    let Some(text) = content.large() else { return content };
    let kept = ContentRef::from_text(text);
    sources.entry(kept.sha256.clone()).or_insert_with(|| source(text));
    ConfigContent::Kept(kept)
}

/// Returns why a text cannot be a config file's: one that refers to secrets is encrypted as a whole, so a secret's
/// limit applies.
pub(crate) fn too_large_to_seal(text: &str) -> Option<String> {
    let limit = FileKind::SecretConfigFile.limit();
    (text.len() as u64 > limit && refers(text)).then(|| {
        format!(
            "it refers to secrets and has {} bytes; a config file with secrets may have at most 1 MiB ({limit} bytes): \
             move the secrets to a file of their own (`secrets`)",
            text.len()
        )
    })
}

/// Stores those of these contents that the store does not have yet, one at a time.
pub(crate) async fn keep_contents(ctx: &Context, sources: &Sources) -> Result<(), OperationError> {
    if sources.is_empty() {
        return Ok(());
    }
    for digest in ctx.store.missing_contents(sources.keys().cloned().collect()).await? {
        let found = match &sources[&digest] {
            ContentSource::File(path) => Arc::from(read_text(path, FileKind::ConfigFile)?),
            ContentSource::Text(text) => Arc::clone(text),
        };
        if ctx.store.keep_content(&found).await? != digest
            && let ContentSource::File(path) = &sources[&digest]
        {
            return Err(Outdated::File(path.clone()).into());
        }
    }
    Ok(())
}

/// Reads a content that a stored stack refers to.
pub(crate) async fn read_content(ctx: &Context, kept: &ContentRef) -> Result<String, OperationError> {
    let digest = kept.sha256.clone();
    ctx.store.content(&kept.sha256).await?.ok_or(StoreError::from(StackError::NoContent { digest }).into())
}

/// The contents in a store.
pub(crate) struct Kept<'a>(pub(crate) &'a Store);

#[async_trait]
impl Contents for Kept<'_> {
    async fn part(&self, digest: &ContentDigest, at: u32) -> io::Result<Option<Vec<u8>>> {
        self.0.content_part(digest, at).await.map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_with_secrets_has_the_limit_of_a_secret() {
        let large = "x".repeat(1 << 20);
        assert_eq!(too_large_to_seal(&format!("{large}y")), None);
        assert_eq!(too_large_to_seal("${secret:KEY}"), None);
        let why = too_large_to_seal(&format!("{large}${{secret:KEY}}")).unwrap();
        assert!(why.contains("1048589 bytes") && why.contains("move the secrets"), "{why}");
    }

    #[test]
    fn a_large_text_is_referred_to_by_digest_and_read_again_from_its_first_source() {
        let (mut sources, large) = (Sources::new(), "line\n".repeat(10_000));
        let content = || ConfigContent::Content(large.clone());
        for place in ["/first", "/second"] {
            let taken = taken_in(content(), |_| ContentSource::File(place.into()), &mut sources);
            let ConfigContent::Kept(kept) = taken else { panic!("{taken:?}") };
            assert_eq!(kept.bytes, 50_000);
        }
        assert_eq!(sources.len(), 1);
        assert!(
            matches!(sources.values().next(), Some(ContentSource::File(path)) if path.ends_with("first"))
        );
        let small = ConfigContent::Content("small".to_owned());
        let taken = taken_in(small.clone(), |_| ContentSource::File("/third".into()), &mut sources);
        assert_eq!((taken, sources.len()), (small, 1));
    }
}
