//! Large contents of config files, deduplicated. Table `contents`; its methods are part of [`Store`].
//!
//! A content is stored before the stack that refers to it, and deleted with the last definition that refers to it,
//! history included. If an edit stored a content and then failed, the next sweep deletes it.

mod space;
mod take_out;

use crate::{
    db::{Result, Tx, execute, fetch, fetch_one},
    error::StackError,
    store::Store,
};
use devarch_core::{
    content::{ContentDigest, ContentRef},
    stack::Stack,
};
pub(crate) use space::give_back;
use std::collections::BTreeSet;
pub(crate) use take_out::take_out_contents;

/// Bytes per row, which bounds what is in memory at once.
const PART: usize = 1 << 20;

/// The columns with definitions that can refer to contents.
const DEFINITIONS: [(&str, &str); 4] =
    [("stacks", "imported"), ("instances", "overrides"), ("templates", "body"), ("applies", "definition")];

impl Store {
    /// Stores a content. An existing one is left unchanged.
    pub async fn keep_content(&self, text: &str) -> Result<ContentDigest> {
        let digest = ContentDigest::from_text(text);
        let mut tx = self.database.write().await?;
        let kept = keep(&mut tx, &digest, text).await;
        tx.end(kept).await?;
        Ok(digest)
    }

    /// Returns those of the contents that are not stored.
    pub async fn missing_contents(&self, wanted: BTreeSet<ContentDigest>) -> Result<BTreeSet<ContentDigest>> {
        let mut tx = self.database.read().await?;
        let missing = missing(&mut tx, wanted).await;
        tx.end(missing).await
    }

    /// Returns one part of a content, counted from 0; `None` after the last.
    pub async fn content_part(&self, digest: &ContentDigest, at: u32) -> Result<Option<Vec<u8>>> {
        let mut tx = self.database.read().await?;
        let part = part(&mut tx, digest, at).await;
        tx.end(part).await
    }

    /// Returns a whole content; `None` if it is not stored.
    pub async fn content(&self, digest: &ContentDigest) -> Result<Option<String>> {
        let mut tx = self.database.read().await?;
        let text = read(&mut tx, digest).await;
        tx.end(text).await
    }
}

/// Rejects a stack that newly refers to contents that are not stored.
pub(crate) async fn check(tx: &mut Tx, before: Option<&Stack>, after: &Stack) -> Result<()> {
    let known = before.map(Stack::contents).unwrap_or_default();
    let new = after.contents().into_iter().filter(|content| !known.contains(content));
    let missing = missing(tx, new.map(|content| content.sha256).collect()).await?;
    match missing.into_iter().next() {
        None => Ok(()),
        Some(digest) => Err(StackError::NoContent { digest }.into()),
    }
}

/// Deletes the contents that no definition refers to; returns whether there were any. To be called in an edit.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<bool> {
    let mut found = false;
    for digest in all(tx).await? {
        if !is_named(tx, &digest).await? {
            execute!(tx, "DELETE FROM contents WHERE digest = $1", digest)?;
            found = true;
        }
    }
    Ok(found)
}

/// Returns the digests of all stored contents.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = fetch!(tx, "SELECT digest FROM contents WHERE part = 0 ORDER BY digest")?;
    Ok(rows.into_iter().map(|(digest,)| digest).collect())
}

async fn is_named(tx: &mut Tx, digest: &str) -> Result<bool> {
    for (table, column) in DEFINITIONS {
        let statement = format!("SELECT 'named' FROM {table} WHERE {column} LIKE $1 LIMIT 1");
        let row: Option<(String,)> = fetch_one!(tx, sqlx::AssertSqlSafe(statement), format!("%{digest}%"))?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn missing(tx: &mut Tx, wanted: BTreeSet<ContentDigest>) -> Result<BTreeSet<ContentDigest>> {
    let mut missing = BTreeSet::new();
    for digest in wanted {
        if !is_kept(tx, &digest).await? {
            missing.insert(digest);
        }
    }
    Ok(missing)
}

async fn is_kept(tx: &mut Tx, digest: &ContentDigest) -> Result<bool> {
    let row: Option<(String,)> =
        fetch_one!(tx, "SELECT digest FROM contents WHERE digest = $1 AND part = 0", digest.as_str())?;
    Ok(row.is_some())
}

async fn keep(tx: &mut Tx, digest: &ContentDigest, text: &str) -> Result<()> {
    for (part, bytes) in text.as_bytes().chunks(PART).enumerate() {
        execute!(
            tx,
            "INSERT INTO contents (digest, part, bytes) VALUES ($1, $2, $3) ON CONFLICT (digest, part) DO NOTHING",
            digest.as_str(),
            i64::try_from(part).unwrap_or(i64::MAX),
            bytes,
        )?;
    }
    Ok(())
}

async fn part(tx: &mut Tx, digest: &ContentDigest, at: u32) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = fetch_one!(
        tx,
        "SELECT bytes FROM contents WHERE digest = $1 AND part = $2",
        digest.as_str(),
        i64::from(at)
    )?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Reads a whole content, if it still matches its digest.
pub(crate) async fn read(tx: &mut Tx, digest: &ContentDigest) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(part) = part(tx, digest, at).await? {
        bytes.extend(part);
        at += 1;
    }
    if at == 0 {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).ok().filter(|text| ContentRef::from_text(text).sha256 == *digest);
    text.map(Some).ok_or_else(|| tx.damaged(format!("content {digest} is not what it was").into()))
}
