//! What can go wrong in a use-case, and of which kind it is.

use crate::{Interrupted, execute::ApplyFailure};
use devarch_core::{
    diagnostic::Problem,
    engine::EngineKind,
    id::PlanId,
    name::{ContainerName, InstanceName, InvalidName, NameTooLong, PhysicalVolume, StackName},
    plan::{Difference, PlanError},
    read::{Diagnostics, SHOWN_ERRORS, and_more},
};
use devarch_engine::{EngineError, EngineErrorKind};
use devarch_files::ReadError;
use devarch_store::{CannotOpen, StoreError};
use std::{io, path::PathBuf};

/// Why a use-case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file or an edit says something that can't be.
    #[error("{origin}: {wrong}")]
    Invalid {
        /// The file, or what was edited.
        origin: String,
        /// Everything that is wrong with it.
        wrong: Diagnostics,
    },
    /// A stack's definition can't work.
    #[error("stack '{stack}' can't be planned:\n  {}", joined(.problems))]
    Problems {
        /// The stack.
        stack: StackName,
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// A wire that can't be.
    #[error("wire {wire} can't be added:\n  {}", joined(.problems))]
    BadWire {
        /// The wire.
        wire: String,
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// What an instance needs can't be had.
    #[error("what '{instance}' needs can't be had:\n  {}", joined(.problems))]
    NotWired {
        /// The instance.
        instance: InstanceName,
        /// Why.
        problems: Vec<Problem>,
    },
    /// A definition asks for host ports that others have.
    #[error("stack '{stack}' asks for host ports that are taken:\n  {}", joined(.problems))]
    PortsTaken {
        /// The stack.
        stack: StackName,
        /// Who has what.
        problems: Vec<Problem>,
    },
    /// The store's own key can't be read, and it is needed.
    #[error("the store's own key, which config hashes are made with, can't be read: {0}")]
    Locked(CannotOpen),
    /// The edit was saved; what it freed in the database may still have a value in it that is secret now.
    #[error(
        "the change is saved, and plans and history don't have the value that became secret any more; freed pages of the \
         database may still: {0}; `devarch secret rotate-key` wipes them"
    )]
    NotWiped(StoreError),
    /// What a container writes may have secrets in it that can't be read.
    #[error(
        "a secret of stack '{stack}' can't be read, so that it can't be hidden in what its containers write: {why}; \
         `--no-redact` shows everything as it is"
    )]
    CannotHide {
        /// The stack.
        stack: StackName,
        /// Why.
        why: String,
    },
    /// A secret that is not there.
    #[error("stack '{stack}' has no secret '{name}'{}", hint(.near.as_deref(), "`devarch secret list` shows all"))]
    NoSecret {
        /// The stack.
        stack: StackName,
        /// What was asked for.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
    },
    /// A secret that can't be one.
    #[error("secret '{name}' {why}; nothing was set")]
    UnfitSecret {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name that can't be.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A stack's and an instance's name are too long together.
    #[error(transparent)]
    TooLong(#[from] NameTooLong),
    /// There is no such stack.
    #[error("there is no stack '{name}'{}", hint(.near.as_deref(), "`devarch stack list` shows all"))]
    NoStack {
        /// What was asked for.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
    },
    /// No other home left anything of that stack.
    #[error("no other home has anything of a stack '{0}' on this engine; `devarch adopt` lists all there is")]
    NothingLeft(StackName),
    /// There is no such instance.
    #[error("stack '{stack}' has no instance '{name}'{}", hint(.near.as_deref(), "`devarch instance list` shows all"))]
    NoInstance {
        /// The stack.
        stack: StackName,
        /// What was asked for.
        name: InstanceName,
        /// The nearest that exists.
        near: Option<String>,
    },
    /// There is no such template.
    #[error("there is no template '{name}'{}", hint(.near.as_deref(), "`devarch catalog list` shows all"))]
    NoTemplate {
        /// What was asked for.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
    },
    /// A name that another has.
    #[error("{taken}{}", .free.as_ref().map(|free| format!("; '{free}' would be free")).unwrap_or_default())]
    NameTaken {
        /// Which, and who has it.
        taken: String,
        /// One that would be accepted.
        free: Option<String>,
    },
    /// Something that already exists.
    #[error("{what} already exists; {way_out}")]
    Exists {
        /// What exists.
        what: String,
        /// What to do.
        way_out: String,
    },
    /// A request that can't be met as things are.
    #[error("{0}")]
    Refused(String),
    /// A volume that was to be removed has a user.
    #[error(
        "volume {volume} is in use by {}, so stack '{stack}' was not deleted{}; \
         remove that container, then repeat the command",
        mounted_by(.users), removed_volumes(.removed)
    )]
    VolumeInUse {
        /// The stack that was to be deleted.
        stack: StackName,
        /// The volume.
        volume: PhysicalVolume,
        /// The containers that mount it; none where the engine does not list them.
        users: Vec<ContainerName>,
        /// The volumes that were removed before it.
        removed: Vec<PhysicalVolume>,
    },
    /// A provider could not remove a login.
    #[error(
        "{at} did not remove login {name}: its `provision.remove` ended with exit code {code}: {output}{}\n\
         the instance is still there; mend that and do it again, or leave --drop-logins out",
        removed_before(.removed)
    )]
    LoginStays {
        /// Where it is.
        at: String,
        /// Its name.
        name: String,
        /// The command's exit code.
        code: i64,
        /// Its last lines.
        output: String,
        /// The logins that were removed before it.
        removed: Vec<String>,
    },
    /// The stack belongs to another directory.
    #[error(
        "stack '{stack}' was made from {}, not from {}; `devarch up --as NAME` makes a stack of its own here",
        .theirs.display(), .ours.display()
    )]
    OtherDirectory {
        /// The stack.
        stack: StackName,
        /// The directory it belongs to.
        theirs: PathBuf,
        /// The directory of the request.
        ours: PathBuf,
    },
    /// The stack lives on another engine.
    #[error(
        "stack '{stack}' lives on {kind} at {endpoint}, not on the engine asked for; \
         leave --engine out, or `devarch down {stack}` and `devarch stack delete {stack}` first"
    )]
    OtherEngine {
        /// The stack.
        stack: StackName,
        /// Its engine.
        kind: EngineKind,
        /// Where that was reached.
        endpoint: String,
    },
    /// Something is in the way.
    #[error(transparent)]
    Plan(PlanError),
    /// No subnet is left.
    #[error(
        "stack '{stack}' gets no network: every subnet of {pool} is taken; \
         remove networks nothing uses or set DEVARCH_ADDRESS_POOL to another pool"
    )]
    NoSubnet {
        /// The stack.
        stack: StackName,
        /// The pool.
        pool: String,
    },
    /// What was planned is not what is there any more.
    #[error(
        "{} is stale, and nothing was done:\n  {}\n`devarch plan {stack}` shows what is to be done now",
        plan.as_ref().map_or_else(|| format!("what you agreed to for stack '{stack}'"), |plan| format!("plan {plan} of stack '{stack}'")),
        joined(.differences)
    )]
    Stale {
        /// The stack.
        stack: StackName,
        /// The saved plan.
        plan: Option<PlanId>,
        /// What was assumed and what was found.
        differences: Vec<Difference>,
    },
    /// There is no such plan.
    #[error(
        "there is no plan {plan}: it was never saved, its stack is gone, or it expired long ago; `devarch plan STACK` makes one"
    )]
    NoPlan {
        /// What was asked for.
        plan: PlanId,
    },
    /// There is no such apply.
    #[error(
        "stack '{stack}' has {}; `devarch history {stack}` shows all",
        id.as_ref().map_or_else(|| "no earlier apply to go back to".to_owned(), |id| format!("no apply {id}"))
    )]
    NoApply {
        /// The stack.
        stack: StackName,
        /// What was asked for.
        id: Option<String>,
    },
    /// A saved plan that can't be applied any more.
    #[error("plan {plan} of stack '{stack}' can't be applied: {why}; `devarch plan {stack}` makes a new one")]
    PlanRefused {
        /// The plan.
        plan: PlanId,
        /// Its stack.
        stack: StackName,
        /// Why.
        why: String,
    },
    /// An earlier apply began and never ended.
    #[error("{}", interrupted(.stack, .apply))]
    Interrupted {
        /// The stack.
        stack: StackName,
        /// The apply.
        apply: Box<Interrupted>,
    },
    /// What ran before an interrupted apply can't be put back.
    #[error(
        "what ran before in stack '{stack}' could not be put back: {why}\n  {}\n\
         mend that, then `devarch apply {stack} --undo` again, or `--resume` to finish",
        joined(.remains)
    )]
    Stuck {
        /// The stack.
        stack: StackName,
        /// Why.
        why: String,
        /// What remains to be done.
        remains: Vec<String>,
    },
    /// An apply that did not reach its end.
    #[error(transparent)]
    Apply(#[from] Box<ApplyFailure>),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the project's, the catalog's or the user's that is not read.
    #[error("can't read {}{}", .0, read_way_out(.0))]
    Read(#[from] ReadError),
    /// A file that can't be read or written.
    #[error("can't {action} {}: {source}{}", .path.display(), way_out(.source.kind()))]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<PlanError> for AppError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Unmakeable { stack, problems } => Self::Problems { stack, problems },
            PlanError::Conflicts { .. } => Self::Plan(error),
        }
    }
}

