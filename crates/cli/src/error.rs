//! Errors at the edge: what is printed, the hint that goes with it, the exit code.

use crate::{exit::Exit, shown::Shown, signals, snippet, style, terminal};
use devarch_app::{AppError, ErrorKind};
use devarch_core::name::StackName;
use std::{error::Error as _, io};

/// How a command ends.
pub(crate) type Done = Result<Exit, CliError>;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A use-case refused or failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The command line asks for something that can't be.
    #[error("{0}")]
    Invalid(String),
    /// The directory's stack was never brought up.
    #[error("stack '{0}' of this directory is not there yet; `devarch up` makes it")]
    NotUp(StackName),
    /// An instance of the directory's stack was named like a stack.
    #[error("there is no stack '{name}'; an instance of this directory's stack '{here}' is written /{name}")]
    NotAStack {
        /// What was named.
        name: StackName,
        /// The directory's stack.
        here: StackName,
    },
    /// A question, and nobody to ask.
    #[error("{0} needs a confirmation, and there is no terminal to ask at; --yes confirms it")]
    NobodyToAsk(String),
    /// The user said no, or pressed Ctrl-C.
    #[error("cancelled; nothing was changed")]
    Declined,
    /// Ctrl-C while something was waited for.
    #[error("cancelled while waiting; nothing was changed")]
    Cancelled,
    /// Ctrl-C when what is wanted had been recorded, and nothing been done about it.
    #[error("cancelled before anything was done; it is still wanted: `devarch apply {0}` goes on with it")]
    StillWanted(StackName),
    /// Cancelled while the containers that an undo started were waited for.
    #[error(
        "cancelled: the containers from before are running again, but their health checks were not waited for; \
         `devarch status {0}` shows them"
    )]
    Unwaited(StackName),
    /// Output could not be written, or the terminal not used.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// An error as `--json` has it.
pub(crate) fn as_json(message: &str, exit: Exit) -> Shown {
    let value = serde_json::json!({"error": {"message": message, "exit_code": exit.0}});
    Shown::value(&value)
}

impl CliError {
    /// Prints the error and tells the exit code. A reader that went away is none.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if self.is_broken_pipe() {
            return Exit::OK;
        }
        let exit = signals::exit(self.exit());
        let text = if json { as_json(&self.to_string(), exit) } else { self.as_text() };
        terminal::to_stderr(&text);
        exit
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::App(error) => error.kind().into(),
            Self::Invalid(_) => Exit::INVALID,
            Self::NotUp(_) | Self::NotAStack { .. } => Exit::NOT_FOUND,
            Self::NobodyToAsk(_) => Exit::CONFLICT,
            Self::Declined | Self::Cancelled | Self::StillWanted(_) | Self::Unwaited(_) => Exit::CANCELLED,
            Self::Output(_) => Exit::FAILED,
        }
    }

    fn as_text(&self) -> Shown {
        if let Self::App(AppError::Invalid { origin, wrong }) = self
            && let Some(text) = snippet::render(origin, wrong)
        {
            return text;
        }
        let mut text = Shown::styled(style::ERROR, "error:");
        write!(text, " ");
        text.append(&self.to_string());
        if let Self::App(error) = self {
            for cause in causes(error) {
                text.end_line();
                write!(text, "  because: ");
                text.append(&cause);
            }
        }
        if let Some(hint) = self.hint() {
            text.end_line();
            text.paint(style::HINT, "hint:");
            write!(text, " {hint}");
        }
        text
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::App(error) if error.kind() == ErrorKind::Engine => {
                Some("`devarch doctor` shows which engines were looked for, and how to mend what is wrong")
            }
            _ => None,
        }
    }
}

/// What lies under a failure of the store or of a file; other messages say it themselves.
fn causes(error: &AppError) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = match error {
        AppError::Store(error) => error.source(),
        _ => None,
    };
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}
