//! Failures of an apply: what failed, why, and what to do.

use crate::ErrorKind;
use devarch_core::wire::ProviderName;
use devarch_core::{
    id::ImageId,
    name::{InstanceName, PhysicalVolume},
    secret::Mask,
};
use devarch_engine::{EngineError, EngineErrorKind};
use devarch_store::{LockError, StoreError};
use std::{fmt, time::Duration};

/// An apply that failed or was cancelled.
#[derive(Debug, Clone)]
pub struct ApplyFailure {
    /// The stack.
    pub stack: String,
    /// The instance that failed; `None` for the network, an image, or a cancel.
    pub instance: Option<InstanceName>,
    /// The step that failed, in words.
    pub action: String,
    /// The cause.
    pub failure: Failure,
    /// The resulting state.
    pub ending: Ending,
}

/// The state after an apply that failed or was cancelled.
#[derive(Debug, Clone)]
pub enum Ending {
    /// Nothing was changed.
    Untouched,
    /// The previous containers are running again.
    PutBack {
        /// Whether anything ran before.
        before: bool,
        /// Number of executed steps.
        done: usize,
        /// Number of steps in the plan.
        steps: usize,
        /// What could not be rolled back, or stays: volumes the apply created, objects removed by hand in the
        /// meantime.
        remains: Vec<String>,
    },
    /// The rollback failed.
    Left {
        /// The reason.
        why: String,
        /// The remaining work, step by step.
        remains: Vec<String>,
    },
    /// Everything new is ready; not everything it replaced could be removed.
    Committed {
        /// The objects that could not be removed, with reasons.
        remains: Vec<String>,
    },
    /// Another command took the stack's lock and decides what to do about the executed steps.
    LockLost,
}

/// Why a step failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The engine returned an error.
    Engine(EngineError),
    /// A container that should be running exited.
    Exited {
        /// Its exit code.
        code: i64,
        /// Whether its restart policy restarts it repeatedly.
        restarted: bool,
        /// Whether the kernel killed it for exceeding its memory.
        out_of_memory: bool,
        /// Its last lines.
        logs: Vec<String>,
    },
    /// A health check did not pass in time.
    Unhealthy {
        /// How long the apply waited.
        waited: Duration,
        /// Output of the last probe.
        last: String,
        /// The container's last lines.
        logs: Vec<String>,
    },
    /// An image's name refers to another image than when it was planned.
    ImageMoved {
        /// The name.
        image: String,
        /// The planned image.
        planned: String,
        /// The image it refers to now.
        found: String,
    },
    /// A volume is copied with the image of the container that has it, and that image has no shell.
    NoShell {
        /// The volume.
        volume: PhysicalVolume,
        /// The image.
        image: ImageId,
    },
    /// A provider did not create a login for a consumer.
    NoLogin {
        /// The provider.
        provider: ProviderName,
        /// The login.
        name: String,
        /// The exit code of the provider's command.
        code: i64,
        /// Its last lines.
        output: Vec<String>,
    },
    /// An image's build context cannot be read.
    Context(String),
    /// The store returned an error.
    Store {
        /// The message.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Another command has the stack's lock.
    LockLost(String),
    /// A step that checks several instances found that this one failed.
    Instance(InstanceName, Box<Failure>),
    /// The user cancelled.
    Cancelled,
}

impl ApplyFailure {
    /// Returns what the failure means for the caller.
    pub fn kind(&self) -> ErrorKind {
        match &self.failure {
            Failure::Cancelled => ErrorKind::Cancelled,
            Failure::Store { .. } => ErrorKind::Store,
            Failure::LockLost(_) | Failure::ImageMoved { .. } => ErrorKind::Conflict,
            Failure::Context(_) => ErrorKind::Invalid,
            Failure::Engine(error) => match error.kind {
                EngineErrorKind::NotRunning | EngineErrorKind::PermissionDenied => ErrorKind::Engine,
                EngineErrorKind::PortTaken | EngineErrorKind::NameTaken => ErrorKind::Conflict,
                _ => ErrorKind::Failed,
            },
            Failure::Exited { .. }
            | Failure::Unhealthy { .. }
            | Failure::NoShell { .. }
            | Failure::NoLogin { .. }
            | Failure::Instance(..) => ErrorKind::Failed,
        }
    }
}

