//! Kinds of the store's errors.

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

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::id::{ApplyId, PlanId, StackId};
    use devarch_store::{CannotOpen, EncryptionError, ExportError, OpeningError};

    fn stack() -> devarch_core::name::StackName {
        "shop".parse().unwrap()
    }

    #[test]
    fn concurrent_changes_are_conflicts_and_store_failures_are_store_errors() {
        let (plan, by) = (PlanId::new("plan_1"), ApplyId::new("1"));
        let place = || "/home/me/.devarch/devarch.db".to_owned();
        let errors: Vec<(StoreError, ErrorKind)> = vec![
            (StackError::Changed { stack: stack() }.into(), ErrorKind::Conflict),
            (StackError::Gone { stack: StackId::new("1") }.into(), ErrorKind::Conflict),
            (LockError::Lost { stack: stack(), by: None }.into(), ErrorKind::Conflict),
            (LockError::Pooler { place: place() }.into(), ErrorKind::Store),
            (JournalError::PlanUsed { plan: plan.clone(), by: by.clone() }.into(), ErrorKind::Conflict),
            (JournalError::NoPlan { plan }.into(), ErrorKind::Store),
            (JournalError::NotJournalled { apply: by }.into(), ErrorKind::Store),
            (EncryptionError::CannotOpen(CannotOpen::Damaged).into(), ErrorKind::Store),
            (KeyError::KeyThere.into(), ErrorKind::Conflict),
            (KeyError::NotReset.into(), ErrorKind::Conflict),
            (KeyError::Export(ExportError::WrongPassphrase).into(), ErrorKind::Invalid),
            (OpeningError::Newer { place: place(), found: 9, known: 4 }.into(), ErrorKind::Store),
        ];
        for (error, expected) in errors {
            assert_eq!(kind(&error), expected, "{error}");
        }
    }
}