/// What an error means for whoever asked; decides the exit code and the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request or a file is wrong.
    Invalid,
    /// What was asked for does not exist.
    NotFound,
    /// Someone else has it, or it is in another state.
    Conflict,
    /// The engine can't be reached or used.
    Engine,
    /// The store can't be reached or used.
    Store,
    /// It was begun and did not succeed.
    Failed,
    /// The user cancelled it.
    Cancelled,
}

impl AppError {
    /// Of which kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. }
            | Self::Problems { .. }
            | Self::BadWire { .. }
            | Self::Name(_)
            | Self::TooLong(_)
            | Self::UnfitSecret { .. }
            | Self::Read(ReadError::NotRegular { .. } | ReadError::TooLarge { .. })
            | Self::Store(StoreError::Name(_) | StoreError::Export(_)) => ErrorKind::Invalid,
            Self::NoStack { .. }
            | Self::NothingLeft(_)
            | Self::NoInstance { .. }
            | Self::NoTemplate { .. }
            | Self::NoSecret { .. }
            | Self::NoPlan { .. }
            | Self::NoApply { .. } => ErrorKind::NotFound,
            Self::Exists { .. }
            | Self::NameTaken { .. }
            | Self::PortsTaken { .. }
            | Self::Refused(_)
            | Self::NotWired { .. }
            | Self::VolumeInUse { .. }
            | Self::OtherDirectory { .. }
            | Self::OtherEngine { .. }
            | Self::Plan(_)
            | Self::NoSubnet { .. }
            | Self::Stale { .. }
            | Self::PlanRefused { .. }
            | Self::Interrupted { .. }
            | Self::Store(
                StoreError::Taken { .. }
                | StoreError::Changed { .. }
                | StoreError::Gone { .. }
                | StoreError::NoContent { .. }
                | StoreError::Locked { .. }
                | StoreError::LockLost { .. }
                | StoreError::PlanUsed { .. }
                | StoreError::KeyThere
                | StoreError::NotReset,
            ) => ErrorKind::Conflict,
            Self::Apply(failure) => failure.kind(),
            Self::Engine(error) => match error.kind {
                EngineErrorKind::NotFound => ErrorKind::NotFound,
                EngineErrorKind::NoImage | EngineErrorKind::CannotRun => ErrorKind::Failed,
                _ => ErrorKind::Engine,
            },
            Self::Store(_) | Self::Locked(_) | Self::CannotHide { .. } | Self::NotWiped(_) => {
                ErrorKind::Store
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Read(error) if error.is_missing() => ErrorKind::NotFound,
            Self::File { .. } | Self::Read(_) | Self::Stuck { .. } | Self::LoginStays { .. } => {
                ErrorKind::Failed
            }
        }
    }
}

