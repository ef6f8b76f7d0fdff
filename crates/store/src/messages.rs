//! The store's part of `docs/messages.md`: one example of each error.

use crate::{
    Author, CannotOpen, CannotSeal, DatabaseError, EncryptionError, ExportError, Fault, JournalError,
    KeyError, KeyFileError, KeyId, LockError, LockInfo, LockOwner, OpeningError, StackError, StoreError,
    TakenWhat,
};
use devarch_core::{
    content::ContentDigest,
    id::{ApplyId, PlanId, StackId},
    name::{ContainerName, StackName},
    secret::Undecryptable,
    serialize::SerializeError,
};
use devarch_testkit::{every_variant, page};
use std::{io, path::PathBuf};

fn stack() -> StackName {
    "shop".parse().unwrap()
}

fn author() -> Author {
    Author { user: "ann".to_owned(), host: "laptop".to_owned(), pid: 4242 }
}

fn key() -> KeyId {
    KeyId::from_bytes([0x1a; 8])
}

fn key_file() -> PathBuf {
    "/home/me/.devarch/secret.key".into()
}

fn database() -> String {
    "/home/me/.devarch/devarch.db".to_owned()
}

fn holder() -> Box<LockInfo> {
    let owner = LockOwner { operation: "apply shop".to_owned(), author: author(), since: 1_700_000_000_000 };
    Box::new(LockInfo { stack: StackId::new("01"), name: stack(), fence: 1, owner, alive: true, lease: None })
}

fn encryption() -> Vec<StoreError> {
    let files = every_variant!(KeyFileError {
        KeyFileError::Exposed { .. } => KeyFileError::Exposed { path: key_file(), mode: 0o644 },
        KeyFileError::NotOurs { .. } => KeyFileError::NotOurs { path: key_file(), owner: 0, us: 1000 },
        KeyFileError::NotKeys { .. } => KeyFileError::NotKeys { path: key_file() },
        KeyFileError::Newer { .. } => KeyFileError::Newer { path: key_file(), version: 9 },
        KeyFileError::Busy { .. } => KeyFileError::Busy { path: key_file() },
        KeyFileError::Io { .. } => KeyFileError::Io { path: key_file(), reason: "permission denied".to_owned() },
    });
    let opening = every_variant!(CannotOpen {
        CannotOpen::NoKey { .. } => CannotOpen::NoKey { path: key_file(), needs: key() },
        CannotOpen::WrongKey { .. } => CannotOpen::WrongKey { path: key_file(), needs: key(), has: Vec::new() },
        CannotOpen::BadKey { .. } => CannotOpen::BadKey { path: key_file(), needs: key() },
        CannotOpen::KeyFile(_) | CannotOpen::Damaged => CannotOpen::Damaged,
    });
    let values = every_variant!(EncryptionError {
        EncryptionError::LockedValues { .. } => EncryptionError::LockedValues { what: "instance 'db' of stack 'shop'".to_owned(), reason: Undecryptable::NoKey },
        EncryptionError::CannotOpen(_) | EncryptionError::CannotSeal(_) | EncryptionError::KeyFile(_) => EncryptionError::CannotSeal(CannotSeal),
    });
    let values = values.into_iter().map(StoreError::from).chain(files.into_iter().map(StoreError::from));
    values.chain(opening.into_iter().map(StoreError::from)).collect()
}

fn keys() -> Vec<StoreError> {
    let changes = every_variant!(KeyError {
        KeyError::NotRotated { .. } => KeyError::NotRotated { count: 1, names: vec!["secret API_KEY of stack 'shop'".to_owned()], reason: CannotOpen::Damaged },
        KeyError::KeyThere => KeyError::KeyThere,
        KeyError::NotReset => KeyError::NotReset,
        KeyError::AnotherKey { .. } | KeyError::Export(_) => KeyError::AnotherKey { given: KeyId::from_bytes([0x2b; 8]), needs: key(), here: false },
    });
    let exports = every_variant!(ExportError {
        ExportError::NotAnExport => ExportError::NotAnExport,
        ExportError::Newer(_) => ExportError::Newer(9),
        ExportError::Damaged => ExportError::Damaged,
        ExportError::WrongPassphrase => ExportError::WrongPassphrase,
        ExportError::NoPassphrase => ExportError::NoPassphrase,
        ExportError::NoMemory | ExportError::CannotSeal(_) => ExportError::NoMemory,
    });
    let changes = changes.into_iter().map(StoreError::from);
    changes.chain(exports.into_iter().map(StoreError::from)).collect()
}

