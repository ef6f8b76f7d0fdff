//! Redacts values that became secret in stored records; part of [`Store`].

use crate::{
    applies, contents,
    db::{Database, Db, Result, Tx, execute, fetch, on},
    error::{DatabaseError, StoreError},
    rewrite::{PAUSE, TRIES, rewrite},
    store::Store,
};
use devarch_core::{
    content::ContentDigest,
    id::{ApplyId, StackId},
    secret::{REDACTED, Sealable, Secret, Stored},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, SqlitePool};
use std::{cmp::Reverse, collections::BTreeMap};
use tokio::time::sleep;

/// Shorter values occur inside too many other words to be searched for there.
const SHORT: usize = 4;

/// A column with text that may contain any value.
struct Texts {
    table: &'static str,
    column: &'static str,
    /// The columns that identify a row, all texts.
    key: &'static [&'static str],
    /// The condition that selects the rows of stack `$1`.
    of: &'static str,
}

const APPLY: &[&str] = &["id"];
const STEP: &[&str] = &["apply_id", "CAST(at AS TEXT)"];
const APPLIED: &[&str] = &["stack_id", "instance_id", "hash"];
const OF_STACK: &str = "stack_id = $1";
const OF_APPLIES: &str = "apply_id IN (SELECT id FROM applies WHERE stack_id = $1)";

const TEXTS: [Texts; 9] = [
    Texts { table: "plans", column: "request", key: APPLY, of: OF_STACK },
    Texts { table: "plans", column: "assumed", key: APPLY, of: OF_STACK },
    Texts { table: "plans", column: "shown", key: APPLY, of: OF_STACK },
    Texts { table: "applies", column: "command", key: APPLY, of: OF_STACK },
    Texts { table: "applies", column: "before_state", key: APPLY, of: OF_STACK },
    Texts { table: "applies", column: "shown", key: APPLY, of: OF_STACK },
    Texts { table: "applies", column: "error", key: APPLY, of: OF_STACK },
    Texts { table: "apply_steps", column: "error", key: STEP, of: OF_APPLIES },
    Texts { table: "applied", column: "spec", key: APPLIED, of: OF_STACK },
];

/// Tables in which this, or the edit that made the values secret, can have left old rows that contain them.
const REWRITTEN: [&str; 9] =
    ["stacks", "wirings", "instances", "templates", "plans", "applies", "apply_steps", "applied", "contents"];

/// Contents that contain one of the values.
pub type ExposedContents = BTreeMap<ContentDigest, Secret>;

/// Converts a stack's definition to one in which the values and these contents are secret.
pub type Redefine<'a> = dyn Fn(Stored, &ExposedContents) -> Stored + Send + Sync + 'a;

impl Store {
    /// Removes values that became secret from everything recorded about a stack: they are redacted in its plans, its
    /// journal and its applied state, and `redefine` moves them to the secrets in the journal's definitions. A
    /// content that only the journal refers to is deleted. Returns whether any value was found; then the freed pages
    /// of the database must still be wiped.
    ///
    /// Can be repeated, also after a failure.
    pub async fn scrub(&self, stack: &StackId, values: &[Secret], redefine: &Redefine<'_>) -> Result<bool> {
        let mut tx = self.database.edit().await?;
        let done = scrub(&mut tx, stack, values, redefine).await;
        tx.end(done).await
    }

    /// Overwrites the freed pages of the database, and its log.
    pub async fn wipe(&self) -> Result<()> {
        wipe(&self.database).await
    }
}

async fn scrub(tx: &mut Tx, stack: &StackId, values: &[Secret], redefine: &Redefine<'_>) -> Result<bool> {
    let exposed = exposed(tx, &Values::of(values)).await?;
    // The digest of a content that is now secret is removed too.
    let digests = exposed.keys().map(|digest| Secret::new(digest.as_str()));
    let secrets: Vec<Secret> = values.iter().cloned().chain(digests).collect();
    let values = Values::of(&secrets);
    let mut found = definitions(tx, stack, &values, &|stored| redefine(stored, &exposed)).await?;
    for texts in &TEXTS {
        found |= scrub_texts(tx, texts, stack, &values).await?;
    }
    if !exposed.is_empty() {
        found |= contents::sweep(tx).await?;
    }
    Ok(found)
}

