//! Large contents of config files, each once. Table `contents`; its methods are a part of the store's interface.
//!
//! A content is there before the stack that names it is saved, and goes with the last definition, also of the history, that
//! names it. One that was left by an edit that never came goes with the next sweep.

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

/// How many bytes a row has: so many are in memory at once.
const PART: usize = 1 << 20;

/// Where definitions are that name contents.
const DEFINITIONS: [(&str, &str); 4] =
    [("stacks", "imported"), ("instances", "overrides"), ("templates", "body"), ("applies", "definition")];

impl Store {
    /// Keeps a content. One that is there already stays as it is.
    pub async fn keep_content(&self, text: &str) -> Result<ContentDigest> {
        let digest = ContentDigest::from_text(text);
        let mut tx = self.database.write().await?;
        let kept = keep(&mut tx, &digest, text).await;
        tx.end(kept).await?;
        Ok(digest)
    }

    /// Those of the contents that are not there.
    pub async fn missing_contents(&self, wanted: BTreeSet<ContentDigest>) -> Result<BTreeSet<ContentDigest>> {
        let mut tx = self.database.read().await?;
        let missing = missing(&mut tx, wanted).await;
        tx.end(missing).await
    }

    /// A part of a content, counted from 0; `None` after the last.
    pub async fn content_part(&self, digest: &ContentDigest, at: u32) -> Result<Option<Vec<u8>>> {
        let mut tx = self.database.read().await?;
        let part = part(&mut tx, digest, at).await;
        tx.end(part).await
    }

    /// A content as a whole; `None` where it is not there.
    pub async fn content(&self, digest: &ContentDigest) -> Result<Option<String>> {
        let mut tx = self.database.read().await?;
        let text = read(&mut tx, digest).await;
        tx.end(text).await
    }
}

/// Refuses a stack that names contents which are not there, but for those it named before.
pub(crate) async fn check(tx: &mut Tx, before: Option<&Stack>, after: &Stack) -> Result<()> {
    let known = before.map(Stack::contents).unwrap_or_default();
    let new = after.contents().into_iter().filter(|content| !known.contains(content));
    let missing = missing(tx, new.map(|content| content.sha256).collect()).await?;
    match missing.into_iter().next() {
        None => Ok(()),
        Some(digest) => Err(StackError::NoContent { digest }.into()),
    }
}

/// Removes the contents that no definition names any more; says whether there were any. To be done in an edit.
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

/// The digests of all that are kept.
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

/// A content as a whole, if it is still what it is known by.
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
