//! The author of a plan, apply or lock: a user, a machine and a process.

use crate::db::Unreadable;
use std::fmt;

/// Who created a plan, runs an apply or holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The user's name on that machine.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process's id on that machine.
    pub pid: u32,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} (process {})", self.user, self.host, self.pid)
    }
}

/// The author columns that several tables share.
#[derive(sqlx::FromRow)]
pub(crate) struct AuthorColumns {
    #[sqlx(rename = "author_user")]
    user: String,
    #[sqlx(rename = "author_host")]
    host: String,
    #[sqlx(rename = "author_pid")]
    pid: i64,
}

impl AuthorColumns {
    pub(crate) fn read(self) -> Result<Author, Unreadable> {
        Ok(Author { user: self.user, host: self.host, pid: self.pid.try_into()? })
    }
}