/// Returns the contents that contain one of the values.
async fn exposed(tx: &mut Tx, values: &Values<'_>) -> Result<ExposedContents> {
    let mut exposed = ExposedContents::new();
    for digest in contents::all(tx).await? {
        let Ok(digest) = ContentDigest::try_from(digest) else { continue };
        let text = contents::read(tx, &digest).await?;
        if let Some(text) = text.filter(|text| values.redact(text).is_some()) {
            exposed.insert(digest, Secret::new(text));
        }
    }
    Ok(exposed)
}

async fn definitions(
    tx: &mut Tx,
    stack: &StackId,
    values: &Values<'_>,
    redefine: &(dyn Fn(Stored) -> Stored + Send + Sync),
) -> Result<bool> {
    let rows: Vec<(String, String, Option<Vec<u8>>)> =
        fetch!(tx, "SELECT id, definition, sealed FROM applies WHERE stack_id = $1", stack.as_str())?;
    let mut found = false;
    for (id, text, sealed) in rows {
        let Some(redacted) = values.redacted(&text) else {
            continue;
        };
        found = true;
        let id = ApplyId::new(id);
        let now = applies::open_definition(tx, &id, text, sealed.clone()).await?;
        // Encrypted data that cannot be decrypted is left unchanged.
        let (open, sealed) = if matches!(now.secret, Sealable::Locked(_)) {
            (redacted, sealed)
        } else {
            let Stored { open, secret } = redefine(now);
            let sealed = applies::seal(tx, &id, &secret).await?;
            (values.redacted(&open).unwrap_or(open), sealed)
        };
        execute!(
            tx,
            "UPDATE applies SET definition = $2, sealed = $3 WHERE id = $1",
            id.as_str(),
            open,
            sealed,
        )?;
    }
    Ok(found)
}

#[derive(sqlx::FromRow)]
struct Row {
    one: String,
    two: String,
    three: String,
    text: String,
}

async fn scrub_texts(tx: &mut Tx, texts: &Texts, stack: &StackId, values: &Values<'_>) -> Result<bool> {
    let Texts { table, column, key, of } = texts;
    let part = |at: usize| key.get(at).map_or("''", |name| *name);
    let select = format!(
        "SELECT {} AS one, {} AS two, {} AS three, {column} AS text FROM {table} \
         WHERE {of} AND {column} IS NOT NULL",
        part(0),
        part(1),
        part(2),
    );
    let same: Vec<String> = key.iter().zip(2..).map(|(name, place)| format!("{name} = ${place}")).collect();
    let update = format!("UPDATE {table} SET {column} = $1 WHERE {}", same.join(" AND "));
    let rows: Vec<Row> = fetch!(tx, AssertSqlSafe(select), stack.as_str())?;
    let mut found = false;
    for row in rows {
        let Some(redacted) = values.redacted(&row.text) else {
            continue;
        };
        found = true;
        let update = AssertSqlSafe(update.clone());
        let parts = [&row.one, &row.two, &row.three].into_iter().take(key.len());
        on!(
            tx,
            |conn| {
                let query = sqlx::query(update).bind(redacted);
                parts.fold(query, sqlx::query::Query::bind).execute(conn)
            },
            |_| ()
        )?;
    }
    Ok(found)
}

/// The search patterns: each value as it is, and as it is escaped inside JSON.
struct Values<'a> {
    short: Vec<&'a str>,
    long: Vec<zeroize::Zeroizing<String>>,
}

impl<'a> Values<'a> {
    fn of(values: &'a [Secret]) -> Self {
        let values = || values.iter().map(Secret::reveal).filter(|value| !value.is_empty());
        let short = values().filter(|value| value.len() < SHORT).collect();
        let mut long: Vec<zeroize::Zeroizing<String>> = Vec::new();
        for value in values().filter(|value| value.len() >= SHORT) {
            let quoted = Value::from(value).to_string();
            let escaped = &quoted[1..quoted.len() - 1];
            long.extend([value, escaped].map(|form| zeroize::Zeroizing::new(form.to_owned())));
        }
        // Longest first, so that a value that is part of another is searched after it.
        long.sort_by_key(|value| Reverse(value.len()));
        Self { short, long }
    }

