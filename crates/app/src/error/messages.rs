//! `docs/messages.md`: every error an operation can return, with one example each.

use super::*;
use crate::{Ending, Failure, Interrupted, LinkedFrom, execution::failure::ApplyFailure};
use devarch_core::{
    diagnostic::{Diagnostic, Problem},
    engine::EngineKind,
    id::{ApplyId, ImageId, InstanceId, PlanId},
    name::{InstanceName, PhysicalVolume, StackName},
    plan::{Conflict as PlanConflict, Difference, PlanError},
    secret::Undecryptable,
    wire::{Endpoint, ProviderName, WireDecl, WireTo},
};
use devarch_files::{FileKind, NotRegular, ReadError};
use devarch_store::{CannotOpen, KeyError, StoreError};
use devarch_testkit::{every_variant, page};
use std::{io, time::Duration};

const PAGE: &str = "docs/messages.md";

fn stack() -> StackName {
    "shop".parse().unwrap()
}

fn db() -> InstanceName {
    "db".parse().unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint { provider: ProviderName::Instance(db()), export: "main".to_owned() }
}

fn problems(field: &str, message: &str) -> Vec<Problem> {
    vec![Problem::in_field(&db(), field, message)]
}

fn json_error() -> serde_json::Error {
    serde_json::from_str::<u8>("{").unwrap_err()
}

fn refused() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

fn link() -> LinkedFrom {
    let to = WireTo::Other { stack: stack(), instance: db(), export: None };
    let wire = WireDecl { from: "api.db".parse().unwrap(), to, contract: None };
    LinkedFrom { stack: "billing".parse().unwrap(), wire, to: db() }
}

fn shown<T: Into<OperationError>>(errors: Vec<T>) -> String {
    let errors = errors.into_iter().map(Into::into);
    page::messages(errors.map(|error: OperationError| (error.to_string(), error.hints())))
}

#[test]
fn messages_about_definitions_and_names_are_documented() {
    let examples = every_variant!(DefinitionError {
        DefinitionError::Invalid { .. } => DefinitionError::Invalid {
            origin: "devarch.yml".to_owned(),
            wrong: Diagnostic { place: None, field: "stacks.shop.instances.db".into(), message: "unknown field `imgae`; did you mean `image`?".to_owned() }.into(),
        },
        DefinitionError::Unworkable { .. } => DefinitionError::Unworkable {
            stack: stack(),
            problems: problems("environment.PASSWORD", "secret 'PASSWORD' of stack 'shop' is not set; set it with `devarch secret set shop PASSWORD`"),
        },
        DefinitionError::Wire { .. } => DefinitionError::Wire {
            wire: link().wire.to_string(),
            problems: vec![Problem { instance: None, field: "wires[1]".into(), message: "api.db is wired by wires[0] already; keep one of them".to_owned() }],
        },
        DefinitionError::Unwired { .. } => DefinitionError::Unwired {
            instance: "api".parse().unwrap(),
            problems: problems("imports.db", "nothing in the stack offers postgres"),
        },
        DefinitionError::PortsTaken { .. } => DefinitionError::PortsTaken {
            stack: stack(),
            problems: problems("ports.5432/tcp", "host port 5432 belongs to instance 'db' of stack 'blog'; choose another, or `auto`"),
        },
        DefinitionError::Name(_) => DefinitionError::Name("Shop!".parse::<StackName>().unwrap_err()),
        DefinitionError::TooLong(_) => DefinitionError::TooLong(
            devarch_core::name::ContainerName::for_instance(&"s".repeat(40).parse().unwrap(), &"i".repeat(40).parse().unwrap()).unwrap_err(),
        ),
        DefinitionError::Undeclared { .. } => DefinitionError::Undeclared {
            file: "/home/me/shop/devarch.yml".into(),
            named: None,
            declared: vec![stack(), "blog".parse().unwrap()],
        },
    });
    page::hold(PAGE, "definitions", &shown(examples));
}

