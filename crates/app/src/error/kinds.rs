//! Kinds of errors, and the sources they keep.

use super::*;
use devarch_core::{name::StackName, secret::Undecryptable};
use devarch_store::{CannotOpen, KeyError};
use std::{error::Error as _, io};

fn stack() -> StackName {
    "shop".parse().unwrap()
}

fn io_error(kind: io::ErrorKind) -> OperationError {
    FileError::Io { action: "write", path: "/home/me/x".into(), source: kind.into() }.into()
}

fn engine_error(kind: EngineErrorKind) -> OperationError {
    EngineError::new("start", kind, "the engine's own message").into()
}

#[test]
fn user_input_is_invalid_and_taken_resources_are_conflicts() {
    let name = "Shop!".parse::<StackName>().unwrap_err();
    let undeclared = |named| DefinitionError::Undeclared { file: "x".into(), named, declared: Vec::new() };
    let cases: [(OperationError, ErrorKind); 8] = [
        (name.into(), ErrorKind::Invalid),
        (undeclared(None).into(), ErrorKind::Conflict),
        (NotFound::Leftovers(stack()).into(), ErrorKind::NotFound),
        (InUse::Subnets { stack: stack(), pool: String::new() }.into(), ErrorKind::Conflict),
        (WrongState::NoUrl(stack()).into(), ErrorKind::Conflict),
        (ApplyError::PastCommit(stack()).into(), ErrorKind::Conflict),
        (
            ApplyError::Stuck { stack: stack(), why: String::new(), remains: Vec::new() }.into(),
            ErrorKind::Failed,
        ),
        (ApplyError::LockLost { stack: stack(), why: String::new() }.into(), ErrorKind::Conflict),
    ];
    for (error, kind) in cases {
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}

#[test]
fn file_errors_hint_at_what_to_check() {
    let cases = [
        (io::ErrorKind::NotFound, ErrorKind::NotFound, "check the path"),
        (io::ErrorKind::PermissionDenied, ErrorKind::Failed, "check its owner and permissions"),
        (io::ErrorKind::StorageFull, ErrorKind::Failed, "free space on that file system"),
        (io::ErrorKind::Other, ErrorKind::Failed, ""),
    ];
    for (io, kind, hint) in cases {
        let error = io_error(io);
        assert_eq!((error.kind(), error.hints().concat().as_str()), (kind, hint), "{error}");
    }
}

#[test]
fn only_an_unusable_engine_hints_at_doctor() {
    use EngineErrorKind as Kind;
    for kind in [Kind::NotRunning, Kind::PermissionDenied, Kind::Other] {
        let error = engine_error(kind);
        assert_eq!(error.kind(), ErrorKind::Engine, "{error:?}");
        assert!(error.hints().concat().contains("`devarch doctor`"), "{error:?}");
    }
    for (kind, meaning) in [
        (Kind::NotFound, ErrorKind::NotFound),
        (Kind::NoImage, ErrorKind::Failed),
        (Kind::CannotRun, ErrorKind::Failed),
    ] {
        let error = engine_error(kind);
        assert_eq!((error.kind(), error.hints().len()), (meaning, 0), "{error:?}");
    }
}

#[test]
fn errors_keep_their_source() {
    assert!(io_error(io::ErrorKind::StorageFull).source().is_some());
    let not_wiped: OperationError = SecretError::NotWiped(KeyError::NotReset.into()).into();
    assert!(not_wiped.source().is_some(), "{not_wiped:?}");
    let json = serde_json::from_str::<u8>("{").unwrap_err();
    let apply = devarch_core::id::ApplyId::new("01");
    let journal: OperationError = ApplyError::Journal { apply, source: json }.into();
    assert!(journal.source().is_some() || journal.to_string().contains("EOF"), "{journal:?}");
}

#[test]
fn a_truncated_list_shows_how_many_more_there_are() {
    let many: Vec<u32> = (0..60).collect();
    let shown = lines(&many);
    assert_eq!(shown.lines().count(), SHOWN_ERRORS + 1);
    assert!(shown.ends_with("and 10 more"), "{shown}");
    assert_eq!((lines(&[1, 2]), listed(&["a", "b"])), ("1\n  2".to_owned(), "a, b".to_owned()));
}

#[test]
fn an_undecryptable_value_is_reported_by_name_and_reason() {
    let error: OperationError =
        Unreadable::Secret { name: "KEY".to_owned(), why: Undecryptable::NoKey }.into();
    assert!(error.to_string().starts_with("secret 'KEY' cannot be read: "), "{error}");
    let locked: OperationError = SecretError::Locked(CannotOpen::Damaged).into();
    assert_ne!(locked.kind(), ErrorKind::Invalid);
}
