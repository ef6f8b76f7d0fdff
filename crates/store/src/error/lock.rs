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
    /// The lock this program took is not its own any more.
    #[error("the lock of stack '{stack}' is lost: {}; nothing more is done under it", Loss(by.as_ref()))]
    Lost {
        /// The stack's name.
        stack: StackName,
        /// Who took it away by force; `None` where it was free for a while, and could not be taken again.
        by: Option<Author>,
    },
    /// A lock taken through a connection pooler would not be bound to this program.
    #[error(
        "database {place} is reached through a connection pooler, which may hand one session to several programs: \
         locks don't hold there"
    )]
    Pooler {
        /// The database, without password.
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
