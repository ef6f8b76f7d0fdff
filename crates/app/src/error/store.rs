//! What errors of the store mean for the caller.

use super::ErrorKind;
use devarch_store::{JournalError, KeyError, LockError, StackError, StoreError};

pub(super) fn kind(error: &StoreError) -> ErrorKind {
    match error {
        StoreError::Stack(StackError::Name(_)) => ErrorKind::Invalid,
        StoreError::Stack(_)
        | StoreError::Lock(LockError::Held { .. } | LockError::Lost { .. })
        | StoreError::Journal(JournalError::PlanUsed { .. }) => ErrorKind::Conflict,
        StoreError::Key(error) => key_kind(error),
        StoreError::Lock(LockError::Pooler { .. })
        | StoreError::Journal(JournalError::NoPlan { .. } | JournalError::NotJournalled { .. })
        | StoreError::Encryption(_)
        | StoreError::Opening(_)
        | StoreError::Database(_)
        | StoreError::Unwritable(_) => ErrorKind::Store,
    }
}

fn key_kind(error: &KeyError) -> ErrorKind {
    match error {
        KeyError::Export(_) => ErrorKind::Invalid,
        KeyError::KeyThere | KeyError::NotReset => ErrorKind::Conflict,
        KeyError::NotRotated { .. } | KeyError::AnotherKey { .. } => ErrorKind::Store,
    }
}
