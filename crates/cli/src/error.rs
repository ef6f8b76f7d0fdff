//! Errors of the command line: messages, hints and exit codes.

use crate::{exit::Exit, shown::Shown, signals, snippet, style, terminal};
use devarch_app::{DefinitionError, OperationError};
use devarch_core::name::StackName;
use std::{error::Error as _, io};

/// The result of a command.
pub(crate) type Done = Result<Exit, CliError>;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An operation was refused or failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The arguments or environment are invalid.
    #[error("{0}")]
    Invalid(String),
    /// The directory's stack does not exist in the store yet.
    #[error("stack '{0}' of this directory does not exist yet")]
    NotUp(StackName),
    /// An instance of the directory's stack was given as a stack.
    #[error("stack '{name}' not found")]
    NotAStack {
        /// The given name.
        name: StackName,
        /// The directory's stack, which has an instance of that name.
        here: StackName,
    },
    /// A confirmation is needed, but there is no terminal.
    #[error("{0} needs a confirmation, and there is no terminal to ask at")]
    NoTerminal(String),
    /// The user declined or pressed Ctrl-C.
    #[error("cancelled; nothing was changed")]
    Declined,
    /// Cancelled while waiting.
    #[error("cancelled while waiting; nothing was changed")]
    Cancelled,
    /// Cancelled after the desired state was saved, before anything was changed.
    #[error("cancelled before anything was changed; the desired state is saved")]
    OnlySaved(StackName),
    /// Cancelled during the health checks of an undo.
    #[error(
        "cancelled: the previous containers are running again, but their health checks were not waited for"
    )]
    HealthNotAwaited(StackName),
    /// Output failed, or the terminal could not be used.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// An error in its `--json` form.
pub(crate) fn as_json(message: &str, hints: &[String], exit: Exit) -> Shown {
    let mut error = serde_json::json!({"message": message, "exit_code": exit.0});
    if !hints.is_empty() {
        error["hint"] = hints.join("\n").into();
    }
    Shown::value(&serde_json::json!({ "error": error }))
}

impl CliError {
    /// Prints the error and returns the exit code. A closed pipe is not an error.
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
            Self::NoTerminal(_) => Exit::CONFLICT,
            Self::Declined | Self::Cancelled | Self::OnlySaved(_) | Self::HealthNotAwaited(_) => {
                Exit::CANCELLED
            }
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

    /// The error's sources that its message does not contain, outermost first.
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
            Self::NoTerminal(_) => "--yes confirms it".to_owned(),
            Self::OnlySaved(stack) => format!("`devarch apply {stack}` applies it"),
            Self::HealthNotAwaited(stack) => format!("`devarch status {stack}` shows them"),
            Self::Invalid(_) | Self::Declined | Self::Cancelled | Self::Output(_) => return Vec::new(),
        };
        vec![hint]
    }
}