#[test]
fn messages_about_missing_objects_are_documented() {
    let examples = every_variant!(NotFound {
        NotFound::Stack { .. } => NotFound::Stack { name: "shoop".to_owned(), near: Some("shop".to_owned()) },
        NotFound::Instance { .. } => NotFound::Instance { stack: stack(), name: "bd".parse().unwrap(), near: Some("db".to_owned()) },
        NotFound::Template { .. } => NotFound::Template { name: "postgers".to_owned(), near: Some("postgres".to_owned()) },
        NotFound::Secret { .. } => NotFound::Secret { stack: stack(), name: "API_KEY".to_owned(), near: None },
        NotFound::Plan { .. } => NotFound::Plan { plan: PlanId::new("plan_01a2b3c4") },
        NotFound::Apply { .. } => NotFound::Apply { stack: stack(), id: Some("01a2".to_owned()) },
        NotFound::Leftovers(_) => NotFound::Leftovers(stack()),
    });
    page::hold(PAGE, "not-found", &shown(examples));
}

fn conflicts() -> Vec<Conflict> {
    let first = every_variant!(Conflict {
        Conflict::Exists { .. } => Conflict::Exists { what: "devarch.yml".to_owned(), hint: "--force overwrites it".to_owned() },
        Conflict::NameTaken { .. } => Conflict::NameTaken { taken: "stack name shop is already taken".to_owned(), free: Some("shop-2".to_owned()) },
        Conflict::Objects(_) => Conflict::Objects(PlanError::Conflicts {
            stack: stack(),
            conflicts: vec![PlanConflict(Problem::in_field(&db(), "ports.5432/tcp", "port 5432 is already in use by postgres (pid 812)"))],
        }),
        Conflict::InUse(_) | Conflict::Ambiguous(_) | Conflict::Elsewhere(_) | Conflict::Outdated(_) | Conflict::State(_) =>
            Conflict::InUse(InUse::Objects { stack: stack(), objects: vec!["container devarch-shop-db".to_owned()] }),
    });
    let volume = PhysicalVolume::from_stored("devarch-shop-db-data");
    let in_use = every_variant!(InUse {
        InUse::Volume { .. } => InUse::Volume {
            stack: stack(),
            volume,
            users: vec![devarch_core::name::ContainerName::from_stored("backup")],
            removed: Vec::new(),
        },
        InUse::Secret { .. } => InUse::Secret { stack: stack(), name: "API_KEY".parse().unwrap(), users: vec!["api.environment.KEY".to_owned()] },
        InUse::Linked { .. } => InUse::Linked { stack: stack(), instance: Some(db()), by: vec![link()] },
        InUse::Subnets { .. } | InUse::Objects { .. } => InUse::Subnets { stack: stack(), pool: "10.213.0.0/24".to_owned() },
    });
    let ambiguous = every_variant!(Ambiguous {
        Ambiguous::Stacks { .. } => Ambiguous::Stacks { directory: "/home/me/shop".into(), stacks: vec![stack(), "shop-2".parse().unwrap()] },
        Ambiguous::Applies { .. } => Ambiguous::Applies { stack: stack(), id: "01".to_owned() },
        Ambiguous::Urls { .. } => Ambiguous::Urls { stack: stack(), urls: vec!["shop/web  http://127.0.0.1:20001".to_owned(), "shop/api  http://127.0.0.1:20002".to_owned()] },
    });
    let elsewhere = every_variant!(Elsewhere {
        Elsewhere::Directory { .. } => Elsewhere::Directory { stack: stack(), theirs: "/home/me/shop".into(), ours: "/home/me/clone".into() },
        Elsewhere::Engine { .. } => Elsewhere::Engine { stack: stack(), kind: EngineKind::Podman, endpoint: "unix:///run/podman/podman.sock".to_owned() },
        Elsewhere::BuiltIn(_) => Elsewhere::BuiltIn("postgres".parse().unwrap()),
        Elsewhere::ProjectTemplate(_) => Elsewhere::ProjectTemplate("api".parse().unwrap()),
        Elsewhere::Wire { .. } => Elsewhere::Wire { stack: stack(), from: link().wire.from, wires: Vec::new() },
    });
    let parts = in_use.into_iter().map(Conflict::InUse).chain(ambiguous.into_iter().map(Conflict::Ambiguous));
    first.into_iter().chain(parts).chain(elsewhere.into_iter().map(Conflict::Elsewhere)).collect()
}

