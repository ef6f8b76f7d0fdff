//! One-time migration: moves contents that an earlier version stored in definitions and specs to their own table.

use super::{give_back, keep};
use crate::db::{Database, Result, Tx, execute, fetch, fetch_one};
use devarch_core::{
    content::{ContentRef, LARGE},
    template::ConfigContent,
};
use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;

/// A column whose texts can contain contents.
struct Texts {
    table: &'static str,
    column: &'static str,
    /// The columns that identify a row.
    key: [&'static str; 3],
    form: Form,
}

/// How a content is referred to.
#[derive(Clone, Copy)]
enum Form {
    /// In definitions: as [`ConfigContent`] is serialized.
    Definition,
    /// In specs: in place of the content.
    Spec,
}

const ID: [&str; 3] = ["id", "''", "''"];

const TEXTS: [Texts; 5] = [
    Texts { table: "templates", column: "body", key: ["digest", "''", "''"], form: Form::Definition },
    Texts { table: "instances", column: "overrides", key: ID, form: Form::Definition },
    Texts { table: "stacks", column: "imported", key: ID, form: Form::Definition },
    Texts { table: "applies", column: "definition", key: ID, form: Form::Definition },
    Texts { table: "applied", column: "spec", key: ["stack_id", "instance_id", "hash"], form: Form::Spec },
];

/// Moves all large contents. Repeating it is harmless; contents that were not moved are read in place.
pub(crate) async fn take_out_contents(database: &Database) -> Result<()> {
    let mut tx = database.edit().await?;
    let found = take_out(&mut tx).await;
    if tx.end(found).await? {
        give_back(database).await;
    }
    Ok(())
}

/// Moves the contents in one transaction; returns whether there were any.
async fn take_out(tx: &mut Tx) -> Result<bool> {
    let mut found = false;
    for texts in &TEXTS {
        found |= of_column(tx, texts).await?;
    }
    Ok(found)
}

/// Handles one row at a time, because rows may be large.
async fn of_column(tx: &mut Tx, texts: &Texts) -> Result<bool> {
    let Texts { table, column, key: [one, two, three], form } = texts;
    let keys = format!("SELECT {one}, {two}, {three} FROM {table} WHERE length({column}) > {LARGE}");
    let keys: Vec<(String, String, String)> = fetch!(tx, AssertSqlSafe(keys))?;
    let row = format!("{one} = $1 AND {two} = $2 AND {three} = $3");
    let mut found = false;
    for (one, two, three) in keys {
        let text = format!("SELECT {column} FROM {table} WHERE {row}");
        let text: Option<(String,)> = fetch_one!(tx, AssertSqlSafe(text), &one, &two, &three)?;
        let json = text.and_then(|(text,)| serde_json::from_str(&text).ok());
        let Some(mut json) = json else { continue };
        let mut contents = Vec::new();
        walk(&mut json, *form, &mut contents);
        if contents.is_empty() {
            continue;
        }
        for text in contents {
            keep(tx, &ContentRef::from_text(&text).sha256, &text).await?;
        }
        let update = format!("UPDATE {table} SET {column} = $4 WHERE {row}");
        execute!(tx, AssertSqlSafe(update), &one, &two, &three, json.to_string())?;
        found = true;
    }
    Ok(found)
}

/// Moves contents out of every object that has config files.
fn walk(json: &mut Value, form: Form, contents: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Object(files) if name == "config_files" => {
                        let files = files.values_mut().filter_map(Value::as_object_mut);
                        contents.extend(files.filter_map(|file| of_file(file, form)));
                    }
                    _ => walk(value, form, contents),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, form, contents)),
        _ => {}
    }
}

/// Takes out a file's content if it is large, leaving a reference.
fn of_file(file: &mut Map<String, Value>, form: Form) -> Option<String> {
    let content = file.get("content")?.as_str()?.to_owned();
    let content = ConfigContent::Content(content);
    content.large()?;
    let ConfigContent::Content(text) = content else { return None };
    let kept = json!(ContentRef::from_text(&text));
    match form {
        Form::Definition => {
            file.remove("content");
            file.insert("kept".to_owned(), kept);
        }
        Form::Spec => {
            file.insert("content".to_owned(), kept);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::template::Overrides;

    #[test]
    fn only_large_contents_without_secret_references_are_moved() {
        let large = "x".repeat(LARGE + 1);
        let refers = format!("{large}${{secret:PW}}");
        let mut json = json!({"instances": {"web": {"config_files": {
            "/large": {"content": large, "mode": "0600"},
            "/small": {"content": "y"},
            "/refers": {"content": refers},
            "/removed": null,
        }}}, "config_files": "no files"});
        let mut contents = Vec::new();
        walk(&mut json, Form::Definition, &mut contents);
        assert!(contents == std::slice::from_ref(&large));
        let files = &json["instances"]["web"]["config_files"];
        assert_eq!(files["/large"]["kept"], json!(ContentRef::from_text(&large)));
        assert_eq!(files["/large"]["mode"], "0600");
        assert_eq!(
            (&files["/small"]["content"], &files["/refers"]["content"]),
            (&json!("y"), &json!(refers))
        );
    }

    #[test]
    fn a_moved_content_reads_as_a_reference_to_the_stored_one() {
        let large = "x".repeat(LARGE + 1);
        let mut json = json!({"config_files": {"/large": {"content": large}}});
        walk(&mut json, Form::Definition, &mut Vec::new());
        let read: Overrides = serde_json::from_value(json).unwrap();
        let file = read.config_files["/large"].as_ref().unwrap();
        assert_eq!(file.content, ConfigContent::Kept(ContentRef::from_text(&large)));
    }
}
