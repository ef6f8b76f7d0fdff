//! Checks whether a database's schema is the one this program knows.

use crate::{db::Result, error::OpeningError};
use sqlx::migrate::Migrator;

/// What to do with a schema that is not newer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Current,
    Older,
}

/// Returns the newest version a program with these migrations knows.
pub(crate) fn known(migrations: &Migrator) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Compares the version found with the newest known; fails if it is newer.
pub(crate) fn judge(migrations: &Migrator, found: i64, place: &str) -> Result<Schema> {
    let known = known(migrations);
    if found > known {
        return Err(OpeningError::Newer { place: place.to_owned(), found, known }.into());
    }
    Ok(if found == known { Schema::Current } else { Schema::Older })
}
