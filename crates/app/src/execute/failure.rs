//! Why an apply did not reach its end, in words that say what failed, why, and what to do.

use crate::ErrorKind;
use devarch_core::name::InstanceName;
use devarch_engine::{EngineError, EngineErrorKind};
use std::{fmt, time::Duration};

/// An apply that did not reach its end.
#[derive(Debug, Clone)]
pub struct ApplyFailure {
    /// The stack.
    pub stack: String,
    /// The instance that failed; `None` for the network, an image, or a cancel.
    pub instance: Option<InstanceName>,
    /// The step that failed, in words.
    pub action: String,
    /// Why.
    pub failure: Failure,
    /// Steps that had been made.
    pub done: usize,
    /// Steps of the plan.
    pub steps: usize,
}

/// Why a step failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The engine refused.
    Engine(EngineError),
    /// A container ended that should run.
    Exited {
        /// Its exit code.
        code: i64,
        /// Whether its restart policy starts it again and again.
        restarted: bool,
        /// Whether the kernel killed it for memory.
        out_of_memory: bool,
        /// Its last lines.
        logs: Vec<String>,
    },
    /// A health check did not pass in time.
    Unhealthy {
        /// How long it was waited for.
        waited: Duration,
        /// What the last probe said.
        last: String,
        /// The container's last lines.
        logs: Vec<String>,
    },
    /// An image's name stands for another image than when it was planned.
    ImageMoved {
        /// Its name.
        image: String,
        /// The image that was planned with.
        planned: String,
        /// The one it stands for now.
        found: String,
    },
    /// What an image is built from can't be read.
    Context(String),
    /// The store refused.
    Store(String),
    /// A step that looks at several instances found that this one failed.
    Instance(InstanceName, Box<Failure>),
    /// The user cancelled.
    Cancelled,
}

impl ApplyFailure {
    /// What it means for whoever asked.
    pub fn kind(&self) -> ErrorKind {
        match &self.failure {
            Failure::Cancelled => ErrorKind::Cancelled,
            Failure::Store(_) => ErrorKind::Store,
            Failure::ImageMoved { .. } => ErrorKind::Conflict,
            Failure::Context(_) => ErrorKind::Invalid,
            Failure::Engine(error) => match error.kind {
                EngineErrorKind::NotRunning | EngineErrorKind::PermissionDenied => ErrorKind::Engine,
                EngineErrorKind::PortTaken | EngineErrorKind::NameTaken => ErrorKind::Conflict,
                _ => ErrorKind::Failed,
            },
            Failure::Exited { .. } | Failure::Unhealthy { .. } | Failure::Instance(..) => ErrorKind::Failed,
        }
    }
}

impl std::error::Error for ApplyFailure {}

impl fmt::Display for ApplyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "instance '{instance}' failed: ")?,
            None if matches!(self.failure, Failure::Cancelled) => {}
            None => write!(f, "{} failed: ", self.action)?,
        }
        write!(f, "{}", self.failure)?;
        if self.steps == 0 {
            return Ok(());
        }
        write!(
            f,
            "\n{} of {} steps were made; what is there stays. Mend the cause, then `devarch apply {}` goes on from here",
            self.done, self.steps, self.stack
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => {
                write!(f, "{error}{}", hint(&error.kind))
            }
            Self::Exited { restarted: true, logs, .. } => {
                f.write_str(
                    "it ends soon after its start, and its restart policy starts it again and again",
                )?;
                lines(f, logs)
            }
            Self::Exited { code, out_of_memory, logs, .. } => {
                if *out_of_memory || *code == 137 {
                    write!(
                        f,
                        "it was killed (exit code {code}), most likely for its memory limit; raise resources.limits.memory"
                    )?;
                } else {
                    write!(f, "it ended with exit code {code}")?;
                }
                lines(f, logs)
            }
            Self::Unhealthy { waited, last, logs } => {
                write!(f, "its health check did not pass within {} s", waited.as_secs())?;
                if !last.trim().is_empty() {
                    write!(f, "; the last one said: {}", last.trim())?;
                }
                lines(f, logs)
            }
            Self::ImageMoved { image, planned, found } => write!(
                f,
                "it was planned with image {image} as {planned}, which stands for {found} by now; plan again"
            ),
            Self::Context(message) | Self::Store(message) => f.write_str(message),
            Self::Instance(_, failure) => failure.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

fn lines(f: &mut fmt::Formatter<'_>, logs: &[String]) -> fmt::Result {
    if logs.is_empty() {
        return write!(f, "; the container wrote nothing");
    }
    write!(f, "; the container's last lines:")?;
    for line in logs {
        write!(f, "\n  | {line}")?;
    }
    Ok(())
}

fn hint(kind: &EngineErrorKind) -> &'static str {
    match kind {
        EngineErrorKind::NoImage => "; check the image's name and tag, and the network",
        EngineErrorKind::Unauthorized => "; log in to the registry (`docker login` or `podman login`)",
        EngineErrorKind::CannotRun => "; check command and entrypoint: the program must be in the image",
        EngineErrorKind::DiskFull => {
            "; free space on the engine's disk (`devarch doctor` shows how much is used)"
        }
        EngineErrorKind::BuildFailed => {
            "\nMend what it is built from; the same command builds it again. What ran before still runs"
        }
        EngineErrorKind::PortTaken => "; `devarch plan` names who has the port",
        _ => "",
    }
}
