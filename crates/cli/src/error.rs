//! Errors at the edge: what is printed, the hints that go with it, the exit code.

use crate::{exit::Exit, shown::Shown, signals, snippet, style, terminal};
use devarch_app::{DefinitionError, OperationError};
use devarch_core::name::StackName;
use std::{error::Error as _, io};

/// How a command ends.
pub(crate) type Done = Result<Exit, CliError>;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An operation was refused or failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The command line asks for something that is not possible.
    #[error("{0}")]
    Invalid(String),
    /// The directory's stack was never brought up.
    #[error("stack '{0}' of this directory does not exist yet")]
    NotUp(StackName),
    /// An instance of the directory's stack was named like a stack.
    #[error("stack '{name}' not found")]
    NotAStack {
        /// What was named.
        name: StackName,
        /// The directory's stack, which has such an instance.
        here: StackName,
    },
    /// A question without a terminal to ask it at.
    #[error("{0} needs a confirmation, and there is no terminal to ask at")]
    NobodyToAsk(String),
    /// The user said no, or pressed Ctrl-C.
    #[error("cancelled; nothing was changed")]
    Declined,
    /// Ctrl-C while something was waited for.
    #[error("cancelled while waiting; nothing was changed")]
    Cancelled,
    /// Ctrl-C after the desired state was saved and before anything was changed.
    #[error("cancelled before anything was changed; the desired state is saved")]
    StillWanted(StackName),
    /// Cancelled while the containers that an undo started were waited for.
    #[error(
        "cancelled: the previous containers are running again, but their health checks were not waited for"
    )]
    Unwaited(StackName),
    /// Output could not be written, or the terminal not used.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// An error as `--json` has it.
pub(crate) fn as_json(message: &str, hints: &[String], exit: Exit) -> Shown {
    let mut error = serde_json::json!({"message": message, "exit_code": exit.0});
    if !hints.is_empty() {
        error["hint"] = hints.join("\n").into();
    }
    Shown::value(&serde_json::json!({ "error": error }))
}

impl CliError {
    /// Prints the error and returns the exit code. A reader that went away is none.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if self.is_broken_pipe() {
            return Exit::OK;
        }
        let exit = signals::exit(self.exit());
        let text = if json { as_json(&self.to_string(), &self.hints(), exit) } else { self.as_text() };
        terminal::to_stderr(&text);
        exit
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Operation(error) => error.kind().into(),
            Self::Invalid(_) => Exit::INVALID,
            Self::NotUp(_) | Self::NotAStack { .. } => Exit::NOT_FOUND,
            Self::NobodyToAsk(_) => Exit::CONFLICT,
            Self::Declined | Self::Cancelled | Self::StillWanted(_) | Self::Unwaited(_) => Exit::CANCELLED,
            Self::Output(_) => Exit::FAILED,
        }
    }

    fn as_text(&self) -> Shown {
        if let Self::Operation(OperationError::Definition(DefinitionError::Invalid { origin, wrong })) = self
            && let Some(text) = snippet::render(origin, wrong)
        {
            return text;
        }
        let mut text = Shown::styled(style::ERROR, "error:");
        write!(text, " ");
        text.append(&self.to_string());
        for cause in self.causes() {
            text.end_line();
            write!(text, "  because: ");
            text.append(&cause);
        }
        for hint in self.hints() {
            text.end_line();
            text.paint(style::HINT, "help:");
            write!(text, " ");
            text.append(&hint);
        }
        text
    }

    /// What lies under it, from the outside in, unless its own message has it.
    fn causes(&self) -> Vec<String> {
        let (mut texts, mut cause) = (vec![self.to_string()], self.source());
        while let Some(error) = cause {
            let text = error.to_string();
            if !texts.iter().any(|known| known.contains(&text)) {
                texts.push(text);
            }
            cause = error.source();
        }
        texts.split_off(1)
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Operation(error) => return error.hints(),
            Self::NotUp(_) => "`devarch up` creates it".to_owned(),
            Self::NotAStack { name, here } => {
                format!("an instance of this directory's stack '{here}' is written /{name}")
            }
            Self::NobodyToAsk(_) => "--yes confirms it".to_owned(),
            Self::StillWanted(stack) => format!("`devarch apply {stack}` applies it"),
            Self::Unwaited(stack) => format!("`devarch status {stack}` shows them"),
            Self::Invalid(_) | Self::Declined | Self::Cancelled | Self::Output(_) => return Vec::new(),
        };
        vec![hint]
    }
}
