//! Who does something: a person at a machine, by a process.

use crate::db::Unreadable;
use std::fmt;

/// Who makes a plan, applies it or holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The user's name there.
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

/// Its columns in every table that has an author.
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