impl ApplyFailure {
    /// Returns what failed and why, without the resulting state.
    pub fn headline(&self) -> String {
        match &self.instance {
            Some(instance) => format!("instance '{instance}' failed: {}", self.failure),
            None if matches!(self.failure, Failure::Cancelled) => self.failure.to_string(),
            None => format!("{} failed: {}", self.action, self.failure),
        }
    }

    /// Returns what to do about the failure and about what it left behind.
    pub fn hints(&self) -> Vec<String> {
        let failure = self.failure.hint().map(str::to_owned);
        failure.into_iter().chain(self.ending.hint(&self.stack)).collect()
    }
}

impl Failure {
    /// Returns whether another command decides about the executed steps by now.
    pub(crate) fn is_lock_lost(&self) -> bool {
        matches!(self, Self::LockLost(_))
    }

    /// Redacts secrets in output of engine and container.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        let text = |text: String| mask.text(&text).into_owned();
        let all = |texts: Vec<String>| texts.into_iter().map(text).collect();
        match self {
            Self::Engine(error) => Self::Engine(EngineError { message: text(error.message), ..error }),
            Self::Exited { code, restarted, out_of_memory, logs } => {
                Self::Exited { code, restarted, out_of_memory, logs: all(logs) }
            }
            Self::Unhealthy { waited, last, logs } => {
                Self::Unhealthy { waited, last: text(last), logs: all(logs) }
            }
            Self::NoLogin { provider, name, code, output } => {
                Self::NoLogin { provider, name, code, output: all(output) }
            }
            Self::Context(message) => Self::Context(text(message)),
            Self::Store { message, hint } => Self::Store { message: text(message), hint },
            Self::Instance(name, failure) => Self::Instance(name, Box::new(failure.masked(mask))),
            other
            @ (Self::ImageMoved { .. } | Self::NoShell { .. } | Self::LockLost(_) | Self::Cancelled) => other,
        }
    }
}

impl std::error::Error for ApplyFailure {}

impl fmt::Display for ApplyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.ending.write(f)
    }
}

impl Ending {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("\nnothing was changed"),
            Self::PutBack { before, done, steps, remains } => {
                let now = if *before {
                    "the previous containers are running again"
                } else {
                    "everything created by this apply was removed"
                };
                write!(f, "\nrolled back after step {done} of {steps}: {now}")?;
                notes(f, remains)
            }
            Self::Left { why, remains } => {
                write!(f, "\nthe rollback failed: {why}")?;
                notes(f, remains)
            }
            Self::Committed { remains } => {
                f.write_str("\nthe new containers are running, but these old objects could not be removed:")?;
                notes(f, remains)
            }
            Self::LockLost => {
                f.write_str("\nwhat was done so far was left to the command that took the stack's lock")
            }
        }
    }

    fn hint(&self, stack: &str) -> Option<String> {
        Some(match self {
            Self::Untouched | Self::PutBack { .. } => return None,
            Self::Left { .. } => format!(
                "fix that, then `devarch apply {stack} --undo` rolls back, or `devarch apply {stack} --resume` finishes"
            ),
            Self::Committed { .. } => format!("`devarch apply {stack}` removes them"),
            Self::LockLost => format!("`devarch status {stack}` shows the stack"),
        })
    }
}

