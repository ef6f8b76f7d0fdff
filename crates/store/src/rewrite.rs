//! Rewrites PostgreSQL tables without their deleted rows.

use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use tokio::time::sleep;

/// How often it is tried while other sessions read, and the pause in between.
pub(crate) const TRIES: u32 = 40;
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// Rewrites tables without rows that no session can see any more. Returns whether all deleted rows are gone.
pub(crate) async fn rewrite(pool: &PgPool, tables: &[&str]) -> sqlx::Result<bool> {
    const NOW: &str = "SELECT (txid_current() % 4294967296)::text";
    const READERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND age(backend_xmin) > age($1::text::xid)";
    // The table's `relfrozenxid` after the rewrite is the horizon: rows deleted before it were left out.
    let oids: Vec<String> = tables.iter().map(|table| format!("'{table}'::regclass")).collect();
    let kept_back = format!(
        "SELECT count(*) FROM pg_class WHERE oid IN ({}) AND age(relfrozenxid) > age($1::text::xid)",
        oids.join(", ")
    );
    let now: String = sqlx::query_scalar(NOW).fetch_one(pool).await?;
    for _ in 0..TRIES {
        let readers: i64 = sqlx::query_scalar(READERS).bind(&now).fetch_one(pool).await?;
        if readers == 0 {
            for table in tables {
                sqlx::query(AssertSqlSafe(format!("VACUUM (FULL) {table}"))).execute(pool).await?;
            }
            // A session that is just starting, in any database, holds rows back without being counted as a reader.
            let query = sqlx::query_scalar(AssertSqlSafe(kept_back.clone())).bind(&now);
            let kept_back: i64 = query.fetch_one(pool).await?;
            if kept_back == 0 {
                return Ok(true);
            }
        }
        sleep(PAUSE).await;
    }
    Ok(false)
}