    /// Returns the text without the values; `None` if it contains none. In JSON only string values are searched, so
    /// that it remains valid JSON.
    fn redacted(&self, text: &str) -> Option<String> {
        match serde_json::from_str(text) {
            Ok(mut json @ (Value::Object(_) | Value::Array(_))) => {
                self.redact_json(&mut json).then(|| json.to_string())
            }
            _ => self.redact(text),
        }
    }

    fn redact_json(&self, json: &mut Value) -> bool {
        match json {
            Value::String(text) => match self.redact(text) {
                None => false,
                Some(redacted) => {
                    *text = redacted;
                    true
                }
            },
            Value::Array(items) => {
                items.iter_mut().fold(false, |changed, item| self.redact_json(item) | changed)
            }
            Value::Object(fields) => {
                fields.values_mut().fold(false, |changed, value| self.redact_json(value) | changed)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn redact(&self, text: &str) -> Option<String> {
        if self.short.contains(&text) {
            return Some(REDACTED.to_owned());
        }
        let mut redacted = None;
        for value in &self.long {
            let now = redacted.as_deref().unwrap_or(text);
            if now.contains(value.as_str()) {
                redacted = Some(now.replace(value.as_str(), REDACTED));
            }
        }
        redacted
    }
}

/// Overwrites freed pages.
async fn wipe(database: &Database) -> Result<()> {
    let wiped = match &database.db {
        Db::Pg(pool) => rewrite(pool, &REWRITTEN).await,
        Db::Lite(pool) => empty_log(pool).await,
    };
    match wiped {
        Ok(true) => Ok(()),
        Ok(false) => {
            let why = "what was overwritten cannot be removed while others still read it";
            Err(DatabaseError::busy(&database.place, why).into())
        }
        Err(error) => Err(StoreError::of(&database.place, error)),
    }
}

/// SQLite overwrites what it frees, but its log still has the old pages. Returns whether the log could be emptied.
async fn empty_log(pool: &SqlitePool) -> sqlx::Result<bool> {
    for _ in 0..TRIES {
        let (busy, ..): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await?;
        if busy == 0 {
            return Ok(true);
        }
        sleep(PAUSE).await;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(values: &[&str], text: &str) -> Option<String> {
        let values: Vec<Secret> = values.iter().copied().map(Secret::new).collect();
        Values::of(&values).redacted(text)
    }

    #[test]
    fn redacting_a_value_leaves_valid_json() {
        let text = r#"{"a":["x hunter2 y",1],"steps":"b"}"#;
        assert_eq!(redacted(&["hunter2"], text).unwrap(), r#"{"a":["x [REDACTED] y",1],"steps":"b"}"#);
        assert_eq!(redacted(&["steps"], text), None, "names of fields are not values");
        assert_eq!(redacted(&["other", ""], text), None);
        assert_eq!(redacted(&["hunter2"], "set PW=hunter2").unwrap(), "set PW=[REDACTED]");
    }

    #[test]
    fn a_value_is_found_at_any_level_of_json_escaping() {
        let value = "a\"b\\c\nd";
        let inner = serde_json::json!({ "v": value }).to_string();
        let outer = serde_json::json!({ "request": inner, "v": value }).to_string();
        let left = redacted(&[value], &outer).unwrap();
        assert_eq!(left, r#"{"request":"{\"v\":\"[REDACTED]\"}","v":"[REDACTED]"}"#);
    }

    #[test]
    fn a_short_value_is_not_redacted_inside_words() {
        assert_eq!(redacted(&["ab"], r#"["ab","cab"]"#).unwrap(), r#"["[REDACTED]","cab"]"#);
        assert_eq!(redacted(&["hunter2", "hunter22"], "hunter22").unwrap(), "[REDACTED]");
    }
}