fn notes(f: &mut fmt::Formatter<'_>, notes: &[String]) -> fmt::Result {
    notes.iter().try_for_each(|note| write!(f, "\n  - {note}"))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Lock(LockError::Lost { .. }) => Self::LockLost(error.to_string()),
            _ => Self::Store { message: error.to_string(), hint: error.hint() },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => write!(f, "{error}"),
            Self::Exited { restarted: true, logs, .. } => {
                f.write_str("it exits soon after its start, and its restart policy restarts it repeatedly")?;
                lines(f, logs)
            }
            Self::Exited { code, out_of_memory, logs, .. } => {
                match (*out_of_memory, *code) {
                    (true, code) => write!(f, "it was killed at its memory limit (exit code {code})")?,
                    (false, KILLED) => write!(f, "it was killed (exit code {KILLED})")?,
                    (false, code) => write!(f, "it exited with code {code}")?,
                }
                lines(f, logs)
            }
            Self::Unhealthy { waited, last, logs } => {
                write!(f, "its health check did not pass within {:.1} s", waited.as_secs_f64())?;
                if !last.trim().is_empty() {
                    write!(f, "; its last output: {}", last.trim())?;
                }
                lines(f, logs)
            }
            Self::ImageMoved { image, planned, found } => {
                write!(f, "image {image} was {planned} in the plan, and is {found} now")
            }
            Self::NoShell { volume, image } => write!(
                f,
                "volume {volume} cannot be copied: this takes `sh`, `rm` and `cp`, and the image of its container \
                 ({image}) has no `sh`"
            ),
            Self::NoLogin { provider, name, code, output } => write!(
                f,
                "{provider} created no login {name} for it: its `provision` command exited with code {code}: {}",
                output.join("\n  | ")
            ),
            Self::Context(message) | Self::Store { message, .. } | Self::LockLost(message) => {
                f.write_str(message)
            }
            Self::Instance(_, failure) => failure.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// The exit code of a process ended by SIGKILL. Podman 4.3 does not report whether the kernel killed it for memory.
const KILLED: i64 = 137;

fn lines(f: &mut fmt::Formatter<'_>, logs: &[String]) -> fmt::Result {
    if logs.is_empty() {
        return f.write_str("; it wrote no output");
    }
    f.write_str("\nits last lines:")?;
    logs.iter().try_for_each(|line| write!(f, "\n  | {line}"))
}

impl Failure {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Engine(error) => engine_hint(&error.kind),
            Self::Exited { out_of_memory: true, .. } => Some("raise resources.limits.memory"),
            Self::Exited { restarted: false, code: KILLED, .. } => {
                Some("if you did not kill it, it ran out of memory: raise resources.limits.memory")
            }
            Self::ImageMoved { .. } => Some("plan again"),
            Self::NoShell { .. } => Some("make a copy of your own and leave --snapshot out"),
            Self::Store { hint, .. } => hint.as_deref(),
            Self::Instance(_, failure) => failure.hint(),
            Self::Exited { .. }
            | Self::Unhealthy { .. }
            | Self::NoLogin { .. }
            | Self::Context(_)
            | Self::LockLost(_)
            | Self::Cancelled => None,
        }
    }
}

fn engine_hint(kind: &EngineErrorKind) -> Option<&'static str> {
    Some(match kind {
        EngineErrorKind::NoImage => "check the image's name and tag, and the network",
        EngineErrorKind::Unauthorized => "log in to the registry (`docker login` or `podman login`)",
        EngineErrorKind::CannotRun => {
            "check command and entrypoint: the program must be in the image, and executable"
        }
        EngineErrorKind::LimitRefused => {
            "lower `ulimits`, or set all of them: where only some are set Podman takes the others from its \
             configuration, and may not be allowed to (type 6 is nproc, 7 is nofile)"
        }
        EngineErrorKind::TooLittleMemory => "raise resources.limits.memory",
        EngineErrorKind::Misplaced => {
            "check config_files and volumes: a file takes the place of a directory of the image, or the reverse"
        }
        EngineErrorKind::DiskFull => {
            "free space on the engine's disk (`devarch doctor` shows how much is left)"
        }
        EngineErrorKind::BuildFailed => {
            "fix the build, then repeat the command; the previous containers are still running"
        }
        EngineErrorKind::AddressTaken => {
            "if no container has it, a rootless Podman kept it after a start that failed over a port: with nothing \
             running on it, remove ipam.db and aardvark-dns in $XDG_RUNTIME_DIR/containers/networks, then apply again"
        }
        EngineErrorKind::Miscounted => {
            "nothing is connected to it: Docker has miscounted (moby issue 42119), and removes it only after its own \
             restart. Until then it does no harm, and an `up` uses it as it is"
        }
        EngineErrorKind::PortTaken => "`devarch plan` names what has the port",
        EngineErrorKind::Stuck => {
            "the engine cannot start this container any more (its last stop or start did not end): `devarch up` replaces \
             it"
        }
        EngineErrorKind::SubnetTaken => {
            "another network took these addresses meanwhile: repeat the command to get others"
        }
        EngineErrorKind::NameTaken => "`devarch plan` names what has the name",
        EngineErrorKind::NotFound => "it was removed meanwhile: repeat the command to create it again",
        _ => return None,
    })
}
