//! The store's part of `docs/messages.md`: every error it can end with, one example each.

use crate::{
    Author, CannotOpen, CannotSeal, ExportError, Fault, KeyFileError, KeyId, LockInfo, LockOwner, StoreError,
    TakenWhat,
};
use devarch_core::{
    content::ContentDigest,
    id::{ApplyId, PlanId, StackId},
    name::{ContainerName, StackName},
    secret::Locked,
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

fn keys() -> Vec<StoreError> {
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
    let exports = every_variant!(ExportError {
        ExportError::NotAnExport => ExportError::NotAnExport,
        ExportError::Newer(_) => ExportError::Newer(9),
        ExportError::Damaged => ExportError::Damaged,
        ExportError::WrongPassphrase => ExportError::WrongPassphrase,
        ExportError::NoPassphrase => ExportError::NoPassphrase,
        ExportError::NoMemory | ExportError::CannotSeal(_) => ExportError::NoMemory,
    });
    let files = files.into_iter().map(StoreError::from);
    let opening = opening.into_iter().map(StoreError::from);
    files.chain(opening).chain(exports.into_iter().map(StoreError::from)).collect()
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
        .map(|fault| StoreError::Database { place: database(), fault, source: source() })
        .collect()
}

#[test]
fn every_error_of_the_store() {
    let json = || SerializeError::from(serde_json::from_str::<u8>("{").unwrap_err());
    let long = ContainerName::of(&"s".repeat(40).parse().unwrap(), &"i".repeat(40).parse().unwrap());
    let errors = every_variant!(StoreError {
        StoreError::Taken { .. } => StoreError::Taken { what: TakenWhat::ContainerName, value: "devarch-a-b-c".to_owned(), owner: Some("instance 'c' of stack 'a-b'".to_owned()) },
        StoreError::Changed { .. } => StoreError::Changed { stack: stack() },
        StoreError::Gone { .. } => StoreError::Gone { stack: StackId::new("01a2b3c4") },
        StoreError::NoContent { .. } => StoreError::NoContent { digest: ContentDigest::of("") },
        StoreError::Locked { .. } => StoreError::Locked { stack: stack(), holder: holder() },
        StoreError::LockLost { .. } => StoreError::LockLost { stack: stack(), by: Some(author()) },
        StoreError::Pooler { .. } => StoreError::Pooler { place: "postgres://db.lan/devarch".to_owned() },
        StoreError::PlanUsed { .. } => StoreError::PlanUsed { plan: PlanId::new("plan_01a2b3c4"), by: ApplyId::new("01a2b3c4") },
        StoreError::NoPlan { .. } => StoreError::NoPlan { plan: PlanId::new("plan_01a2b3c4") },
        StoreError::NotJournalled { .. } => StoreError::NotJournalled { apply: ApplyId::new("01a2b3c4") },
        StoreError::Name(_) => StoreError::Name(long.unwrap_err()),
        StoreError::Unwritable(_) => StoreError::Unwritable(json()),
        StoreError::Newer { .. } => StoreError::Newer { place: database(), found: 9, known: 4 },
        StoreError::NetworkFileSystem { .. } => StoreError::NetworkFileSystem { path: "/mnt/home/.devarch".into(), kind: "NFS".to_owned() },
        StoreError::Emptied { .. } => StoreError::Emptied { path: database().into(), key_file: key_file() },
        StoreError::OthersHome { .. } => StoreError::OthersHome { path: "/home/me/.devarch".into(), owner: 1000 },
        StoreError::LockedValues { .. } => StoreError::LockedValues { what: "instance 'db' of stack 'shop'".to_owned(), reason: Locked::NoKey },
        StoreError::CannotSeal(_) => StoreError::CannotSeal(CannotSeal),
        StoreError::NotRotated { .. } => StoreError::NotRotated { count: 1, names: vec!["secret API_KEY of stack 'shop'".to_owned()], reason: CannotOpen::Damaged },
        StoreError::KeyThere => StoreError::KeyThere,
        StoreError::NotReset => StoreError::NotReset,
        StoreError::AnotherKey { .. } => StoreError::AnotherKey { given: KeyId::from_bytes([0x2b; 8]), needs: key(), here: false },
        StoreError::File { .. } => StoreError::File { path: "/home/me/.devarch".into(), source: io::Error::from(io::ErrorKind::PermissionDenied) },
        StoreError::Secrets(_) | StoreError::KeyFile(_) | StoreError::Export(_) | StoreError::Database { .. } => StoreError::Secrets(CannotOpen::Damaged),
    });
    let errors = errors.into_iter().chain(keys()).chain(faults());
    let shown = page::messages(errors.map(|error| (error.to_string(), Vec::new())));
    page::hold("docs/messages.md", "store", &shown);
}