fn removed_before(removed: &[String]) -> String {
    if removed.is_empty() { String::new() } else { format!("; removed before it: {}", removed.join(", ")) }
}

fn mounted_by(containers: &[ContainerName]) -> String {
    match containers {
        [] => "a container that the engine does not list".to_owned(),
        [one] => format!("container {one}"),
        [first, more @ ..] => {
            let more: Vec<String> = more.iter().map(|name| format!(" and {name}")).collect();
            format!("containers {first}{}", more.concat())
        }
    }
}

fn removed_volumes(removed: &[PhysicalVolume]) -> String {
    let names: Vec<&str> = removed.iter().map(PhysicalVolume::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" (already removed: {})", names.join(", ")) }
}

fn interrupted(stack: &StackName, apply: &Interrupted) -> String {
    let under_way = match apply.steps.as_slice() {
        [] => String::new(),
        steps => format!(" while it did this: {}", steps.join(", ")),
    };
    format!(
        "`devarch {}` of stack '{stack}' by {} was interrupted{under_way}; \
         `devarch apply {stack} --resume` finishes what is wanted now, `--undo` puts back what ran before",
        apply.command, apply.author
    )
}

fn read_way_out(error: &ReadError) -> &'static str {
    match error {
        ReadError::Io { error, .. } => way_out(error.kind()),
        ReadError::NotRegular { .. } | ReadError::TooLarge { .. } => "",
    }
}

fn way_out(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::PermissionDenied => "; check its owner and permissions",
        io::ErrorKind::StorageFull => "; make space on that file system",
        _ => "",
    }
}

fn joined<T: std::fmt::Display>(items: &[T]) -> String {
    let shown = items.iter().take(SHOWN_ERRORS).map(ToString::to_string);
    shown.chain(and_more(items.len().saturating_sub(SHOWN_ERRORS))).collect::<Vec<_>>().join("\n  ")
}

fn hint(near: Option<&str>, otherwise: &str) -> String {
    near.map_or_else(|| format!("; {otherwise}"), |near| format!("; did you mean '{near}'?"))
}