fn states() -> Vec<Conflict> {
    let (stack, instance) = (stack(), db());
    let states = every_variant!(WrongState {
        WrongState::Disabled(_) => WrongState::Disabled(stack.clone()),
        WrongState::NotRunning { .. } => WrongState::NotRunning { stack: stack.clone(), instance: instance.clone() },
        WrongState::Stuck { .. } => WrongState::Stuck { stack: stack.clone(), instance: instance.clone() },
        WrongState::NoContainer { .. } => WrongState::NoContainer { stack: stack.clone(), instance: Some(instance.clone()) },
        WrongState::NoUrl(_) => WrongState::NoUrl(stack.clone()),
        WrongState::NotInterrupted(_) => WrongState::NotInterrupted(stack.clone()),
        WrongState::NotAdoptable(_) => WrongState::NotAdoptable(stack.clone()),
        WrongState::RunsElsewhere { .. } => WrongState::RunsElsewhere { stack: stack.clone(), running: 2 },
    });
    let differences = vec![Difference {
        what: "container devarch-shop-db".to_owned(),
        assumed: Some("running".to_owned()),
        found: None,
    }];
    let outdated = every_variant!(Outdated {
        Outdated::Plan { .. } => Outdated::Plan { stack: stack.clone(), plan: None, differences },
        Outdated::SavedPlan { .. } => Outdated::SavedPlan { plan: PlanId::new("plan_01a2b3c4"), stack: stack.clone(), why: "it was applied already (apply 01a2)".to_owned() },
        Outdated::Strays(_) => Outdated::Strays(stack.clone()),
        Outdated::Volumes(_) => Outdated::Volumes(stack.clone()),
        Outdated::Logins { .. } => Outdated::Logins { stack: stack.clone(), instance: instance.clone() },
        Outdated::File(_) => Outdated::File("/home/me/shop/nginx.conf".into()),
    });
    states.into_iter().map(Conflict::State).chain(outdated.into_iter().map(Conflict::Outdated)).collect()
}

#[test]
fn messages_about_conflicts_are_documented() {
    page::hold(PAGE, "conflicts", &shown(conflicts()));
    page::hold(PAGE, "states", &shown(states()));
}

fn endings() -> Vec<Ending> {
    every_variant!(Ending {
        Ending::Untouched => Ending::Untouched,
        Ending::PutBack { .. } => Ending::PutBack { before: true, done: 8, steps: 10, remains: vec!["volume devarch-shop-db-data was created and is kept".to_owned()] },
        Ending::Left { .. } => Ending::Left { why: "start container devarch-shop-db: no space left on device".to_owned(), remains: vec!["start devarch-shop-db".to_owned()] },
        Ending::Committed { .. } => Ending::Committed { remains: vec!["container devarch-shop-db.old: remove: in use".to_owned()] },
        Ending::LockLost => Ending::LockLost,
    })
}

