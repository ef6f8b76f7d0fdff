//! Returns the disk space of deleted contents to the file system.

use crate::{
    db::{Database, Db},
    rewrite::rewrite,
};
use sqlx::SqlitePool;

/// Less free space than this is left in the file for later writes.
const WORTH_IT: i64 = 4 << 20;

/// Shrinks the database file. If other processes block this, it is left to the next call.
pub(crate) async fn give_back(database: &Database) {
    let _ = match &database.db {
        Db::Lite(pool) => shrink(pool).await,
        Db::Pg(pool) => rewrite(pool, &["contents"]).await.map(drop),
    };
}

async fn shrink(pool: &SqlitePool) -> sqlx::Result<()> {
    let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(pool).await?;
    let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(pool).await?;
    if free.saturating_mul(page) < WORTH_IT {
        return Ok(());
    }
    sqlx::query("VACUUM").execute(pool).await?;
    // The checkpoint truncates the file.
    let _: (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await?;
    Ok(())
}
