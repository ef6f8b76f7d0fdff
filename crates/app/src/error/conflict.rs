use super::{InUse, Outdated, listed};
use devarch_core::{
    engine::EngineKind,
    name::{InstanceName, StackName, TemplateName},
    plan::PlanError,
    wire::WireFrom,
};
use std::path::PathBuf;

/// A request that conflicts with the current state.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// Something that already exists.
    #[error("{what} already exists")]
    Exists {
        /// What exists.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A name that is already taken.
    #[error("{taken}")]
    NameTaken {
        /// The name and its owner.
        taken: String,
        /// A free name.
        free: Option<String>,
    },
    /// Something that cannot be removed while it is in use.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// A request that matches several things.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// Something that belongs to another directory, engine or source.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// Objects on the host or the engine that conflict with the plan.
    #[error(transparent)]
    Objects(PlanError),
    /// What was shown has changed.
    #[error(transparent)]
    Outdated(#[from] Outdated),
    /// Something is in the wrong state.
    #[error(transparent)]
    State(#[from] WrongState),
}

impl Conflict {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { hint, .. } => Some(hint.clone()),
            Self::NameTaken { free, .. } => free.as_ref().map(|free| format!("'{free}' is free")),
            Self::InUse(error) => Some(error.hint()),
            Self::Ambiguous(error) => Some(error.hint().to_owned()),
            Self::Elsewhere(error) => error.hint(),
            Self::Objects(_) => None,
            Self::Outdated(error) => Some(error.hint()),
            Self::State(error) => error.hint(),
        }
    }
}

/// A request that matches several things.
#[derive(Debug, thiserror::Error)]
pub enum Ambiguous {
    /// Stacks of one directory.
    #[error("several stacks were made from {}: {}", directory.display(), listed(stacks))]
    Stacks {
        /// The directory.
        directory: PathBuf,
        /// The stacks.
        stacks: Vec<StackName>,
    },
    /// Applies whose ids start the same.
    #[error("several applies of stack '{stack}' have ids that begin with '{id}'")]
    Applies {
        /// The stack.
        stack: StackName,
        /// The given start of an id.
        id: String,
    },
    /// Instances of a stack that have a URL.
    #[error("stack '{stack}' has several URLs:\n  {}", urls.join("\n  "))]
    Urls {
        /// The stack.
        stack: StackName,
        /// Each with its instance.
        urls: Vec<String>,
    },
}

impl Ambiguous {
    fn hint(&self) -> &'static str {
        match self {
            Self::Stacks { .. } => "name the stack",
            Self::Applies { .. } => "write more of the id",
            Self::Urls { .. } => "name the instance",
        }
    }
}

/// Something that belongs to another directory, engine or source.
#[derive(Debug, thiserror::Error)]
pub enum Elsewhere {
    /// A stack of another directory.
    #[error("stack '{stack}' was made from {}, not from {}", theirs.display(), ours.display())]
    Directory {
        /// The stack.
        stack: StackName,
        /// The directory it belongs to.
        theirs: PathBuf,
        /// The directory of the request.
        ours: PathBuf,
    },
    /// A stack on another engine.
    #[error("stack '{stack}' is on {kind} at {endpoint}, not on the engine that was asked for")]
    Engine {
        /// The stack.
        stack: StackName,
        /// Its engine.
        kind: EngineKind,
        /// The endpoint it was reached at.
        endpoint: String,
    },
    /// A built-in template.
    #[error("template '{0}' is built in and cannot be removed")]
    BuiltIn(TemplateName),
    /// A template that is a file of the project.
    #[error("template '{0}' is a file of the project's catalog")]
    ProjectTemplate(TemplateName),
    /// A wire that the stack does not declare itself.
    #[error("stack '{stack}' declares no wire from {from}{}", declared(wires))]
    Wire {
        /// The stack.
        stack: StackName,
        /// The consumer's end of the wire.
        from: WireFrom,
        /// The wires the stack declares.
        wires: Vec<String>,
    },
}

impl Elsewhere {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Directory { .. } => {
                Some("`devarch up --as NAME` makes a stack of its own from this directory".to_owned())
            }
            Self::Engine { stack, .. } => Some(format!(
                "leave --engine out, or run `devarch down {stack}` and `devarch stack delete {stack}` first"
            )),
            Self::BuiltIn(_) => None,
            Self::ProjectTemplate(_) => Some("delete that file".to_owned()),
            Self::Wire { stack, .. } => {
                Some(format!("`devarch wire list {stack}` also lists the wires DevArch makes by itself"))
            }
        }
    }
}

fn declared(wires: &[String]) -> String {
    if wires.is_empty() { String::new() } else { format!("; it declares {}", listed(wires)) }
}

/// Something that is not in the state the request needs.
#[derive(Debug, thiserror::Error)]
pub enum WrongState {
    /// A disabled stack.
    #[error("stack '{0}' is disabled")]
    Disabled(StackName),
    /// An instance whose container is not running.
    #[error("instance '{instance}' of stack '{stack}' is not running")]
    NotRunning {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
    },
    /// An instance whose container cannot be started any more.
    #[error(
        "instance '{instance}' of stack '{stack}' is not running, and its container cannot be started again"
    )]
    Stuck {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: InstanceName,
    },
    /// A stack, or an instance of it, without a container.
    #[error("{} has no container", instance.as_ref().map_or_else(
        || format!("stack '{stack}'"), |instance| format!("instance '{instance}' of stack '{stack}'")
    ))]
    NoContainer {
        /// The stack.
        stack: StackName,
        /// The instance.
        instance: Option<InstanceName>,
    },
    /// A stack without a URL.
    #[error("stack '{0}' has no URL: no export of type http has a host port")]
    NoUrl(StackName),
    /// A stack without an interrupted apply.
    #[error("no apply of stack '{0}' was interrupted, so there is nothing to resume")]
    NotInterrupted(StackName),
    /// Objects none of which can be adopted.
    #[error("no object of stack '{0}' can be adopted: none fits by name, labels and config")]
    NotAdoptable(StackName),
    /// Running containers of another home, which `--yes` alone does not remove.
    #[error(
        "{running} running containers of stack '{stack}' of another home would be removed, which `--yes` does not confirm"
    )]
    RunsElsewhere {
        /// The stack.
        stack: StackName,
        /// How many of them run.
        running: usize,
    },
}

impl WrongState {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Disabled(stack) => format!("`devarch stack enable {stack}` enables it"),
            Self::NotRunning { stack, instance } => format!("`devarch start {stack}/{instance}` starts it"),
            Self::Stuck { stack, .. } => format!("`devarch up {stack}` replaces it"),
            Self::NoContainer { stack, .. } => format!("`devarch apply {stack}` creates it"),
            Self::NoUrl(_) => return None,
            Self::NotInterrupted(stack) => format!("`devarch apply {stack}` applies the stored definition"),
            Self::NotAdoptable(_) => "remove them with the engine's own tools".to_owned(),
            Self::RunsElsewhere { .. } => "stop them first, or run this on a terminal".to_owned(),
        })
    }
}