fn faults() -> Vec<StoreError> {
    let faults = every_variant!(Fault {
        Fault::Unreachable => Fault::Unreachable,
        Fault::Busy => Fault::Busy,
        Fault::Damaged => Fault::Damaged,
        Fault::Full => Fault::Full,
        Fault::ReadOnly => Fault::ReadOnly,
        Fault::Refused => Fault::Refused,
    });
    let source = || io::Error::other("the driver's own message").into();
    faults
        .into_iter()
        .map(|fault| DatabaseError { place: database(), fault, source: source() }.into())
        .collect()
}

fn stacks() -> Vec<StackError> {
    let long =
        ContainerName::for_instance(&"s".repeat(40).parse().unwrap(), &"i".repeat(40).parse().unwrap());
    every_variant!(StackError {
        StackError::Taken { .. } => StackError::Taken { what: TakenWhat::ContainerName, value: "devarch-a-b-c".to_owned(), owner: Some("instance 'c' of stack 'a-b'".to_owned()) },
        StackError::Changed { .. } => StackError::Changed { stack: stack() },
        StackError::Gone { .. } => StackError::Gone { stack: StackId::new("01a2b3c4") },
        StackError::NoContent { .. } => StackError::NoContent { digest: ContentDigest::from_text("") },
        StackError::Name(_) => StackError::Name(long.unwrap_err()),
    })
}

fn locks_and_journal() -> Vec<StoreError> {
    let locks = every_variant!(LockError {
        LockError::Held { .. } => LockError::Held { stack: stack(), holder: holder() },
        LockError::Lost { .. } => LockError::Lost { stack: stack(), by: Some(author()) },
        LockError::Pooler { .. } => LockError::Pooler { place: "postgres://db.lan/devarch".to_owned() },
    });
    let journal = every_variant!(JournalError {
        JournalError::PlanUsed { .. } => JournalError::PlanUsed { plan: PlanId::new("plan_01a2b3c4"), by: ApplyId::new("01a2b3c4") },
        JournalError::NoPlan { .. } => JournalError::NoPlan { plan: PlanId::new("plan_01a2b3c4") },
        JournalError::NotJournalled { .. } => JournalError::NotJournalled { apply: ApplyId::new("01a2b3c4") },
    });
    locks.into_iter().map(StoreError::from).chain(journal.into_iter().map(StoreError::from)).collect()
}

fn openings() -> Vec<OpeningError> {
    let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
    every_variant!(OpeningError {
        OpeningError::Newer { .. } => OpeningError::Newer { place: database(), found: 9, known: 4 },
        OpeningError::NetworkFileSystem { .. } => OpeningError::NetworkFileSystem { path: "/mnt/home/.devarch".into(), kind: "NFS".to_owned() },
        OpeningError::Emptied { .. } => OpeningError::Emptied { path: database().into(), key_file: key_file() },
        OpeningError::OthersHome { .. } => OpeningError::OthersHome { path: "/home/me/.devarch".into(), owner: 1000 },
        OpeningError::File { .. } => OpeningError::File { path: "/home/me/.devarch".into(), source: refused() },
    })
}

#[test]
fn every_error_of_the_store() {
    let json = || SerializeError::from(serde_json::from_str::<u8>("{").unwrap_err());
    let parts = every_variant!(StoreError {
        StoreError::Unwritable(_) => StoreError::Unwritable(json()),
        StoreError::Stack(_) | StoreError::Lock(_) | StoreError::Journal(_) | StoreError::Encryption(_)
        | StoreError::Key(_) | StoreError::Opening(_) | StoreError::Database(_) => StackError::Gone { stack: StackId::new("01a2b3c4") }.into(),
    });
    let stacks = stacks().into_iter().map(StoreError::from).chain(locks_and_journal());
    let errors = stacks.chain(parts.into_iter().take(1)).chain(openings().into_iter().map(StoreError::from));
    let errors = errors.chain(encryption()).chain(keys()).chain(faults());
    let shown = page::messages(errors.map(|error| (error.to_string(), error.hint().into_iter().collect())));
    page::hold("docs/messages.md", "store", &shown);
}