fn failures() -> Vec<Failure> {
    let logs = vec!["FATAL: password authentication failed".to_owned()];
    let mut failures = every_variant!(Failure {
        Failure::Engine(_) => engine_failure(devarch_engine::EngineErrorKind::Other),
        Failure::Exited { .. } => Failure::Exited { code: 1, restarted: false, out_of_memory: false, logs: logs.clone() },
        Failure::Unhealthy { .. } => Failure::Unhealthy { waited: Duration::from_secs(30), last: "connection refused".to_owned(), logs: Vec::new() },
        Failure::ImageMoved { .. } => Failure::ImageMoved { image: "my/api:1".to_owned(), planned: "sha256:1111".to_owned(), found: "sha256:2222".to_owned() },
        Failure::NoShell { .. } => Failure::NoShell { volume: PhysicalVolume::from_stored("devarch-shop-db-data"), image: ImageId::new("sha256:1111") },
        Failure::NoLogin { .. } => Failure::NoLogin { provider: ProviderName::Instance(db()), name: "api_db".to_owned(), code: 2, output: logs.clone() },
        Failure::Context(_) => Failure::Context("its context /home/me/api is not a directory on this machine; create it, or name another".to_owned()),
        Failure::Store { .. } => Failure::Store { message: "database /home/me/.devarch/devarch.db: its disk is full; nothing was changed".to_owned(), hint: Some("free some space and try again".to_owned()) },
        Failure::LockLost(_) => Failure::LockLost("the lock of stack 'shop' is lost: ann@laptop (process 4242) released it by force".to_owned()),
        Failure::Instance(..) | Failure::Cancelled => Failure::Cancelled,
    });
    failures.extend([
        Failure::Exited { code: 1, restarted: true, out_of_memory: false, logs: Vec::new() },
        Failure::Exited { code: 137, restarted: false, out_of_memory: true, logs: Vec::new() },
        Failure::Exited { code: 137, restarted: false, out_of_memory: false, logs: Vec::new() },
    ]);
    failures.extend(engine_kinds().into_iter().map(engine_failure));
    failures
}

fn engine_failure(kind: devarch_engine::EngineErrorKind) -> Failure {
    Failure::Engine(EngineError::new("start container devarch-shop-db", kind, "the engine's own message"))
}

fn engine_kinds() -> Vec<devarch_engine::EngineErrorKind> {
    use devarch_engine::EngineErrorKind as Kind;
    every_variant!(Kind {
        Kind::NotRunning => Kind::NotRunning,
        Kind::PermissionDenied => Kind::PermissionDenied,
        Kind::TooOld { .. } => Kind::TooOld { kind: EngineKind::Docker, version: "19.03".to_owned() },
        Kind::NotFound => Kind::NotFound,
        Kind::NameTaken => Kind::NameTaken,
        Kind::PortTaken => Kind::PortTaken,
        Kind::SubnetTaken => Kind::SubnetTaken,
        Kind::AddressTaken => Kind::AddressTaken,
        Kind::NoImage => Kind::NoImage,
        Kind::BuildFailed => Kind::BuildFailed,
        Kind::Unauthorized => Kind::Unauthorized,
        Kind::CannotRun => Kind::CannotRun,
        Kind::TooLittleMemory => Kind::TooLittleMemory,
        Kind::LimitRefused => Kind::LimitRefused,
        Kind::Misplaced => Kind::Misplaced,
        Kind::Stuck => Kind::Stuck,
        Kind::InUse => Kind::InUse,
        Kind::Miscounted => Kind::Miscounted,
        Kind::DiskFull => Kind::DiskFull,
        Kind::Uncertain => Kind::Uncertain,
        Kind::Other => Kind::Other,
    })
}

fn failed(failure: Failure, ending: Ending) -> ApplyError {
    let (stack, action) = ("shop".to_owned(), "pull image postgres:17".to_owned());
    let failure = ApplyFailure { stack, instance: Some(db()), action, failure, ending };
    ApplyError::Failed(Box::new(failure))
}

#[test]
fn messages_about_failed_applies_are_documented() {
    let failures = failures().into_iter().map(|failure| failed(failure, Ending::Untouched));
    page::hold(PAGE, "failures", &shown(failures.collect()));
    let exited = || Failure::Exited { code: 1, restarted: false, out_of_memory: false, logs: Vec::new() };
    let endings = endings().into_iter().map(|ending| failed(exited(), ending));
    page::hold(PAGE, "endings", &shown(endings.collect()));
}

