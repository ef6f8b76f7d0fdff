//! Giving the space of removed contents back.

use crate::{
    db::{Database, Db},
    rewrite::rewrite,
};
use sqlx::SqlitePool;

/// Less than this is left in the file, for what comes next.
const WORTH_IT: i64 = 4 << 20;

/// Gives the space of what was removed back to the disk. Where others are in the way it is left to the next time.
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
    // The file itself becomes shorter with the checkpoint.
    let _: (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await?;
    Ok(())
}
