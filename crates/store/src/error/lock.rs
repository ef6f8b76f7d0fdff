use crate::{author::Author, locks::LockInfo};
use devarch_core::name::StackName;
use std::fmt;

/// Why a stack's lock is not held.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another command holds the lock, or it is reserved for a plan.
    #[error("stack '{stack}' is {holder}")]
    Held {
        /// The stack's name.
        stack: StackName,
        /// The lock's holder.
        holder: Box<LockInfo>,
    },
    /// This program's lock was taken away or its session ended.
    #[error("the lock of stack '{stack}' is lost: {}; nothing more is done under it", Loss(by.as_ref()))]
    Lost {
        /// The stack's name.
        stack: StackName,
        /// Who released it by force; `None` if it was free for a while and could not be taken again.
        by: Option<Author>,
    },
    /// Behind a connection pooler a lock would not be bound to this program's session.
    #[error(
        "database {place} is reached through a connection pooler, which may hand one session to several programs: \
         locks don't hold there"
    )]
    Pooler {
        /// The database, without its password.
        place: String,
    },
}

impl LockError {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Held { holder, .. } => holder.hint(),
            Self::Lost { stack, .. } => {
                format!("look at the stack with `devarch status {stack}`, then apply it again")
            }
            Self::Pooler { .. } => "put the server's own address into DEVARCH_DATABASE_URL".to_owned(),
        }
    }
}

struct Loss<'a>(Option<&'a Author>);

impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(by) => write!(f, "{by} released it by force"),
            None => {
                f.write_str("its connection to the database was lost, and another command may hold it now")
            }
        }
    }
}