#[test]
fn messages_about_interrupted_applies_are_documented() {
    let (stack, instance) = (stack(), db());
    let logins = every_variant!(LoginError {
        LoginError::Unremovable { .. } => LoginError::Unremovable { login: "api_db".to_owned(), stack: stack.clone(), instance: instance.clone(), why: Unremovable::Unwired("db".to_owned()) },
        LoginError::Stays { .. } => LoginError::Stays { at: "db.main".to_owned(), name: "api_db".to_owned(), code: 2, output: "role \"api_db\" owns objects".to_owned(), removed: Vec::new() },
    });
    let reasons = every_variant!(Unremovable {
        Unremovable::Unwired(_) => Unremovable::Unwired("db".to_owned()),
        Unremovable::External(_) => Unremovable::External(endpoint()),
        Unremovable::NoCommand { .. } => Unremovable::NoCommand { at: endpoint(), stack: stack.clone() },
        Unremovable::Shared(_) => Unremovable::Shared("shop/worker".to_owned()),
        Unremovable::NotRunning { .. } => Unremovable::NotRunning { stack: stack.clone(), instance: instance.clone() },
    });
    let unremovable = reasons.into_iter().skip(1).map(|why| LoginError::Unremovable {
        login: "api_db".to_owned(),
        stack: stack.clone(),
        instance: instance.clone(),
        why,
    });
    let examples = every_variant!(ApplyError {
        ApplyError::Interrupted { .. } => ApplyError::Interrupted { stack: stack.clone(), apply: Box::new(Interrupted::example()) },
        ApplyError::PastCommit(_) => ApplyError::PastCommit(stack.clone()),
        ApplyError::Stuck { .. } => ApplyError::Stuck { stack: stack.clone(), why: "no space left on device".to_owned(), remains: vec!["start devarch-shop-db".to_owned()] },
        ApplyError::LockLost { .. } => ApplyError::LockLost { stack: stack.clone(), why: "the lock of stack 'shop' is lost".to_owned() },
        ApplyError::Journal { .. } => ApplyError::Journal { apply: ApplyId::new("01a2b3c4"), source: json_error() },
        ApplyError::AppliedState { .. } => ApplyError::AppliedState { instance: InstanceId::new("01a2b3c4"), source: json_error() },
        ApplyError::Login(_) | ApplyError::Failed(_) => ApplyError::from(LoginError::Unremovable { login: "api_db".to_owned(), stack: stack.clone(), instance: instance.clone(), why: Unremovable::External(endpoint()) }),
    });
    let logins = logins.into_iter().chain(unremovable).map(ApplyError::from);
    page::hold(PAGE, "decisions", &shown(examples.into_iter().chain(logins).collect()));
}

#[test]
fn messages_about_secrets_and_files_are_documented() {
    let (stack, instance) = (stack(), db());
    let secrets = every_variant!(SecretError {
        SecretError::Unfit { .. } => SecretError::Unfit { name: "API_KEY".parse().unwrap(), why: "would be empty" },
        SecretError::Locked(_) => SecretError::Locked(CannotOpen::Damaged),
        SecretError::NotWiped(_) => SecretError::NotWiped(StoreError::from(KeyError::NotReset)),
        SecretError::NotSecret { .. } => SecretError::NotSecret { stack: stack.clone(), instance: instance.clone(), variable: "MODE".to_owned() },
        SecretError::Declared { .. } => SecretError::Declared { stack: stack.clone(), name: "API_KEY".parse().unwrap() },
        SecretError::NoRandomness(_) | SecretError::Unreadable(_) => SecretError::NoRandomness(getrandom::Error::UNSUPPORTED),
    });
    let unreadable = every_variant!(Unreadable {
        Unreadable::Secret { .. } => Unreadable::Secret { name: "API_KEY".to_owned(), why: Undecryptable::NoKey },
        Unreadable::Variable { .. } => Unreadable::Variable { instance: instance.clone(), variable: "PASSWORD".to_owned() },
        Unreadable::Users { .. } => Unreadable::Users { stack: stack.clone(), name: "API_KEY".parse().unwrap(), why: Undecryptable::WrongKey },
        Unreadable::KeptValues { .. } => Unreadable::KeptValues { stack: stack.clone(), instance: instance.clone(), why: Undecryptable::BadKey },
        Unreadable::Output { .. } => Unreadable::Output { stack: stack.clone(), why: Undecryptable::GivenUp.to_string() },
    });
    let secrets = secrets.into_iter().chain(unreadable.into_iter().map(SecretError::from));
    page::hold(PAGE, "secrets", &shown(secrets.collect()));
    let read = every_variant!(ReadError {
        ReadError::Io { .. } => ReadError::Io { path: "/home/me/shop/api.conf".into(), error: refused() },
        ReadError::NotRegular { .. } => ReadError::NotRegular { path: "/home/me/shop/pipe".into(), found: NotRegular::Pipe },
        ReadError::TooLarge { .. } => ReadError::TooLarge { path: "devarch.yml".into(), kind: FileKind::Project, size: Some(9 << 20) },
    });
    let mut files = every_variant!(FileError {
        FileError::Io { .. } | FileError::Read(_) => FileError::Io { action: "write", path: "/home/me/shop/devarch.yml".into(), source: refused() },
    });
    files.extend(read.into_iter().map(FileError::from));
    page::hold(PAGE, "files", &shown(files));
}

#[test]
fn reasons_in_plans_are_documented() {
    use devarch_core::{build::BuildPart, plan::Reason};
    let reasons = every_variant!(Reason {
        Reason::Missing => Reason::Missing,
        Reason::Vanished => Reason::Vanished,
        Reason::Changed => Reason::Changed,
        Reason::HashedOtherwise => Reason::HashedOtherwise,
        Reason::MadeOtherwise { .. } => Reason::MadeOtherwise { fields: vec!["ulimits".to_owned()] },
        Reason::Wired { .. } => Reason::Wired { wires: vec!["wire db -> db.main".to_owned()] },
        Reason::ImageMoved { .. } => Reason::ImageMoved { from: "sha256:1111".to_owned(), to: "sha256:2222".to_owned() },
        Reason::ImageBuilt { .. } => Reason::ImageBuilt { changed: vec![BuildPart::Context] },
        Reason::ImageIsBuilt => Reason::ImageIsBuilt,
        Reason::Source { .. } => Reason::Source { changed: vec![BuildPart::Dockerfile] },
        Reason::Asked => Reason::Asked,
        Reason::NotRunning { .. } => Reason::NotRunning { status: "exited".to_owned() },
        Reason::NeverStarted => Reason::NeverStarted,
        Reason::Paused => Reason::Paused,
        Reason::Stuck => Reason::Stuck,
        Reason::NotCompleted { .. } => Reason::NotCompleted { exit_code: Some(1) },
        Reason::Disconnected => Reason::Disconnected,
        Reason::ConnectedElsewhere { .. } => Reason::ConnectedElsewhere { network: "bridge".to_owned() },
        Reason::Renamed { .. } => Reason::Renamed { name: "old-db".to_owned() },
        Reason::NetworkVanished => Reason::NetworkVanished,
        Reason::Links { .. } => Reason::Links { consumer: "api".parse().unwrap(), provider: "infra/db".to_owned() },
        Reason::LinkCut { .. } => Reason::LinkCut { with: "infra/db".to_owned() },
        Reason::LinkEnded => Reason::LinkEnded,
        Reason::ProviderReplaced { .. } => Reason::ProviderReplaced { provider: db() },
        Reason::WantedStopped => Reason::WantedStopped,
        Reason::WantedAbsent => Reason::WantedAbsent,
        Reason::NotDefined => Reason::NotDefined,
        Reason::LeftOver => Reason::LeftOver,
        Reason::SpentCopy => Reason::SpentCopy,
        Reason::NeededBy { .. } => Reason::NeededBy { instance: db() },
    });
    let lines: Vec<String> =
        reasons.iter().map(|reason| format!("-/+ db  will be replaced ({reason})")).collect();
    page::hold(PAGE, "reasons", &format!("```text\n{}\n```\n", lines.join("\n")));
}
